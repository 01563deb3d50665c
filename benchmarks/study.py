"""Claim: a search over folds and candidates costs little more than one pass over the images.

A grid search of 5 folds and 12 values of C on ConvFeatureExtractor and LogisticRegression runs
with a new cache each time. It is compared with its floor: one tuned pass, and then the same
search of only the logistic regression on the resulting rows. The same search then runs with
`n_jobs=2` and a file as cache, and a warm `transform` is compared with a cold one. The sides run
in turn, several times over, and the median counts. Then `compare_strategies` of the linear
strategies is compared with its floor, and a search over four layers by the recipe of the manual
with one pass to the last of them. With `--no-cache` the same search also runs with `cache=None`,
once, since it takes about sixty passes.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from _report import machine, print_table, write_json
from joblib.externals.loky import get_reusable_executor
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from sklearn_tl import ConvFeatureExtractor, compare_strategies
from sklearn_tl.cache import MEMORY
from sklearn_tl.comparison import RawPixels, default_strategies
from sklearn_tl.datasets import load_photo_patches

C = np.logspace(-3, 2, 12)
LINEAR = ["raw pixels", "embeddings", "head alone"]
LAYERS = ["blocks.2", "blocks.4", "blocks.6", "conv_head"]


def read_folder(folder):
    """Return the paths of the images of a folder of class folders, and their labels."""
    paths = sorted(str(path) for path in folder.glob("*/*") if path.is_file())
    return paths, [Path(path).parent.name for path in paths]


def write_patches(folder):
    """Write the built-in photographs as files."""
    photos = load_photo_patches()
    paths = [str(Path(folder, f"{i}.png")) for i in range(len(photos.images))]
    for image, path in zip(photos.images, paths, strict=True):
        Image.fromarray(image).save(path)
    return paths, photos.target


def classifier():
    return LogisticRegression(max_iter=1000)


def floor(paths, y):
    rows = ConvFeatureExtractor(cache=None).fit_transform(paths)
    GridSearchCV(classifier(), {"C": C}, cv=5).fit(rows, y)


def search(paths, y, cache, n_jobs):
    MEMORY.clear()
    pipeline = make_pipeline(ConvFeatureExtractor(cache=cache), classifier())
    GridSearchCV(pipeline, {"logisticregression__C": C}, cv=5, n_jobs=n_jobs).fit(paths, y)


def layers(paths):
    MEMORY.clear()
    ConvFeatureExtractor(layer=LAYERS).fit_transform(paths)
    for layer in LAYERS:
        for _ in range(5):  # folds
            ConvFeatureExtractor(layer=layer).fit_transform(paths)


def last_layer(paths):
    ConvFeatureExtractor(layer=LAYERS[-1], cache=None).fit_transform(paths)


def comparison(paths, y):
    MEMORY.clear()
    compare_strategies(paths, y, strategies=LINEAR, random_state=0)


def comparison_floor(paths, y, pixels):
    """Run one tuned pass, and the regressions of `comparison` on its rows."""
    rows, y = ConvFeatureExtractor(cache=None).fit_transform(paths), np.array(y)
    ways = default_strategies()
    sides = [
        (pixels, ways["raw pixels"][1:]),
        (rows, ways["embeddings"][1:]),
        (rows, LogisticRegression(max_iter=1000)),
    ]
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(rows, y))
    for X, way in sides:
        for train, test in folds:
            way.fit(X[train], y[train]).predict_proba(X[test])
    ways["embeddings"][1:].fit(rows, y)


def transform(paths, cache):
    ConvFeatureExtractor(cache=cache).fit_transform(paths)


# On two cores a second BLAS thread makes these regressions ten times slower and their time random.
@threadpool_limits.wrap(1, user_api="blas")
def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, help="folder of class folders; default: photographs")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--no-cache", action="store_true", help="also search without a cache")
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()
    print(machine(), "\n")
    seconds = {}

    def timed(what, function, *arguments):
        start = time.perf_counter()
        function(*arguments)
        seconds.setdefault(what, []).append(time.perf_counter() - start)

    with tempfile.TemporaryDirectory() as folder:
        paths, y = write_patches(folder) if args.data is None else read_folder(args.data)
        print(f"{len(paths)} files", flush=True)
        transform(paths[:8], None)  # folding and other work that is done once
        pixels = RawPixels(cache=None).fit_transform(paths)
        for i in range(args.repeat):
            file = Path(folder, f"{i}.sqlite")
            timed("floor", floor, paths, y)
            timed("search", search, paths, y, "memory", None)
            get_reusable_executor().shutdown(wait=True)  # new processes are started each time
            timed("search, n_jobs=2, file", search, paths, y, file, 2)
            MEMORY.clear()
            timed("transform, cold", transform, paths, "memory")
            timed("transform, warm in memory", transform, paths, "memory")
            timed("transform, warm in a file", transform, paths, file)
            timed("comparison of linear strategies", comparison, paths, y)
            timed("its floor", comparison_floor, paths, y, pixels)
            timed("one layer, one pass", last_layer, paths)
            timed("four layers, 5 folds", layers, paths)
            print({what: round(some[-1], 2) for what, some in seconds.items()}, flush=True)

        if args.no_cache:
            timed("search, cache=None", search, paths, y, None, None)

    medians = {what: statistics.median(some) for what, some in seconds.items()}
    pairs = [
        ("search", "floor"),
        *([("search, cache=None", "search")] if args.no_cache else []),
        ("search, n_jobs=2, file", "search"),
        ("comparison of linear strategies", "its floor"),
        ("four layers, 5 folds", "one layer, one pass"),
        ("transform, cold", "transform, warm in memory"),
        ("transform, cold", "transform, warm in a file"),
    ]
    table = [[a, medians[a], b, medians[b], medians[a] / medians[b]] for a, b in pairs]
    print()
    header = ["what", "seconds", "against", "its seconds", "ratio"]
    print_table(header, table)
    write_json(args.json, {"figures": [dict(zip(header, row, strict=True)) for row in table]})


if __name__ == "__main__":
    main()
