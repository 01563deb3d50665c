"""Which images are held out to decide when a training stops, if the user says so."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklearn_tl.targets import Multiclass, Task


def first_split(
    splits: Any, targets: np.ndarray, groups: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions to train on and those to validate on.

    Parameters
    ----------
    splits : splitter, or list of (train, test)
        The value of `early_stopping`, of which the first split is taken.
    targets : ndarray of shape (n_images,) or (n_images, n_outputs)
    groups : ndarray of shape (n_images,) or None

    Raises
    ------
    ValueError
        If there is no split, a position is not one in `X`, or the two parts overlap.
    """
    n_images = len(targets)
    if hasattr(splits, "split"):
        flat = targets[:, 0] if targets.shape[1:] == (1,) else targets
        splits = splits.split(np.zeros((n_images, 1)), flat, groups)
    split = next(iter(splits), None)
    if not isinstance(split, Sequence | np.ndarray) or len(split) != 2 or np.ndim(split[0]) != 1:
        raise ValueError(
            f"The first split of early_stopping is {split!r:.80}. Expected a list of pairs, such "
            "as [(train, valid)]: the positions of the images to train on, and to validate on."
        )
    train, valid = (_positions(part, n_images) for part in split)
    both = np.intersect1d(train, valid)
    if len(both):
        raise ValueError(
            f"The split of early_stopping has image {both[0]} in both parts. Expected parts that "
            "do not overlap."
        )
    return train, valid


def check_split(
    split: tuple[np.ndarray, np.ndarray], task: Task, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return a split, or raise a ValueError if an image to validate on or a class is missing."""
    train, valid = split
    for part, purpose, least in ((train, "train", 2), (valid, "validate", 1)):
        if len(part) < least:
            raise ValueError(
                f"The split of early_stopping has {len(part)} images to {purpose} on. Expected two "
                "or more to train on, and one or more to validate on."
            )
    if isinstance(task, Multiclass):
        missing = np.setdiff1d(targets, targets[train])
        if len(missing):
            raise ValueError(
                "The split of early_stopping has no image to train on of class "
                f"{task.classes.tolist()[missing[0]]!r}. Expected images of each class, as "
                "StratifiedShuffleSplit draws them."
            )
    return train, valid


def _positions(part: Any, n_images: int) -> np.ndarray:
    positions = np.asarray(part)
    if positions.dtype == bool and positions.shape == (n_images,):
        return np.flatnonzero(positions)
    if positions.size and (positions.ndim != 1 or positions.dtype.kind not in "iu"):
        raise ValueError(
            f"A part of the split of early_stopping has the shape {positions.shape} and the type "
            f"{positions.dtype}. Expected positions in X, counted from 0."
        )
    outside = positions[(positions < 0) | (positions >= n_images)]
    if len(outside):
        raise ValueError(
            f"The split of early_stopping has the position {outside[0]}, but X has {n_images} "
            f"images. Expected positions from 0 to {n_images - 1}. In a search, where X is a part "
            "of the images, use a splitter that draws positions, such as GroupShuffleSplit."
        )
    return positions.astype(int)
