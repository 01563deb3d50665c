"""The command `sklearn-tl study`: strategies of transfer learning, compared on one folder."""

import argparse
import contextlib
import os
import shlex
import sys
import warnings
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import StratifiedKFold

from sklearn_tl.cache import cache_info
from sklearn_tl.cli.demo import load_photographs
from sklearn_tl.cli.folders import describe, read_folder
from sklearn_tl.cli.model_file import check_writable, save_model
from sklearn_tl.cli.report import write_report
from sklearn_tl.comparison import (
    QUICK_STRATEGIES,
    StrategyComparison,
    compare_strategies,
    expected_seconds,
)
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.inspection import require_matplotlib

Splits = list[tuple[np.ndarray, np.ndarray]]


class Images(NamedTuple):
    """What a study is of."""

    name: str
    X: Any
    y: np.ndarray
    splits: Splits
    left_out: list[str]


def study(options: argparse.Namespace) -> int:
    """Compare strategies, print which one to take, and write the report and the model.

    Parameters
    ----------
    options : argparse.Namespace
        Of `study_parser`.

    Returns
    -------
    status : int
        0. Whatever goes wrong is an exception.
    """
    check_targets(options)
    extractor = make_extractor(options)
    images = load_images(options, extractor)
    if options.report:
        make_folder(options.report)
    announce(options, images)
    comparison = compare_strategies(
        images.X,
        images.y,
        strategies=options.strategies,
        cv=images.splits,
        train_sizes=options.train_sizes,
        n_jobs=options.n_jobs,
        random_state=options.seed,
        verbose=1,
        **reading(options),
    )
    print_results(comparison, images.y)
    if options.report:
        page = write_report(
            options.report,
            comparison,
            images.X,
            images.y,
            title=f"{images.name}: which transfer learning?",
            extractor=extractor,
            left_out=images.left_out,
        )
        print(f"Wrote {page} and its pictures.")
    if options.out:
        save_model(comparison.best_estimator_, options.out)
        size = options.out.stat().st_size / 1e3
        print(
            f"Wrote {options.out} ({size:.0f} kB): {comparison.best_strategy_}, fitted on all "
            f"{len(images.y)} images."
        )
    print_next(options)
    return 0


def check_targets(options: argparse.Namespace) -> None:
    """Raise before the work what writing would raise after it."""
    if options.report:
        require_matplotlib()
    if options.out:
        check_writable(options.out)


def make_folder(path: os.PathLike) -> None:
    """Make the folder of the report."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise ValueError(f"--report {path} cannot be made: {error.strerror}.") from error


def reading(options: argparse.Namespace) -> dict[str, Any]:
    """Return the parameters that say which network reads images, and how."""
    return {
        "backbone": options.backbone,
        "weights": options.weights,
        "image_size": options.image_size,
        "value_range": tuple(options.value_range) if options.value_range else None,
        "cache": options.cache,
    }


def make_extractor(options: argparse.Namespace) -> ConvFeatureExtractor:
    """Return a fitted extractor, or raise the error of a wrong option before images are read."""
    with contextlib.suppress(OSError):  # a file that cannot be opened has its own message later
        cache_info(options.cache)
    dummy = np.zeros((1, 32, 32, 3), dtype=np.uint8)
    return ConvFeatureExtractor(**reading(options)).fit(dummy)


def load_images(options: argparse.Namespace, extractor: ConvFeatureExtractor) -> Images:
    """Return the images of the folder, or the built-in photographs, and say what they are."""
    if options.folder is None:
        X, y, splits = load_photographs(options.cv, options.seed)
        print(f"Built-in photographs: {describe(y)}")
        print("Trained on patches of their upper halves, tested on all of the lower halves.")
        return Images("Built-in photographs", X, y, splits, [])
    # JPEG files may be much larger than what the network sees of them.
    at_least = extractor.frozen_pass().preprocessing.at_least

    def read(path):
        extractor.read_images([path]).open(0).decode(at_least)

    paths, labels, left_out = read_folder(options.folder, read, options.errors)
    for sentence in left_out:
        print(f"Left out: {sentence}")
    print(f"{options.folder}: {describe(labels)}")
    name = os.path.basename(os.path.abspath(options.folder))
    return Images(name, paths, labels, make_folds(labels, options.cv, options.seed), left_out)


def make_folds(labels: np.ndarray, n_folds: int, seed: int) -> Splits:
    """Return stratified folds, fewer if no class has as many images.

    A class that has fewer images than there are folds is in all training sets, but not in all test
    sets.

    Parameters
    ----------
    labels : ndarray of shape (n_images,)
        At least two of each class.
    n_folds : int
    seed : int

    Returns
    -------
    splits : list of (train, test)
    """
    counts = Counter(labels.tolist())
    n_folds = min(n_folds, max(counts.values()))
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    small = [name for name, count in counts.items() if count < n_folds]
    if small:
        print(
            f"Not in the test images of all {n_folds} folds, since they have fewer images: "
            f"{', '.join(small)}"
        )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        return list(folds.split(labels, labels))


def announce(options: argparse.Namespace, images: Images) -> None:
    """Say what will be compared and, if layers will be trained, about how long that takes."""
    print(f"Strategies: {', '.join(options.strategies)}", flush=True)
    if set(options.strategies) <= set(QUICK_STRATEGIES):
        return
    seconds = expected_seconds(
        images.X,
        images.y,
        strategies=options.strategies,
        cv=images.splits,
        train_sizes=options.train_sizes,
        **{name: value for name, value in reading(options).items() if name != "cache"},
    )
    for name, expected in seconds.items():
        print(f"Expected for {name}: about {in_words(expected)}")
    sys.stdout.flush()


def in_words(seconds: float) -> str:
    """Return a duration in the largest unit of which it has two.

    Examples
    --------
    >>> in_words(90), in_words(150), in_words(9000)
    ('90 seconds', '2 minutes', '2.5 hours')
    """
    if seconds < 120:
        whole = max(1, round(seconds))
        return f"{whole} second" if whole == 1 else f"{whole} seconds"
    if seconds < 7200:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"


def print_results(comparison: StrategyComparison, y: np.ndarray) -> None:
    """Print which strategy to take, and how sure that is."""
    if len(set(comparison.results_["train_size"])) > 1:
        print(
            "\nAccuracy on the test images, mean ± standard deviation over "
            f"{len(comparison.splits_)} training sets:\n\n{table(comparison)}"
        )
    print(f"\n{comparison.summary()}\n")
    largest = max(Counter(y.tolist()).values()) / len(y)
    print(f"Accuracy of always answering the largest class: {largest:.3f}\n")


def table(comparison: StrategyComparison) -> str:
    """Lay out the scores as text: one row per training size, one column per strategy."""
    names = comparison.strategies_
    lines = [("training images", "each class has", *names)]
    for size in sorted(set(comparison.results_["train_size"].tolist())):
        scores = [comparison.scores(name, size) for name in names]
        per_class = f"{size / len(comparison.classes_):.3g}"
        cells = [f"{s.mean():.3f} ± {s.std():.3f}" for s in scores]
        lines.append((str(size), per_class, *cells))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )


def print_next(options: argparse.Namespace) -> None:
    """Say what to type next."""
    folder = "FOLDER" if options.folder is None else shlex.quote(options.folder)
    model = "MODEL.sktl" if options.out is None else shlex.quote(str(options.out))
    if set(options.strategies) == set(QUICK_STRATEGIES):
        print(f"To compare fine-tuning as well: sklearn-tl study {folder} --fine-tune")
    if options.out is None:
        print(f"To write the best model: sklearn-tl study {folder} --out {model}")
    print(f"To classify images: sklearn-tl predict {model} IMAGE ...")
