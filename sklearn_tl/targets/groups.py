"""Groups of images that belong together, such as the frames of a film: no split divides a group."""

from typing import Any

import numpy as np

from sklearn_tl._utils import is_missing
from sklearn_tl.targets.multiclass import Multiclass
from sklearn_tl.targets.task import Task

Split = tuple[np.ndarray, np.ndarray]  # positions to train on and to test on
ATTEMPTS = 20  # other shuffles, if a class has all of its groups in one fold


def check_groups(groups: Any, n_images: int) -> np.ndarray:
    """Return the group of each image as an integer.

    Parameters
    ----------
    groups : array-like of shape (n_images,)
        Images with equal values belong together.
    n_images : int

    Returns
    -------
    groups : ndarray of shape (n_images,)
        Counted from 0, in the order in which they occur.

    Raises
    ------
    ValueError
        If there is not one group per image, or a group is missing.
    """
    # A list stays as it is: an array of text and NaN would be text.
    is_list = isinstance(groups, list | tuple)
    shape = (len(groups),) if is_list else np.shape(groups)
    if shape not in ((n_images,), (n_images, 1)):
        raise ValueError(
            f"Found groups of shape {shape}. Expected one group for each of the {n_images} images."
        )
    values = list(groups) if is_list else np.asarray(groups).ravel().tolist()
    numbers: dict[Any, int] = {}
    for i, value in enumerate(values):
        if isinstance(value, list | dict | set | np.ndarray):
            raise ValueError(f"groups[{i}] is {value!r}. Expected a number, a name or a tuple.")
        if is_missing(value):
            raise ValueError(
                f"groups[{i}] is {value}, which is not a group. If the image belongs to no other, "
                "give it a group of its own."
            )
        numbers.setdefault(value, len(numbers))
    return np.array([numbers[value] for value in values])


def group_folds(strata: np.ndarray, n_folds: int, seed: int, groups: np.ndarray) -> list[Split]:
    """Return folds that keep each group whole, and each stratum's share similar.

    scikit-learn's StratifiedGroupKFold takes 0.2 s for 720 images that are nearly all alone in
    their group, and a comparison makes dozens of such folds.

    Parameters
    ----------
    strata : ndarray of shape (n_images,)
        An integer per image.
    n_folds : int
        At most the number of groups.
    seed : int
        Decides the shuffling.
    groups : ndarray of shape (n_images,)

    Returns
    -------
    splits : list of (train, test)
        Every stratum is in all training parts, if such folds are found.
    """
    best = np.zeros(len(strata), dtype=int)
    fewest = np.inf
    codes = np.unique(groups, return_inverse=True)[1]
    n_hopeless = (groups_per_stratum(strata, codes) == 1).sum()
    for attempt in range(ATTEMPTS):
        folds = _fold_of_each(strata, n_folds, np.random.default_rng([seed, attempt]), codes)
        pairs = np.unique(np.column_stack([strata, folds]), axis=0)
        n_alone = int((np.bincount(pairs[:, 0]) == 1).sum())  # strata in one fold only
        if n_alone < fewest:
            best, fewest = folds, n_alone
        if n_alone <= n_hopeless:
            break
    return [(np.flatnonzero(best != k), np.flatnonzero(best == k)) for k in range(n_folds)]


def _fold_of_each(
    strata: np.ndarray, n_folds: int, random: np.random.Generator, codes: np.ndarray
) -> np.ndarray:
    """Return the fold of each image: the largest groups first, each to the fold that lacks it."""
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    shuffled = random.permutation(len(members)).tolist()
    sizes = np.bincount(strata)
    counts = np.zeros((n_folds, len(sizes)))
    totals = np.zeros(n_folds)
    folds = np.empty(len(strata), dtype=int)
    for g in sorted(shuffled, key=lambda g: -len(members[g])):
        of_group = strata[members[g]]
        share = (counts[:, of_group] / sizes[of_group]).sum(axis=1)
        fold = np.lexsort((totals, share))[0]
        folds[members[g]] = fold
        np.add.at(counts[fold], of_group, 1)
        totals[fold] += len(of_group)
    return folds


def groups_per_stratum(strata: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return how many groups have images of each stratum."""
    pairs = np.unique(np.column_stack([strata, groups]), axis=0)
    return np.bincount(pairs[:, 0], minlength=strata.max() + 1)


def hold_out_groups(
    task: Task, targets: np.ndarray, fraction: float, seed: int, groups: np.ndarray
) -> Split:
    """Return the positions to train on and those to validate on, without dividing a group.

    Parameters
    ----------
    task : Task
    targets : ndarray of shape (n_images,) or (n_images, n_outputs)
    fraction : float
        About this share of the images is validated on.
    seed : int
    groups : ndarray of shape (n_images,)

    Raises
    ------
    ValueError
        If there are too few groups, or all images of a class are in one group.
    """
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise ValueError(
            f"All {len(groups)} images are in one group, but early_stopping=True validates on "
            "other groups than it trains on. Pass other groups, or set early_stopping=False."
        )
    strata = task.strata(targets, 2)
    if isinstance(task, Multiclass):
        alone = np.flatnonzero(groups_per_stratum(strata, groups) < 2)
        if len(alone):
            names = task.classes[alone[:5]].tolist()
            raise ValueError(
                f"All images of class {names[0]!s} are in one group, but early_stopping=True "
                "validates on other groups than it trains on. Classes with one group: "
                f"{', '.join(map(str, names))}. Add images of other groups, leave these classes "
                "out, or set early_stopping=False."
            )
    smaller = min(fraction, 1 - fraction)
    n_folds = min(max(2, round(1 / smaller)), n_groups)
    most, few = group_folds(strata, n_folds, seed, groups)[0]
    return (most, few) if fraction <= 0.5 else (few, most)
