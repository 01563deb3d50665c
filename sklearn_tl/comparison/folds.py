"""Folds, training sizes, and training sets that are parts of each other."""

import warnings
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold, check_cv

from sklearn_tl.comparison.group_parameters import uses_groups
from sklearn_tl.targets import Multiclass, Task, group_folds, groups_per_stratum

Split = tuple[np.ndarray, np.ndarray]  # positions to train on and to test on
SHOWN = 5  # classes that a message names


def is_number(cv: Any) -> bool:
    """Tell whether `cv` is a number of folds."""
    return isinstance(cv, int | np.integer)


def can_keep_groups(cv: Any) -> bool:
    """Tell whether folds can be made with groups, and also without them."""
    return is_number(cv) or getattr(cv, "keeps_groups", False)


def make_splits(
    cv: Any,
    task: Task,
    targets: np.ndarray,
    seed: int,
    groups: np.ndarray | None = None,
    *,
    are_given: bool = True,
) -> list[Split]:
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
    groups : ndarray of shape (n_images,) or None, default=None
        If `cv` is an int, no group is in both parts of a fold. A splitter gets them. Folds that are
        given divide a group only with a warning.
    are_given : bool, default=True
        Whether a user has named the groups, and is told if they do not fit to the folds.

    Raises
    ------
    ValueError
        If a class has fewer images or groups than there are folds.
    """
    by: np.ndarray = targets
    if is_number(cv):
        by = task.strata(targets, int(cv))
        if groups is not None:
            if are_given:
                check_enough_groups(int(cv), task, by, groups)
            return group_folds(by, min(int(cv), len(np.unique(groups))), seed, groups)
        if len(by) < cv:
            raise ValueError(f"cv={cv}, but there are {len(by)} images. Set a smaller cv.")
        rarest = np.bincount(by).argmin()
        least = np.bincount(by)[rarest]
        if isinstance(task, Multiclass) and least < cv:
            raise ValueError(
                f"cv={cv}, but the class {task.classes[rarest]} has {least} "
                f"{'image' if least == 1 else 'images'}. Expected at least one image of each class "
                f"per fold. {f'Set cv={least}, add' if least > 1 else 'Add'} images, or leave the "
                "class out."
            )
        cv = StratifiedKFold(cv, shuffle=True, random_state=seed)
    every = np.arange(len(targets))  # masks become positions
    known = [groups] if uses_groups(cv) else []  # other splitters warn that they ignore them
    folds = check_cv(cv, by, classifier=task.name != "regression").split(every, by, *known)
    splits = [(every[train], every[test]) for train, test in folds]
    if groups is not None and are_given:
        say_which_divide(splits, groups)
    return splits


def check_enough_groups(n_folds: int, task: Task, strata: np.ndarray, groups: np.ndarray) -> None:
    """Raise a ValueError that counts the groups, unless each class has one per fold."""
    n_groups = len(np.unique(groups))
    if n_groups < n_folds:
        raise ValueError(
            f"cv={n_folds}, but the {len(groups)} images are in {n_groups} "
            f"{'group' if n_groups == 1 else 'groups'}. Expected at least one group per fold. Set "
            "a smaller cv, or pass other groups."
        )
    if not isinstance(task, Multiclass):
        return
    of_class = groups_per_stratum(strata, groups)
    few = [j for j in np.argsort(of_class, kind="stable") if of_class[j] < n_folds]
    if few:
        counts = ", ".join(f"{task.classes[j]} has {of_class[j]}" for j in few[:SHOWN])
        more = f" and {len(few) - SHOWN} more classes have too few" if len(few) > SHOWN else ""
        least = of_class.min()
        instead = f"Set cv={least}, add" if least > 1 else "Add"
        raise ValueError(
            f"cv={n_folds}, but there are classes with fewer groups than folds: {counts}{more}. "
            f"Expected at least one group of each class per fold. {instead} images of other "
            "groups, or leave these classes out."
        )


def say_which_divide(splits: list[Split], groups: np.ndarray) -> None:
    """Warn of folds that are trained and tested on images of one group."""
    shared = [len(np.intersect1d(groups[train], groups[test])) for train, test in splits]
    if any(shared):
        warnings.warn(
            f"{np.count_nonzero(shared)} of the {len(splits)} folds of cv train on and test on "
            f"images of the same group (up to {max(shared)} groups), so their scores are too high. "
            "Pass a number as cv, or a splitter that keeps groups whole, such as "
            "StratifiedGroupKFold.",
            stacklevel=3,
        )


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
    splits: list[Split],
    strata: np.ndarray,
    sizes: list[int],
    seed: int,
    groups: np.ndarray | None = None,
) -> list[list[np.ndarray]]:
    """Return the positions to train on, for each size and each fold."""
    smaller = [
        [stratified_subset(train, strata, n, seed, groups) for train, _ in splits]
        for n in sizes[:-1]
    ]
    return [*smaller, [train for train, _ in splits]]


def actual_sizes(trains: list[list[np.ndarray]]) -> tuple[list[int], list[list[np.ndarray]]]:
    """Return the mean sizes of training sets, and the sets without those of a size that was."""
    by_size = {round(np.mean([len(train) for train in sets])): sets for sets in trains}
    return list(by_size), list(by_size.values())


def stratified_subset(
    train: np.ndarray, strata: np.ndarray, n: int, seed: int, groups: np.ndarray | None = None
) -> np.ndarray:
    """Return `n` of the positions in `train`, with each stratum in proportion.

    With the same seed, a smaller subset is a part of every larger one. With `groups`, whole groups
    are taken until there are `n` images or more: a part of each group would tell nearly as much as
    all of them.
    """
    if n >= len(train):
        return train
    shuffled = np.random.default_rng(seed).permutation(train)
    if groups is not None:  # the images of a group follow each other
        codes = groups[shuffled]
        _, first, which = np.unique(codes, return_index=True, return_inverse=True)
        shuffled = shuffled[np.argsort(first[which], kind="stable")]
    # The first image of each stratum, then more of all strata at the same pace.
    progress = np.empty(len(shuffled))
    for stratum in np.unique(strata[shuffled]):
        members = np.flatnonzero(strata[shuffled] == stratum)
        progress[members] = np.arange(len(members)) / len(members)
    ordered = shuffled[np.argsort(progress, kind="stable")]
    if groups is None:
        return np.sort(ordered[:n])
    # A group comes when its first image does, with all of its other images.
    codes = groups[ordered]
    _, first, which = np.unique(codes, return_index=True, return_inverse=True)
    ordered = ordered[np.argsort(first[which], kind="stable")]
    codes = groups[ordered]
    ends = np.flatnonzero(np.append(codes[1:] != codes[:-1], True)) + 1
    needed = max(n, _until_all_strata(strata[ordered]))
    return np.sort(ordered[: ends[np.searchsorted(ends, needed)]])


def _until_all_strata(strata: np.ndarray) -> int:
    """Return how many images must be taken from the front for one of each stratum."""
    return int(np.unique(strata, return_index=True)[1].max()) + 1
