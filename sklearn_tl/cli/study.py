"""The command `sklearn-tl study`: strategies of transfer learning, compared on one folder."""

import argparse
import contextlib
import os
import shlex
import sys
import warnings
from collections import Counter
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import StratifiedKFold

from sklearn_tl.cache import cache_info
from sklearn_tl.cli.demo import load_photographs
from sklearn_tl.cli.folders import Problems, describe, read_folder
from sklearn_tl.cli.model_file import check_writable, save_model
from sklearn_tl.cli.report import write_report
from sklearn_tl.comparison import (
    QUICK_STRATEGIES,
    StrategyComparison,
    compare_strategies,
    expected_seconds,
)
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.images import check_each
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
    check_folders(options)
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
        # Images of a given test set are never trained on.
        refit=True if options.train is None else images.splits[0][0],
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
            f"Wrote {options.out} ({size:.0f} kB): {comparison.best_strategy_}, fitted on "
            f"{on_what(options, images)}."
        )
    print_next(options)
    return 0


def on_what(options: argparse.Namespace, images: Images) -> str:
    """Return in words which images the model was fitted on."""
    if options.train is None:
        return f"all {len(images.y)} images"
    return f"the {len(images.splits[0][0])} images of {options.train}"


def check_folders(options: argparse.Namespace) -> None:
    """Raise a ValueError unless there is one FOLDER, or --train and --test, or neither."""
    if (options.train is None) != (options.test is None):
        raise ValueError("--train and --test belong together: name a folder for each.")
    if options.train is not None and options.folder is not None:
        raise ValueError(
            f"FOLDER {options.folder} and --train {options.train} exclude each other: leave one "
            "out."
        )


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
        "channels": tuple(options.channels) if options.channels else None,
        "page": options.page,
        "max_pixels": options.max_pixels,
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
    if options.folder is None and options.train is None:
        X, y, splits = load_photographs(options.cv, options.seed)
        print(f"Built-in photographs: {describe(y)}")
        print("Trained on patches of their upper halves, tested on all of the lower halves.")
        return Images("Built-in photographs", X, y, splits, [])
    find_problems = partial(problems_of, extractor)
    if options.train is not None:
        return load_parts(options, find_problems)
    paths, labels, left_out = read_folder(options.folder, find_problems, options.errors)
    say(options.folder, labels, left_out)
    name = os.path.basename(os.path.abspath(options.folder))
    return Images(name, paths, labels, make_folds(labels, options.cv, options.seed), left_out)


def load_parts(options: argparse.Namespace, find_problems: Problems) -> Images:
    """Return the images of the folders to train on and to test on, as one split.

    Raises
    ------
    ValueError
        If a class is tested that is not trained.
    """
    train = read_folder(options.train, find_problems, options.errors)
    test = read_folder(options.test, find_problems, options.errors, least=1)
    unknown = sorted(set(test.labels) - set(train.labels))
    if unknown:
        raise ValueError(
            f"The class {unknown[0]} of --test {options.test} has no images in --train "
            f"{options.train}. The sub-folders of both must have the same names."
        )
    for folder, part in ((options.train, train), (options.test, test)):
        say(folder, part.labels, part.left_out)
    n_train, n = len(train.paths), len(train.paths) + len(test.paths)
    return Images(
        name=os.path.basename(os.path.abspath(options.test)),
        X=train.paths + test.paths,
        y=np.concatenate([train.labels, test.labels]),
        splits=[(np.arange(n_train), np.arange(n_train, n))],
        left_out=train.left_out + test.left_out,
    )


def say(folder: str, labels: np.ndarray, left_out: list[str]) -> None:
    """Print what a folder contains, and what of it was left out."""
    for sentence in left_out:
        print(f"Left out: {sentence}")
    print(f"{folder}: {describe(labels)}")


def problems_of(extractor: ConvFeatureExtractor, paths: list[str]) -> list[str | None]:
    """Read each image as the study will, and return what is wrong with it."""
    images = extractor.read_images(paths)
    # JPEG files may be much larger than what the network sees of them.
    checks = check_each(images, extractor.frozen_pass().preprocessing.at_least, progress=None)
    images.notices.warn()
    return [check.problem for check in checks]


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
    tested = y[np.concatenate([test for _, test in comparison.splits_])]
    largest = max(Counter(tested.tolist()).values()) / len(tested)
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
    if options.train is not None:
        folder = f"--train {shlex.quote(options.train)} --test {shlex.quote(options.test)}"
    model = "MODEL.sktl" if options.out is None else shlex.quote(str(options.out))
    if set(options.strategies) == set(QUICK_STRATEGIES):
        print(f"To compare fine-tuning as well: sklearn-tl study {folder} --fine-tune")
    if options.out is None:
        print(f"To write the best model: sklearn-tl study {folder} --out {model}")
    print(f"To classify images: sklearn-tl predict {model} IMAGE ...")
