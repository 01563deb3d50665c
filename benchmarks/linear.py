"""Claim: a logistic regression needs the embeddings as they are, not standardised.

Compares ``LogisticRegression(C)`` on the embeddings with and without ``StandardScaler``, on the
built-in photographs with 2, 5 and 10 patches per class (mean of 10 draws, tested on the other
halves), and on a folder with train/ and test/ if one is given. Every image goes through the
network once.
"""

import argparse
from pathlib import Path

import numpy as np
from _report import machine, print_table, write_json
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sklearn_tl import ConvFeatureExtractor
from sklearn_tl.datasets import load_photo_patches

N_DRAWS = 10
SIZES = (2, 5, 10)
C_RAW = (0.01, 0.1, 1, 10, 100)
C_SCALED = (0.001, 0.01, 0.1, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="a folder with train/ and test/")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    extractor = ConvFeatureExtractor()
    data = load_photo_patches()
    patches = extractor.fit_transform(data.images)
    folder = None
    if options.data:
        folder = [load(options.data / part) for part in ("train", "test")]
        folder = [(extractor.transform(paths), y) for paths, y in folder]

    models = {f"as they are, C={c:g}": LogisticRegression(C=c, max_iter=3000) for c in C_RAW}
    models |= {
        f"standardised, C={c:g}": make_pipeline(
            StandardScaler(), LogisticRegression(C=c, max_iter=3000)
        )
        for c in C_SCALED
    }
    columns = [f"{size} per class" for size in SIZES] + (["folder"] if folder else [])
    rows = []
    for name, model in models.items():
        scores = [np.mean(draws(model, patches, data, size)) for size in SIZES]
        if folder:
            scores.append(model.fit(*folder[0]).score(*folder[1]))
        rows.append((name, *(f"{score:.3f}" for score in scores)))
    print(machine())
    print_table(["embeddings", *columns], rows)
    write_json(options.json, {"columns": columns, "rows": rows})


def load(folder):
    paths = sorted(folder.glob("*/*.jpg"))
    return paths, np.array([path.parent.name for path in paths])


def draws(model, rows, data, size):
    """Return accuracies on the test halves after training on `size` random patches per class."""
    scores = []
    for seed in range(N_DRAWS):
        random = np.random.default_rng(seed)
        pools = [np.flatnonzero(data.train & (data.target == k)) for k in np.unique(data.target)]
        train = np.concatenate([random.permutation(pool)[:size] for pool in pools])
        model.fit(rows[train], data.target[train])
        scores.append(model.score(rows[~data.train], data.target[~data.train]))
    return scores


if __name__ == "__main__":
    with threadpool_limits(1, user_api="blas"):  # with small matrices a second thread only waits
        main()
