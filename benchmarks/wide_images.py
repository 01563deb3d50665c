"""Claim: the whole image is as good as its centre, and much better if the ends matter.

The score of a linear model on embeddings of the default network, for each `resize_mode`:

- flowers: 720 square photographs, of which the modes differ in the margin only (`--data`/flowers)
- houses: the logarithm of the price, from a photograph of the front (`--data`/houses), R²
- posters: genres of film posters, which are tall (`--data`/posters), mean average precision
- strips: made from the flowers. A flower lies at a random end of a canvas of 3 : 1, and the rest
  shows parts of the photographs' corners, in which there is little of a flower

"tiles, max" takes the maximum over the tiles of an image in place of the mean. The package has no
such mode. The models are a logistic regression (C=1, for genres 0.01) and a ridge regression that
chooses its alpha, in the same five random folds for all modes.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from _report import machine, print_table, write_json
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import average_precision_score, r2_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier

from sklearn_tl import ConvFeatureExtractor, ImageWarning
from sklearn_tl.datasets import load_folder, load_table

SIDE = 224


def flowers(data, n):
    """Return photographs and the names of flowers."""
    found = load_folder(data / "flowers" / "train")
    return *some(found.paths, found.target, n), "classes"


def houses(data, n):
    """Return photographs of houses and the logarithms of their prices."""
    found = load_table(data / "houses" / "houses.csv", path_column="path", target="price")
    return *some(found.paths, np.log(found.target), n), "numbers"


def posters(data, n):
    """Return film posters and an indicator matrix of genres."""
    path = data / "posters" / "posters.csv"
    found = load_table(path, path_column="path", target="genres", separator="|")
    return *some(found.paths, np.asarray(found.target), n), "labels"


def strips(data, n):
    """Return canvases of 3 : 1 with a flower at a random end, and the names of the flowers."""
    paths, names, kind = flowers(data, n)
    random = np.random.default_rng(0)
    pictures = [np.asarray(Image.open(path).convert("RGB").resize((SIDE, SIDE))) for path in paths]
    canvases = []
    for picture in pictures:
        corners = random.integers(0, len(pictures), 2)
        rest = [enlarged_corner(pictures[i]) for i in corners]
        canvases.append(np.hstack([picture, *rest] if random.integers(2) else [*rest, picture]))
    return canvases, names, kind


def enlarged_corner(picture):
    """Return the upper left sixteenth of a photograph at the size of a whole one."""
    corner = Image.fromarray(picture[: SIDE // 4, : SIDE // 4])
    return np.asarray(corner.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def some(X, y, n):
    """Return every so many of the images, so that about `n` are left."""
    step = max(1, len(y) // n)
    return list(X)[::step], y[::step]


SETS = {"flowers": flowers, "houses": houses, "posters": posters, "strips": strips}


def rows_of(X):
    """Yield each mode, its embeddings, and the seconds that they took."""
    for mode in ("crop", "pad", "squash"):
        extractor = ConvFeatureExtractor(resize_mode=mode, cache=None).fit(X)
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImageWarning)  # what it says is measured here
            rows = extractor.transform(X)
        yield mode, rows, time.perf_counter() - start
    extractor = ConvFeatureExtractor(resize_mode="tiles", cache=None).fit(X)
    preprocessing, start = extractor.frozen_pass().preprocessing, time.perf_counter()
    tiles = [preprocessing.tiles(image) for image in extractor.read_images(X)]
    rows = extractor.transform([tile for of_image in tiles for tile in of_image])
    by_image = np.split(rows, np.cumsum([len(of_image) for of_image in tiles])[:-1])
    seconds = time.perf_counter() - start
    yield "tiles", np.stack([part.mean(axis=0) for part in by_image]), seconds
    yield "tiles, max", np.stack([part.max(axis=0) for part in by_image]), seconds


def scores(rows, y, kind):
    """Return the score of each fold."""
    folds = (StratifiedKFold if kind == "classes" else KFold)(5, shuffle=True, random_state=0)
    return [
        score(rows[train], y[train], rows[test], y[test], kind)
        for train, test in folds.split(rows, y)
    ]


def score(X, y, X_test, y_test, kind):
    """Return the score of a linear model on the test part of a fold."""
    # The same numbers in other axes, of which there are fewer: the models stay the same.
    axes = PCA().fit(X.astype(np.float64))
    X, X_test = axes.transform(X), axes.transform(X_test)
    if kind == "numbers":
        return r2_score(y_test, RidgeCV(np.logspace(0, 4, 9)).fit(X, y).predict(X_test))
    if kind == "classes":
        return LogisticRegression(max_iter=2000).fit(X, y).score(X_test, y_test)
    model = OneVsRestClassifier(LogisticRegression(C=0.01, max_iter=2000))
    seen = y_test.any(axis=0) & y.any(axis=0)
    probabilities = model.fit(X, y[:, seen]).predict_proba(X_test)
    return average_precision_score(y_test[:, seen], probabilities)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--images", type=int, default=360, help="about as many images per set")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    table, figures = [], {}
    for name in options.sets:
        X, y, kind = SETS[name](options.data, options.images)
        figures[name] = {"n_images": len(y)}
        for mode, rows, seconds in rows_of(X):
            of_folds = scores(rows, y, kind)
            figures[name][mode] = {"scores": of_folds, "seconds": seconds}
            error = np.std(of_folds, ddof=1) / len(of_folds) ** 0.5
            cells = f"{np.mean(of_folds):.3f} ± {error:.3f}", f"{1000 * seconds / len(y):.0f}"
            table.append((name, mode, *cells))
            print(*table[-1], flush=True)
    print_table(("data", "resize_mode", "score", "ms per image"), table)
    print(machine())
    write_json(options.json, figures)


if __name__ == "__main__":
    main()
