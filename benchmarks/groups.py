"""Claim: folds that keep found copies and sequences together are nearly as honest as known groups.

`compare_strategies` on three data sets, with three kinds of folds:

- random: `duplicates="ignore"`
- found: the default, which is told nothing and keeps copies and sequences together
- known: the groups that the data set names (the track of a sign, the district of a house)

The score is the mean over the folds. R² is that of all predictions together: a fold of few
districts may have prices that differ little, and then its own R² is far below 0.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from _report import machine, print_table, write_json
from sklearn.metrics import r2_score

from sklearn_tl import compare_strategies
from sklearn_tl.datasets import groups_from_names, load_folder, load_table


def signs(data):
    """Return traffic signs, and the track of each: a car that drove past one sign."""
    folder = load_folder(data / "signs")
    return folder.paths, folder.target, groups_from_names(folder.paths, r"(.*)_\d+\.ppm")


def houses(data):
    """Return photographs of houses, their prices, and their districts."""
    table = load_table(
        data / "houses" / "houses.csv", path_column="path", target="price", group="zipcode"
    )
    return table.paths, pd.Series(table.target, name="price"), table.groups


def flowers(data):
    """Return all photographs of flowers. Nobody has named groups."""
    parts = [load_folder(data / "flowers" / part) for part in ("train", "test")]
    paths = [path for part in parts for path in part.paths]
    return paths, np.concatenate([part.target for part in parts]), None


def main():
    """Run the comparisons, and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sets", nargs="+", default=["signs", "houses", "flowers"])
    parser.add_argument("--cache", default="memory")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    rows = []
    for name in arguments.sets:
        X, y, groups = {"signs": signs, "houses": houses, "flowers": flowers}[name](arguments.data)
        kinds = {"random": {"duplicates": "ignore"}, "found": {}}
        if groups is not None:
            kinds["known"] = {"duplicates": "ignore", "groups": groups}
        for kind, how in kinds.items():
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                result = compare_strategies(
                    X, y, strategies=["embeddings"], cv=5, random_state=0, cache=arguments.cache,
                    refit=False, **how,
                )  # fmt: skip
            scores = result.scores("embeddings")
            score = f"{scores.mean():.3f} ± {scores.std():.3f}"
            if result.task_ == "regression":
                score = f"{r2_score(y, result.predictions_['embeddings']):.3f}"
            of_groups = "" if result.groups_ is None else str(len(np.unique(result.groups_)))
            rows.append([name, kind, score, of_groups])
            print(*rows[-1], *(str(warning.message) for warning in caught), sep=" | ", flush=True)
    print_table(["data", "folds", "score of embeddings", "groups"], rows)
    write_json(arguments.json, {"machine": machine(), "rows": rows})


if __name__ == "__main__":
    main()
