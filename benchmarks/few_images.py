"""Claim: with few images per class, no other head is clearly better than the two that ship.

Heads on the same features of the default network, trained on 1, 2 and 5 images per class: flowers,
signs (tested on other tracks), patches of the built-in photographs, each with ten draws. In "1 per
class, 2 of one" the first class has one image more: its two alone can be left out and judged.

- logistic regression (C=1) on embeddings
- `TransferClassifier`, and with the last layer alone (a ridge regression on the embeddings' norms)
- LDA with shrinkage (Ledoit & Wolf) on embeddings
- class means: embeddings are centred and divided by their norm; the nearest mean of a class wins
- class means of all layers: the same on the features of all layers, each divided by its norm
"""

import argparse
import statistics
import warnings
from pathlib import Path

import numpy as np
from _report import machine, print_table, write_json
from layers import SETS, draws
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, StandardScaler

from sklearn_tl import ConvFeatureExtractor, TransferClassifier
from sklearn_tl.comparison import in_double_precision

SOURCES = {
    "flowers": "flowers, 60 per class",
    "signs by track": "signs by track",
    "patches": "patches, 10 per class",
}


def heads():
    """Return an unfitted model for each column."""
    embeddings = ConvFeatureExtractor()
    layers = ConvFeatureExtractor(layer="all", normalization="l2")
    exact = FunctionTransformer(in_double_precision)

    def class_means(features):
        return make_pipeline(
            features, exact, StandardScaler(with_std=False), Normalizer(), NearestCentroid()
        )

    return {
        "logistic": make_pipeline(embeddings, exact, LogisticRegression(max_iter=2000)),
        "last layer alone": TransferClassifier(layer_decay=0),
        "TransferClassifier": TransferClassifier(),
        "LDA": make_pipeline(
            embeddings, exact, LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        ),
        "class means": class_means(embeddings),
        "class means, all layers": class_means(layers),
    }


# Images per class, and of the first class in addition.
CASES = {
    "1 per class": (1, 0),
    "1 per class, 2 of one": (1, 1),
    "2 per class": (2, 0),
    "5 per class": (5, 0),
}


def splits_of(name, data, per_class, more, n_draws):
    """Return images, classes, and (train, test) positions of each draw."""
    X, y, groups, splits = SETS[SOURCES[name]](data)
    X, y = np.asarray(X), np.asarray(y)
    found = []
    for seed in range(n_draws):
        train, test = splits[seed % len(splits)]
        if groups is None:  # the images that are not tested
            train = np.setdiff1d(np.arange(len(X)), test)
        (drawn,) = draws(train, y, per_class, [seed])
        first = np.setdiff1d(train[y[train] == y[drawn[0]]], drawn)
        drawn = np.append(drawn, first[:more])
        found.append((drawn, test))
    return X, y, found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of classes with one image
    rows, figures = [], {}
    for name in SOURCES:
        for case in options.cases:
            per_class, more = CASES[case]
            X, y, splits = splits_of(name, options.data, per_class, more, options.draws)
            scores = {head: [] for head in heads()}
            for train, test in splits:
                for head, model in heads().items():
                    if head == "LDA" and per_class == 1:  # it needs a spread within a class
                        scores[head].append(float("nan"))
                        continue
                    score = model.fit(X[train], y[train]).score(X[test], y[test])
                    scores[head].append(float(score))
            label = f"{name}, {case}"
            figures[label] = scores
            rows.append((label, *(f"{statistics.mean(s):.3f}" for s in scores.values())))
            print(rows[-1], flush=True)
    print_table(("data", *heads()), rows)
    print(machine())
    write_json(options.json, figures)


if __name__ == "__main__":
    main()
