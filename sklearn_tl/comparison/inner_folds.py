"""The folds within the training part of a fold, on which the C of a linear model is chosen."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold

from sklearn_tl.targets import group_folds, read_labels

N_FOLDS = 3


class InnerFolds:
    """Three stratified folds that keep groups whole, or fewer if there are too few images.

    If nothing can be held out, since a class has one image or there is one group, there is one
    fold, in which all images are both trained and tested on. Several labels per image are
    stratified by the rarest of them. Numbers are not stratified.

    Parameters
    ----------
    task : {"classification", "multilabel", "regression"}, default="classification"
    """

    keeps_groups = True

    def __init__(self, task: str = "classification") -> None:
        self.task = task

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return len(self._splits(y, groups))

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the positions to train on and to test on."""
        return iter(self._splits(y, groups))

    def _splits(self, y: Any, groups: Any) -> list[tuple[np.ndarray, np.ndarray]]:
        strata = self._strata(y)
        everything = np.arange(len(strata))
        if groups is None:
            n_folds = min(N_FOLDS, np.bincount(strata).min())
            if n_folds > 1:
                return list(StratifiedKFold(n_folds).split(everything, strata))
        else:
            n_folds = min(N_FOLDS, len(np.unique(groups)), np.bincount(strata).max())
            if n_folds > 1:
                splits = group_folds(strata, n_folds, 0, np.asarray(groups))
                # A class with one group may be absent from a training part, but two must be there.
                if self.task != "classification" or all(np.ptp(strata[t]) > 0 for t, _ in splits):
                    return splits
        return [(everything, everything)]

    def _strata(self, y: Any) -> np.ndarray:
        """Return an integer per image, of which each fold should have the same share."""
        if self.task == "regression":
            return np.zeros(len(y), dtype=int)
        task, targets = read_labels(y, len(y))
        return np.unique(task.strata(targets, N_FOLDS), return_inverse=True)[1]
