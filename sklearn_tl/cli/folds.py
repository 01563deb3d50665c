"""The folds of a study: stratified, and without a group in both parts of a fold."""

import warnings
from collections import Counter
from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, StratifiedKFold

from sklearn_tl.targets import read_targets

Splits = list[tuple[np.ndarray, np.ndarray]]


def make_folds(
    y: Any,
    n_folds: int,
    seed: int,
    task: str = "classification",
    groups: np.ndarray | None = None,
) -> Splits:
    """Return folds, fewer if no class has as many images, and say what is special about them.

    A class that has fewer images than there are folds is in all training sets, but not in all test
    sets.

    Parameters
    ----------
    y : array-like of shape (n_images,) or (n_images, n_outputs)
        At least two images of each class.
    n_folds : int
    seed : int
    task : {"classification", "multilabel", "regression"}, default="classification"
        Folds of classes have the same shares of each class. Folds of several labels have the same
        shares of images by their rarest label. Folds of numbers are drawn at random.
    groups : ndarray of shape (n_images,) or None, default=None
        No group is in both parts of a fold.

    Returns
    -------
    splits : list of (train, test)

    Raises
    ------
    ValueError
        If there is one group, or all images of a class are in one group.
    """
    if task == "classification":
        strata = np.asarray(y)
        of_each = Counter(strata.tolist())
    else:
        read, targets = read_targets(y, len(y), task)
        strata = read.strata(targets, n_folds)
        names = [f"label {j}" for j in range(read.n_outputs)] if read.names is None else read.names
        of_each = Counter(dict(zip(names, targets.sum(axis=0), strict=True)))
    n_folds = min(n_folds, np.bincount(np.unique(strata, return_inverse=True)[1]).max())
    if groups is not None:
        return _folds_of_groups(strata, n_folds, seed, task, groups)
    small = [name for name, count in of_each.items() if count < n_folds]
    if small and task != "regression":
        print(
            f"Not in the test images of all {n_folds} folds, since they have fewer images: "
            f"{', '.join(map(str, small))}"
        )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
        return list(folds.split(strata, strata))


def _folds_of_groups(
    strata: np.ndarray, n_folds: int, seed: int, task: str, groups: np.ndarray
) -> Splits:
    n_groups = len(np.unique(groups))
    n_folds = min(n_folds, n_groups)
    if n_groups < 2:
        raise ValueError(f"All images are in the group {groups[0]}. Folds need two groups or more.")
    kind = GroupKFold if task == "regression" else StratifiedGroupKFold
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        folds = kind(n_folds, shuffle=True, random_state=seed)
        splits = list(folds.split(strata, strata, groups))
    for train, _ in splits if task == "classification" else ():
        absent = np.setdiff1d(strata, strata[train])
        if len(absent):
            of_class = np.unique(groups[strata == absent[0]])
            where = (
                f"are in the group {of_class[0]}"
                if len(of_class) == 1
                else f"are in {len(of_class)} groups, which came into one fold"
            )
            raise ValueError(
                f"All images of the class {absent[0]} {where}. No fold could be trained on this "
                "class and tested on others. Add images of other groups, leave the class or "
                "--group out, or set another --seed."
            )
    print(
        f"Folds: {len(splits)}. The {n_groups} groups stay whole: no group is both trained on and "
        "tested on."
    )
    print(
        "Choices within a fold, such as the C of a logistic regression, do not know the groups yet."
    )
    return splits
