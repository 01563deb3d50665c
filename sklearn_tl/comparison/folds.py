"""Folds, training sizes, and training sets that are parts of each other."""

from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold, check_cv

from sklearn_tl.targets import Task

Split = tuple[np.ndarray, np.ndarray]  # positions to train on and to test on


def make_splits(cv: Any, task: Task, targets: np.ndarray, seed: int) -> list[Split]:
    """Return the folds as a list of (train, test) positions.

    Parameters
    ----------
    cv : int, splitter or iterable of (train, test)
        An int is that many folds of shuffled images, stratified by class or by the rarest label.
    task : Task
    targets : ndarray of shape (n_images,) or (n_images, n_outputs)
        As the task reads them.
    seed : int
        Decides the shuffling of the images if `cv` is an int.

    Raises
    ------
    ValueError
        If a class has fewer images than there are folds.
    """
    by: np.ndarray = targets
    if isinstance(cv, int | np.integer):
        by = task.strata(targets, int(cv))
        if len(by) < cv:
            raise ValueError(f"cv={cv}, but there are {len(by)} images. Set a smaller cv.")
        least = np.bincount(by).min()
        if task.name == "classification" and least < cv:
            raise ValueError(
                f"cv={cv}, but a class has {least} images. Expected at least one image of each "
                "class per fold. Set a smaller cv, leave the class out, or pass a splitter such "
                "as StratifiedShuffleSplit."
            )
        cv = StratifiedKFold(cv, shuffle=True, random_state=seed)
    every = np.arange(len(targets))  # masks become positions
    folds = check_cv(cv, by, classifier=task.name != "regression").split(every, by)
    return [(every[train], every[test]) for train, test in folds]


def training_sizes(train_sizes: Any, splits: list[Split], task: Task) -> list[int]:
    """Return the numbers of training images in rising order.

    The last number stands for the whole training part of a fold.

    Parameters
    ----------
    train_sizes : array-like or None
        Numbers of images, or shares of a fold's training part (floats in (0, 1]).
    splits : list of (train, test)
        The folds.
    task : Task
        A training set needs at least one image of each class, or two images.

    Raises
    ------
    ValueError
        If a size is too small or too large.
    """
    needed = task.n_outputs if task.name == "classification" else 2
    lengths = [len(train) for train, _ in splits]
    least, everything = min(lengths), round(np.mean(lengths))
    sizes = np.atleast_1d([] if train_sizes is None else train_sizes)
    if sizes.size == 0:
        return [everything]
    if sizes.dtype.kind == "f":
        if not (sizes.min() > 0 and sizes.max() <= 1):
            raise ValueError(f"train_sizes={train_sizes!r}: floats must be shares in (0, 1].")
        sizes = np.round(sizes * least)
    if not (needed <= sizes.min() and sizes.max() <= least):
        classes = f"with {needed} classes " if task.name == "classification" else ""
        raise ValueError(
            f"train_sizes={train_sizes!r}, but {classes}a fold can be trained on {needed} to "
            f"{least} images."
        )
    return [*sorted({int(size) for size in sizes if size < least}), everything]


def training_sets(
    splits: list[Split], strata: np.ndarray, sizes: list[int], seed: int
) -> list[list[np.ndarray]]:
    """Return the positions to train on, for each size and each fold."""
    smaller = [
        [stratified_subset(train, strata, n, seed) for train, _ in splits] for n in sizes[:-1]
    ]
    return [*smaller, [train for train, _ in splits]]


def stratified_subset(train: np.ndarray, strata: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Return `n` of the positions in `train`, with each stratum in proportion.

    With the same seed, a smaller subset is a part of every larger one.
    """
    if n >= len(train):
        return train
    shuffled = np.random.default_rng(seed).permutation(train)
    # The first image of each stratum, then more of all strata at the same pace.
    progress = np.empty(len(shuffled))
    for stratum in np.unique(strata[shuffled]):
        members = np.flatnonzero(strata[shuffled] == stratum)
        progress[members] = np.arange(len(members)) / len(members)
    return np.sort(shuffled[np.argsort(progress, kind="stable")[:n]])
