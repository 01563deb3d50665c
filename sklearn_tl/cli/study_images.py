"""The images of a study: from a folder, a table or the package, with their folds and groups."""

import argparse
import contextlib
import os
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from sklearn_tl.cache import cache_info
from sklearn_tl.cli.demo import load_photographs
from sklearn_tl.cli.folders import describe, read_folder
from sklearn_tl.cli.folds import Folds, Splits, check_folds
from sklearn_tl.cli.tables import both, check_known, load_one, load_two, named_target
from sklearn_tl.datasets import Problems, groups_from_names, groups_from_times, is_table
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.images import check_each


class Images(NamedTuple):
    """What a study is of."""

    name: str
    X: Any
    y: Any
    cv: Folds | Splits
    left_out: list[str]
    task: str = "classification"
    groups: np.ndarray | None = None


def reading(options: argparse.Namespace) -> dict[str, Any]:
    """Return the parameters that say which network reads images, and how."""
    return {
        "backbone": options.backbone,
        "weights": options.weights,
        "image_size": options.image_size,
        "resize_mode": options.resize_mode,
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
    """Return the images of a folder or table, or built-in photographs, and say what they are."""
    if options.folder is None and options.train is None:
        X, y, splits = load_photographs(options.cv, options.seed)
        print(f"Built-in photographs: {describe(y)}")
        print("Trained on patches of their upper halves, tested on all of the lower halves.")
        return Images("Built-in photographs", X, y, splits, [])
    find_problems = partial(problems_of, extractor)
    if options.train is not None and is_table(options.train):
        return load_two_tables(options, find_problems)
    if options.train is not None:
        return load_parts(options, find_problems)
    if is_table(options.folder):
        return load_table(options, find_problems)
    paths, labels, left_out = read_folder(options.folder, find_problems, options.errors)
    say(options.folder, labels, left_out)
    name = os.path.basename(os.path.abspath(options.folder))
    return in_folds(options, Images(name, paths, labels, [], left_out))


def in_folds(options: argparse.Namespace, images: Images) -> Images:
    """Return images with their folds, and with the groups that options name."""
    groups = images.groups
    if options.group_pattern is not None:
        groups = groups_from_names(images.X, options.group_pattern)
    elif options.group_seconds is not None:
        groups = groups_from_times(images.X, options.group_seconds)
    folds = Folds(options.cv, options.seed, images.task)
    if groups is not None:
        print(f"Groups: {len(set(groups.tolist()))}. No fold divides a group.")
    check_folds(images.y, folds, groups)
    return images._replace(cv=folds, groups=groups)


def load_parts(options: argparse.Namespace, find_problems: Problems) -> Images:
    """Return the images of the folders to train on and to test on, as one split.

    Raises
    ------
    ValueError
        If a class is tested that is not trained.
    """
    train = read_folder(options.train, find_problems, options.errors)
    test = read_folder(options.test, find_problems, options.errors, least=1)
    check_known(options, "class", set(test.labels) - set(train.labels))
    for folder, part in ((options.train, train), (options.test, test)):
        say(folder, part.labels, part.left_out)
    n_train, n = len(train.paths), len(train.paths) + len(test.paths)
    return Images(
        name=os.path.basename(os.path.abspath(options.test)),
        X=train.paths + test.paths,
        y=np.concatenate([train.labels, test.labels]),
        cv=[(np.arange(n_train), np.arange(n_train, n))],
        left_out=train.left_out + test.left_out,
    )


def load_table(options: argparse.Namespace, find_problems: Problems) -> Images:
    """Return the images of a table, and folds of them."""
    table = load_one(options, find_problems)
    images = Images(
        name=os.path.basename(options.folder),
        X=table.paths,
        y=named_target(table),
        cv=[],
        left_out=table.left_out,
        task=table.task,
        groups=table.groups,
    )
    return in_folds(options, images)


def load_two_tables(options: argparse.Namespace, find_problems: Problems) -> Images:
    """Return the images of the tables to train on and to test on, as one split."""
    train, test = load_two(options, find_problems)
    n_train, n = len(train.paths), len(train.paths) + len(test.paths)
    return Images(
        name=os.path.basename(options.test),
        X=train.paths + test.paths,
        y=both(named_target(train), named_target(test)),
        cv=[(np.arange(n_train), np.arange(n_train, n))],
        left_out=train.left_out + test.left_out,
        task=train.task,
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
