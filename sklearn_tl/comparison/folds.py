"""Folds, training sizes, and training sets that are parts of each other."""

from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold, check_cv

Split = tuple[np.ndarray, np.ndarray]  # positions to train on and to test on


def make_splits(cv: Any, codes: np.ndarray, seed: int) -> list[Split]:
    """Return the folds as a list of (train, test) positions.

    Parameters
    ----------
    cv : int, splitter or iterable of (train, test)
        An int is that many stratified folds of shuffled images.
    codes : ndarray of shape (n_images,)
        The class of each image, as an integer.
    seed : int
        Decides the shuffling of the images if `cv` is an int.

    Raises
    ------
    ValueError
        If a class has fewer images than there are folds.
    """
    if isinstance(cv, int | np.integer):
        least = np.bincount(codes).min()
        if least < cv:
            raise ValueError(
                f"cv={cv}, but a class has {least} images. Expected at least one image of each "
                "class per fold. Set a smaller cv, leave the class out, or pass a splitter such "
                "as StratifiedShuffleSplit."
            )
        cv = StratifiedKFold(cv, shuffle=True, random_state=seed)
    every = np.arange(len(codes))  # masks become positions
    folds = check_cv(cv, codes, classifier=True).split(codes, codes)
    return [(every[train], every[test]) for train, test in folds]


def training_sizes(train_sizes: Any, splits: list[Split], n_classes: int) -> list[int]:
    """Return the numbers of training images in rising order.

    The last number stands for the whole training part of a fold.

    Parameters
    ----------
    train_sizes : array-like or None
        Numbers of images, or shares of a fold's training part (floats in (0, 1]).
    splits : list of (train, test)
        The folds.
    n_classes : int
        A training set needs at least one image of each class.

    Raises
    ------
    ValueError
        If a size is too small or too large.
    """
    lengths = [len(train) for train, _ in splits]
    least, everything = min(lengths), round(np.mean(lengths))
    sizes = np.atleast_1d([] if train_sizes is None else train_sizes)
    if sizes.size == 0:
        return [everything]
    if sizes.dtype.kind == "f":
        if not (sizes.min() > 0 and sizes.max() <= 1):
            raise ValueError(f"train_sizes={train_sizes!r}: floats must be shares in (0, 1].")
        sizes = np.round(sizes * least)
    if not (n_classes <= sizes.min() and sizes.max() <= least):
        raise ValueError(
            f"train_sizes={train_sizes!r}, but with {n_classes} classes a fold can be trained on "
            f"{n_classes} to {least} images."
        )
    return [*sorted({int(size) for size in sizes if size < least}), everything]


def training_sets(
    splits: list[Split], codes: np.ndarray, sizes: list[int], seed: int
) -> list[list[np.ndarray]]:
    """Return the positions to train on, for each size and each fold."""
    smaller = [
        [stratified_subset(train, codes, n, seed) for train, _ in splits] for n in sizes[:-1]
    ]
    return [*smaller, [train for train, _ in splits]]


def stratified_subset(train: np.ndarray, codes: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Return `n` of the positions in `train`, with each class in proportion.

    With the same seed, a smaller subset is a part of every larger one.
    """
    if n >= len(train):
        return train
    shuffled = np.random.default_rng(seed).permutation(train)
    # The first image of each class, then more of all classes at the same pace.
    progress = np.empty(len(shuffled))
    for code in np.unique(codes[shuffled]):
        members = np.flatnonzero(codes[shuffled] == code)
        progress[members] = np.arange(len(members)) / len(members)
    return np.sort(shuffled[np.argsort(progress, kind="stable")[:n]])
