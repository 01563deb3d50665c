"""Claim: a process that fits and transforms all day neither grows nor leaves anything behind.

Each round fits and applies a `FineTuneClassifier` (last layer, with augmentation in every second
round) and a pipeline of embeddings, on new images, with a cache in a file. After each round the
script counts the resident memory, the threads, the open files and the child processes. The
growth is measured from the tenth round to the last, between medians of five rounds at each end.

`--tiny` uses a network of a few thousand weights. A leak of the same objects shows there too.
"""

import argparse
import gc
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import torch
from _report import machine, print_table, write_json
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from torch import nn

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier, clear_cache

COUNTS = ("memory, MB", "threads", "files", "children")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--images", type=int, default=48)
    parser.add_argument("--tiny", action="store_true", help="a tiny network instead of the default")
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()
    options = {"backbone": tiny_network(), "image_size": 32} if args.tiny else {"image_size": 96}
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(args.rounds):
            start = time.perf_counter()
            one_round(i, args.images, options, Path(folder) / "rows.sqlite")
            rounds.append([*counted(), time.perf_counter() - start])
    shown = sorted({0, 4, 9, *range(9, args.rounds, 10), args.rounds - 1} & set(range(args.rounds)))
    print(machine())
    print_table(["round", *COUNTS, "seconds"], [[i + 1, *rounds[i]] for i in shown])
    memory = [row[0] for row in rounds]
    growth = statistics.median(memory[-5:]) / statistics.median(memory[9:14]) - 1
    more = [last - tenth for last, tenth in zip(rounds[-1][1:4], rounds[9][1:4], strict=True)]
    print(f"From the tenth round to the last the memory grows by {100 * growth:.1f} %,")
    print(f"threads, files and children by {more}.")
    write_json(args.json, {"growth": growth, "more": more})


def one_round(i, n, options, cache):
    rng = np.random.default_rng(i)
    y = np.arange(n) % 3
    X = rng.integers(0, 150, (n, 100, 120, 3))
    X[np.arange(n), ..., y] += 60
    X = X.astype(np.uint8)
    linear = make_pipeline(
        ConvFeatureExtractor(cache=cache, **options), LogisticRegression(max_iter=1000)
    )
    tuned = FineTuneClassifier(
        unfreeze=1, max_epochs=1, augment="standard" if i % 2 else None, cache=cache, **options
    )
    for model in (linear, tuned):
        model.fit(X, y).predict(X)
    ConvFeatureExtractor(cache="memory", **options).fit_transform(X)
    clear_cache()
    gc.collect()


def counted():
    """Return the memory, threads, files and children of the process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    tasks = Path("/proc/self/task").iterdir()
    children = [child for task in tasks for child in (task / "children").read_text().split()]
    return [
        pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
        threading.active_count(),
        len(os.listdir("/proc/self/fd")),
        len(children),
    ]


def tiny_network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 5),
    )


if __name__ == "__main__":
    main()
