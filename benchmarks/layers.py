"""Claim: the features of all layers are better than the embedding, at the price of one pass.

`TransferClassifier` and `TransferRegressor` against their own two extremes, the last layer alone
(`layer_decay=0`) and all layers alike (`layer_decay=1`), and against the linear model on embeddings
of `compare_strategies`, each on the same folds:

- flowers: 5, 20 and 60 photographs per class, and the images in test/ (`--data`/flowers)
- the same 960 photographs in eight other splits of the same sizes
- signs: five folds that keep tracks whole (`--data`/signs)
- houses: the logarithm of the price, from a photograph, five random folds (`--data`/houses)
- posters: genres, three random folds (`--data`/posters)
- patches of the built-in photographs: 2, 5 and 10 per class, and the lower halves to test on

With `--logistic`, also against a logistic regression (C=30) on the same features of all layers, by
accuracy and by log loss.

With `--time`, the first fit on the flowers is timed, with an empty cache, in turn with one pass
that makes their embeddings.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
from _report import machine, print_table, write_json
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, log_loss
from sklearn.model_selection import KFold, StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_tl import ConvFeatureExtractor, TransferClassifier, TransferRegressor, clear_cache
from sklearn_tl.comparison import default_strategies, in_double_precision
from sklearn_tl.datasets import load_folder, load_photo_patches, load_table

COLUMNS = ("embeddings", "last layer alone", "all layers alike", "chosen")
LOGISTIC = "logistic regression"


def draws(pool, y, per_class, seeds):
    """Yield as many positions of each class, drawn again for each seed."""
    for seed in seeds:
        generator = np.random.default_rng(seed)
        yield np.concatenate(
            [generator.choice(pool[y[pool] == c], per_class, replace=False) for c in np.unique(y)]
        )


def flowers(data, per_class, n_draws):
    """Return photographs, classes and splits."""
    train, test = (load_folder(data / "flowers" / part) for part in ("train", "test"))
    X, y = np.append(train.paths, test.paths), np.append(train.target, test.target)
    pool, tested = np.arange(len(train.paths)), np.arange(len(train.paths), len(X))
    return X, y, None, [(t, tested) for t in draws(pool, y, per_class, range(n_draws))]


def flowers_again(data):
    """Return the photographs of both parts, classes, and four folds of them, drawn twice."""
    X, y, *_ = flowers(data, 60, 1)
    folds = [StratifiedKFold(4, shuffle=True, random_state=seed) for seed in range(2)]
    return X, y, None, [split for fold in folds for split in fold.split(X, y)]


def patches(data, per_class, n_draws):
    """Return patches of photographs, classes and splits."""
    photos = load_photo_patches()
    pool, tested = np.flatnonzero(photos.train), np.flatnonzero(~photos.train)
    splits = [(t, tested) for t in draws(pool, photos.target, per_class, range(n_draws))]
    return photos.images, photos.target, None, splits


def signs(data):
    """Return signs, classes, tracks and splits that keep tracks whole."""
    found = load_folder(data / "signs")
    tracks = [f"{Path(p).parent.name}/{Path(p).name.split('_')[0]}" for p in found.paths]
    groups = np.unique(tracks, return_inverse=True)[1]
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    return (
        np.asarray(found.paths),
        found.target,
        groups,
        list(folds.split(groups, found.target, groups)),
    )


def houses(data):
    """Return houses, the logarithms of their prices and splits."""
    table = load_table(data / "houses" / "houses.csv", path_column="path", target="price")
    splits = KFold(5, shuffle=True, random_state=0).split(table.paths)
    return np.asarray(table.paths), np.log(table.target), None, list(splits)


def posters(data):
    """Return posters, genres and splits."""
    table = load_table(
        data / "posters" / "posters.csv", path_column="path", target="genres", separator="|"
    )
    splits = KFold(3, shuffle=True, random_state=0).split(table.paths)
    return np.asarray(table.paths), np.asarray(table.target), None, list(splits)


SETS = {
    "flowers, 5 per class": lambda data: flowers(data, 5, 5),
    "flowers, 20 per class": lambda data: flowers(data, 20, 5),
    "flowers, 60 per class": lambda data: flowers(data, 60, 1),
    "signs by track": signs,
    "houses, R²": houses,
    "posters, mean average precision": posters,
    "patches, 2 per class": lambda data: patches(data, 2, 5),
    "patches, 5 per class": lambda data: patches(data, 5, 5),
    "patches, 10 per class": lambda data: patches(data, 10, 5),
}

AGAIN = {"flowers, 60 per class, eight splits": flowers_again}  # the same images once more


def models(y, groups):
    """Return an unfitted model for each column."""
    several, numbers = np.ndim(y) == 2, y.dtype.kind == "f"
    task = "multilabel" if several else "regression" if numbers else "classification"
    model = TransferRegressor() if numbers else TransferClassifier()
    linear = default_strategies(task=task, grouped=groups is not None)["embeddings"]
    # First all layers: their pass is also that of the embeddings.
    decays = {"last layer alone": 0, "all layers alike": 1, "chosen": "auto"}
    return {name: clone(model).set_params(layer_decay=d) for name, d in decays.items()} | {
        "embeddings": linear
    }


def logistic_regression():
    """Return an unfitted logistic regression on what `TransferClassifier` learns from."""
    features = ConvFeatureExtractor(layer="all", pooling="avgmax", normalization="l2")
    exact = FunctionTransformer(in_double_precision)
    return make_pipeline(features, exact, LogisticRegression(C=30, max_iter=2000))


def compare_heads(sets, data):
    """Print the accuracy and the log loss of both linear models, and return them."""
    rows, figures = [], {}
    for name in sets:
        X, y, groups, splits = (SETS | AGAIN)[name](data)
        if np.ndim(y) == 2 or y.dtype.kind == "f":
            continue  # no classes
        found = {"chosen": [], LOGISTIC: []}
        for train, test in splits:
            some = None if groups is None else groups[train]
            ours = fitted("chosen", TransferClassifier(), X[train], y[train], some)
            other = logistic_regression().fit(X[train], y[train])
            for column, model in (("chosen", ours), (LOGISTIC, other)):
                chance = model.predict_proba(X[test])
                right = model.classes_[chance.argmax(axis=1)] == y[test]
                found[column].append(
                    (right.mean(), log_loss(y[test], chance, labels=model.classes_))
                )
        figures[name] = {column: np.mean(pairs, axis=0).tolist() for column, pairs in found.items()}
        cells = (f"{value:.3f}" for pair in figures[name].values() for value in pair)
        rows.append((name, *cells))
        print(rows[-1], flush=True)
    print_table(("data", "chosen", "its log loss", LOGISTIC, "its log loss"), rows)
    return figures


def score(model, X, y):
    """Return the accuracy, R², or the mean average precision of the labels that occur."""
    if np.ndim(y) == 1:
        return model.score(X, y)
    occurs = y.any(axis=0)
    return average_precision_score(y[:, occurs], model.predict_proba(X)[:, occurs], average="macro")


def fitted(name, model, X, y, groups):
    """Fit a model, with groups if there are any."""
    if groups is None:
        return model.fit(X, y)
    if name == "embeddings":
        return model.fit(X, y, gridsearchcv__groups=groups)
    return model.fit(X, y, groups=groups)


def timed(X, y, repeats):
    """Return the ratios of the time of a first fit to that of a pass for embeddings."""
    ratios = []
    for _ in range(repeats):
        clear_cache("memory")
        start = time.perf_counter()
        ConvFeatureExtractor().fit_transform(X)
        one_pass = time.perf_counter() - start
        clear_cache("memory")
        start = time.perf_counter()
        TransferClassifier().fit(X, y)
        ratios.append((time.perf_counter() - start) / one_pass)
        print(f"pass {one_pass:.1f} s, fit {ratios[-1] * one_pass:.1f} s", flush=True)
    return ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--sets", nargs="+", choices=SETS | AGAIN, default=list(SETS | AGAIN))
    parser.add_argument("--logistic", action="store_true")
    parser.add_argument("--time", type=int, default=0, metavar="REPEATS")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.logistic:
        write_json(options.json, compare_heads(options.sets, options.data))
        print(machine())
        return
    rows, figures = [], {}
    for name in options.sets:
        X, y, groups, splits = (SETS | AGAIN)[name](options.data)
        scores = {column: [] for column in COLUMNS}
        for train, test in splits:
            some = None if groups is None else groups[train]
            for column, model in models(y, groups).items():
                model = fitted(column, model, X[train], y[train], some)
                scores[column].append(float(score(model, X[test], y[test])))
        figures[name] = scores
        rows.append((name, *(f"{statistics.mean(scores[column]):.3f}" for column in COLUMNS)))
        print(rows[-1], flush=True)
    print_table(("data", *COLUMNS), rows)
    if options.time:
        X, y, *_ = flowers(options.data, 60, 1)
        train = np.flatnonzero(["/train/" in path for path in X])
        figures["ratios"] = timed(X[train], y[train], options.time)
        print(f"first fit / one pass: {statistics.median(figures['ratios']):.2f}")
    print(machine())
    write_json(options.json, figures)


if __name__ == "__main__":
    main()
