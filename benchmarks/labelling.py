"""Claim: images chosen by `rank_for_labelling` teach more than images drawn at random.

Photographs of flowers and of traffic signs (`--data`/flowers and /signs), a logistic regression on
embeddings, and its accuracy on the test part after 12, 24, ... labelled images (one, two, ... per
class on average). All rules see the same images. The table shows the mean over `--starts` seeds.

The test part of the flowers is their folder "test"; that of the signs is a third of the tracks.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from _report import machine, print_table, write_json
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LogisticRegression

from sklearn_tl import ConvFeatureExtractor
from sklearn_tl.datasets import load_folder
from sklearn_tl.labelling import rank_for_labelling


def flowers(data):
    """Return paths, labels, and which images are the test part."""
    train, test = (load_folder(data / "flowers" / part) for part in ("train", "test"))
    is_test = np.repeat([False, True], [len(train.paths), len(test.paths)])
    return [*train.paths, *test.paths], np.concatenate([train.target, test.target]), is_test


def signs(data):
    """Return paths, labels, and a third of the tracks as the test part."""
    photos = load_folder(data / "signs")
    paths = [Path(path) for path in photos.paths]
    tracks = np.unique([f"{p.parent.name}/{p.name[:5]}" for p in paths], return_inverse=True)[1]
    is_test = np.random.default_rng(0).random(tracks.max() + 1) < 1 / 3
    return list(photos.paths), photos.target, is_test[tracks]


SETS = {"flowers": flowers, "signs": signs}


def learn(X, y, is_test, sizes, seed, is_random):
    """Return the accuracy on the test part after each number of labelled images."""
    rng = np.random.default_rng(seed)
    unlabelled = rng.permutation(np.flatnonzero(~is_test))
    labelled, model, scores = unlabelled[:0], None, []
    for size in sizes:
        n = size - len(labelled)
        chosen = np.arange(n)
        if not is_random:
            rows = X[unlabelled]
            chosen = rank_for_labelling(model or no_model(rows), rows, n, random_state=seed)
        labelled = np.concatenate([labelled, unlabelled[chosen]])
        unlabelled = np.delete(unlabelled, chosen)
        model = LogisticRegression(max_iter=300, tol=1e-3).fit(X[labelled], y[labelled])
        scores.append(model.score(X[is_test], y[is_test]))
    return scores


def no_model(rows):
    """Return what stands for `model=None`, which takes images: a model that is never unsure."""
    return DummyRegressor().fit(rows, np.zeros(len(rows)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), metavar="DIR")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--cache", default="memory")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    # With one or two images per class, scikit-learn asks whether y is a regression.
    warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%")
    figures = {"machine": machine()}
    for name in options.sets:
        paths, y, is_test = SETS[name](options.data)
        X = ConvFeatureExtractor(cache=options.cache, verbose=1).fit(paths).transform(paths)
        n_classes = len(np.unique(y))
        sizes = [n_classes * 2**k for k in range(5) if n_classes * 2**k < (~is_test).sum()]
        rows = []
        for rule, is_random in {"at random": True, "rank_for_labelling": False}.items():
            scores = [
                learn(X, y, is_test, sizes, seed, is_random) for seed in range(options.starts)
            ]
            mean, deviation = np.mean(scores, axis=0), np.std(scores, axis=0, ddof=1)
            cells = [f"{m:.3f} ± {s:.3f}" for m, s in zip(mean, deviation, strict=True)]
            rows.append((rule, *cells))
            figures[f"{name}, {rule}"] = dict(zip(map(str, sizes), mean.tolist(), strict=True))
        print()
        print_table((f"{name}: labelled images", *map(str, sizes)), rows)
    random = np.random.default_rng(0)
    centres = random.random((50, 1280), dtype=np.float32)
    many = centres[random.integers(0, 50, 20_000)] + 0.3 * random.random((20_000, 1280))
    start = time.perf_counter()
    rank_for_labelling(no_model(many), many, 200, random_state=0)
    figures["seconds for 200 of 20,000"] = time.perf_counter() - start
    print(f"\n200 of 20,000 embeddings: {figures['seconds for 200 of 20,000']:.1f} s")
    print(figures["machine"])
    write_json(options.json, figures)


if __name__ == "__main__":
    main()
