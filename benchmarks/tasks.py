"""Claim: the same three lines predict numbers and several labels, and say where that fails.

`compare_strategies` on four targets, each strategy on the same folds:

- tags of flowers: the class of 720 photographs written as three made tags (`--data`/flowers)
- yellow of flowers: the share of yellow pixels, computed from each of the same photographs
- prices of houses, from a photograph of the front (`--data`/houses)
- genres of film posters (`--data`/posters)

The folds are random. Houses of one district may lie on both sides of a fold.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import pandas as pd
from _report import machine, print_table, write_json
from PIL import Image

from sklearn_tl import compare_strategies
from sklearn_tl.comparison import default_strategies
from sklearn_tl.datasets import load_folder, load_table


def tags_of_flowers(data):
    """Return photographs, and the bits of the number of their class as three tags."""
    flowers = load_folder(data / "flowers" / "train")
    codes = np.unique(flowers.target, return_inverse=True)[1]
    names = [f"bit {bit}" for bit in range(3)]
    return flowers.paths, pd.DataFrame((codes[:, None] >> np.arange(3)) & 1, columns=names)


def yellow_of_flowers(data):
    """Return photographs, and the share of yellow pixels of each."""
    paths = load_folder(data / "flowers" / "train").paths
    return paths, pd.Series([share_of_yellow(path) for path in paths], name="yellow")


def share_of_yellow(path):
    """Return the share of pixels of a photograph that are yellow, bright and not grey."""
    with Image.open(path) as image:
        hue, saturation, value = np.moveaxis(np.asarray(image.convert("HSV")), 2, 0)
    return float(((hue > 25) & (hue < 50) & (saturation > 100) & (value > 100)).mean())


def prices_of_houses(data):
    """Return photographs of houses and their prices."""
    houses = load_table(data / "houses" / "houses.csv", path_column="path", target="price")
    return houses.paths, pd.Series(houses.target, name="price")


def genres_of_posters(data):
    """Return film posters and the genres of the films."""
    posters = load_table(
        data / "posters" / "posters.csv", path_column="path", target="genres", separator="|"
    )
    return posters.paths, posters.target


SETS = {
    "tags of flowers": tags_of_flowers,
    "yellow of flowers": yellow_of_flowers,
    "prices of houses": prices_of_houses,
    "genres of posters": genres_of_posters,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--strategies", nargs="+", default=list(default_strategies()))
    parser.add_argument("--cv", type=int, default=5)
    parser.add_argument("--cache", default="memory")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows, figures = [], {"machine": machine()}
    for name in options.sets:
        X, y = SETS[name](options.data)
        start = time.perf_counter()
        comparison = compare_strategies(
            X, y, strategies=options.strategies, cv=options.cv, cache=options.cache, refit=False,
            random_state=0, verbose=1,
        )  # fmt: skip
        seconds = time.perf_counter() - start
        print(f"\n{name}: {seconds:.0f} s\n\n{comparison.summary()}\n", flush=True)
        scores = {s: comparison.scores(s) for s in comparison.strategies_}
        scores["always the same"] = comparison.dummy_scores_
        for strategy, values in scores.items():
            error = statistics.stdev(values) / len(values) ** 0.5
            rows.append((name, strategy, f"{values.mean():.3f} ± {error:.3f}"))
        figures[name] = {strategy: values.tolist() for strategy, values in scores.items()}
        figures[name]["seconds"] = seconds
    print_table(("data", "strategy", "score"), rows)
    print(figures["machine"])
    write_json(options.json, figures)


if __name__ == "__main__":
    main()
