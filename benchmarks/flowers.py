"""Claim: three lines of scikit-learn classify photographs well, and a second fit costs little.

The data are a folder with train/ and test/, each with one folder per class. The script reports
the accuracy on test/ of a logistic regression on embeddings and on raw pixels, the time of a
`fit` with an empty cache and with a filled one, the number of images that went through the
network, and the size of the pickle. Then it runs a grid search over layer, input size and C with
everything in one Pipeline, which is the purpose of the cache.
"""

import argparse
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
from _report import machine, print_table, write_json
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from sklearn_tl import ConvFeatureExtractor
from sklearn_tl.cache import MEMORY
from sklearn_tl.embedding import FrozenPass


class Counter:
    """Count the images that go through the network, without the black one that `fit` tries."""

    def __init__(self):
        self.n = 0
        rows = FrozenPass.compute_rows

        def counted(frozen, batch):
            self.n += len(batch) if batch.any() else 0
            return rows(frozen, batch)

        FrozenPass.compute_rows = counted

    def during(self, action, *args):
        """Return (seconds, images, result) of a call."""
        before, start = self.n, time.perf_counter()
        result = action(*args)
        return time.perf_counter() - start, self.n - before, result


def read_folder(folder):
    """Return the paths of the images and the names of their folders."""
    paths = sorted(str(path) for path in folder.glob("*/*") if path.is_file())
    return paths, np.array([Path(path).parent.name for path in paths])


def pixels(paths):
    """Return images as rows of 32 x 32 RGB values."""
    images = (Image.open(path).convert("RGB").resize((32, 32)) for path in paths)
    return np.stack([np.asarray(image, dtype=np.float32).ravel() / 255 for image in images])


def median_fit(counter, model, X, y, repeat, prepare=lambda: None):
    """Return (median seconds, images of the last run) of `fit`."""
    runs = []
    for _ in range(repeat):
        prepare()
        runs.append(counter.during(model.fit, X, y))
    return statistics.median(seconds for seconds, _, _ in runs), runs[-1][1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and test/")
    parser.add_argument("--repeat", type=int, default=3, help="number of fits per time")
    parser.add_argument("--no-search", action="store_true", help="skip the grid search")
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()
    X, y = read_folder(args.data / "train")
    X_test, y_test = read_folder(args.data / "test")
    print(machine())
    print(f"{len(X)} training images, {len(X_test)} test images, {len(set(y))} classes\n")

    counter = Counter()
    model = make_pipeline(ConvFeatureExtractor(), LogisticRegression(max_iter=1000))
    model[0].fit(X)  # load the network before the clock starts
    cold, cold_images = median_fit(counter, model, X, y, args.repeat, MEMORY.clear)
    warm, warm_images = median_fit(counter, model, X, y, args.repeat)
    score_seconds, score_images, accuracy = counter.during(model.score, X_test, y_test)
    scaled = make_pipeline(
        ConvFeatureExtractor(), StandardScaler(), LogisticRegression(C=0.01, max_iter=2000)
    )
    scaled_accuracy = scaled.fit(X, y).score(X_test, y_test)
    with tempfile.TemporaryDirectory() as folder:
        joblib.dump(model, Path(folder) / "model.joblib")
        size = (Path(folder) / "model.joblib").stat().st_size

    raw = GridSearchCV(
        make_pipeline(
            FunctionTransformer(pixels), StandardScaler(), LogisticRegression(max_iter=2000)
        ),
        {"logisticregression__C": [1e-4, 1e-3, 1e-2, 1e-1, 1, 10]},
        cv=3,
    )
    raw_seconds, _, _ = counter.during(raw.fit, X, y)
    raw_accuracy = raw.score(X_test, y_test)
    raw_C = raw.best_params_["logisticregression__C"]
    figures = {
        "test accuracy, embeddings": accuracy,
        "test accuracy, embeddings standardised, C=0.01": scaled_accuracy,
        f"test accuracy, raw pixels (C={raw_C:g})": raw_accuracy,
        "fit, nothing cached, s": cold,
        "fit, rows cached, s": warm,
        "ratio": cold / warm,
        "images through the network, nothing cached": cold_images,
        "images through the network, rows cached": warm_images,
        "score on test/, nothing cached, s": score_seconds,
        "images through the network, score": score_images,
        "pickle of the fitted pipeline, kB": size / 1e3,
        "search of C on raw pixels, s": raw_seconds,
    }
    print_table(["", "value"], list(figures.items()))

    if not args.no_search:
        search = search_grid(counter, X, y, X_test, y_test)
        print("\nGridSearchCV over layer, image size and C")
        print_table(["", "value"], list(search.items()))
        figures = {"model": figures, "search": search}
    write_json(args.json, figures)


def search_grid(counter, X, y, X_test, y_test):
    grid = {
        "conv__layer": [None, "blocks.5", ["blocks.4", "conv_head"]],
        "conv__image_size": [None, 160],
        "clf__C": [0.1, 1, 10],
    }
    steps = [("conv", ConvFeatureExtractor()), ("clf", LogisticRegression(max_iter=2000))]
    search = GridSearchCV(Pipeline(steps), grid, cv=3)
    MEMORY.clear()
    seconds, images, _ = counter.during(search.fit, X, y)
    candidates = len(search.cv_results_["params"])
    return {
        **{name: repr(value) for name, value in search.best_params_.items()},
        "cross-validated accuracy": search.best_score_,
        "test accuracy": search.score(X_test, y_test),
        "candidates x folds": candidates * search.n_splits_,
        "seconds": seconds,
        "of which the last fit": search.refit_time_,
        "images through the network": images,
        "images asked for": candidates * search.n_splits_ * len(X) + len(X),
    }


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a fit that did not converge gives no valid figure
        with threadpool_limits(
            1, user_api="blas"
        ):  # with small matrices a second thread only waits
            main()
