"""The folds of a study: stratified, whole by group, and fewer if there are few images."""

import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold

from sklearn_tl.targets import group_folds, read_targets

Splits = list[tuple[np.ndarray, np.ndarray]]


class Folds:
    """A splitter that makes fewer folds if no class has as many images, or if there are few groups.

    A class that has fewer images than there are folds is in all training sets, but not in all test
    sets.

    Parameters
    ----------
    n_folds : int
    seed : int
    task : {"classification", "multilabel", "regression"}, default="classification"
        Folds of classes have the same shares of each class. Folds of several labels have the same
        shares of images by their rarest label. Folds of numbers are drawn at random.
    """

    keeps_groups = True

    def __init__(self, n_folds: int, seed: int, task: str = "classification") -> None:
        self.n_folds = n_folds
        self.seed = seed
        self.task = task

    def split(self, X: Any, y: Any, groups: np.ndarray | None = None) -> Iterator[tuple]:
        """Yield the positions to train on and to test on.

        Raises
        ------
        ValueError
            If there is one group.
        """
        strata = self._strata(y)
        n_folds = min(self.n_folds, np.bincount(strata).max())
        if groups is not None:
            n_groups = len(np.unique(groups))
            if n_groups < 2:
                raise ValueError(
                    "All images are in one group. Folds need two groups or more. Leave the groups "
                    "out, or name them in another way."
                )
            return iter(group_folds(strata, min(n_folds, n_groups), self.seed, groups))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The least populated class")
            folds = StratifiedKFold(n_folds, shuffle=True, random_state=self.seed)
            return iter(list(folds.split(strata, strata)))

    def _strata(self, y: Any) -> np.ndarray:
        read, targets = read_targets(y, len(y), self.task)
        strata = read.strata(targets, self.n_folds)
        return np.unique(strata, return_inverse=True)[1]


def check_folds(y: Any, folds: Folds, groups: np.ndarray | None) -> None:
    """Print the classes or labels that cannot be tested in all folds.

    Parameters
    ----------
    y : array-like of shape (n_images,) or (n_images, n_outputs)
    folds : Folds
    groups : ndarray of shape (n_images,) or None

    Raises
    ------
    ValueError
        If there is one group, or all images of a class are in one group.
    """
    n_folds = len(list(folds.split(None, y, groups)))
    if folds.task == "regression":
        return
    read, targets = read_targets(y, len(y), folds.task)
    if folds.task == "classification":
        units = np.arange(len(y)) if groups is None else groups
        pairs = set(zip(np.asarray(y).tolist(), np.asarray(units).tolist(), strict=True))
        of_each = Counter(name for name, _ in pairs)
    else:
        names = [f"label {j}" for j in range(read.n_outputs)] if read.names is None else read.names
        of_each = Counter(dict(zip(names, targets.sum(axis=0), strict=True)))
    alone = [str(name) for name, count in of_each.items() if count == 1]
    if alone and groups is not None and folds.task == "classification":
        raise ValueError(
            f"All images of the class {alone[0]} are in one group, so no fold can be trained on "
            "this class while it is tested. Add images of other groups, or leave the class or the "
            "groups out."
        )
    small = sorted(str(name) for name, count in of_each.items() if count < n_folds)
    if small:
        fewer = "images" if groups is None or folds.task != "classification" else "groups"
        print(
            f"Not in the test images of all {n_folds} folds, since they have fewer {fewer}: "
            f"{', '.join(small)}"
        )
