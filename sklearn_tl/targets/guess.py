"""Which task a `y` stands for, if nobody says so."""

import warnings
from typing import Any

import numpy as np
from sklearn.utils.multiclass import type_of_target

from sklearn_tl._utils import check_option
from sklearn_tl.targets.multiclass import Multiclass
from sklearn_tl.targets.multilabel import Multilabel
from sklearn_tl.targets.reading import read_labels
from sklearn_tl.targets.regression import Regression, read_numbers
from sklearn_tl.targets.task import Task

TASKS = ("classification", "multilabel", "regression")
FEW = 20  # whole numbers with more distinct values than this are rather numbers than classes


def guess_task(y: Any) -> str:
    """Name the task that targets stand for.

    Parameters
    ----------
    y : array-like of shape (n_images,) or (n_images, n_targets)

    Returns
    -------
    task : {"classification", "multilabel", "regression"}
        Whole numbers are classes, unless they have more than 20 distinct values and most values
        occur fewer than three times.

    Examples
    --------
    >>> guess_task(["cat", "dog", "cat"]), guess_task([[0, 1], [1, 1]]), guess_task([2.5, 1.25])
    ('classification', 'multilabel', 'regression')
    """
    try:
        kind = _type_of_target(y)
    except (TypeError, ValueError):  # reading it will say what is wrong
        return "classification"
    if kind == "multilabel-indicator":
        return "multilabel"
    if kind.startswith("continuous") or kind == "multiclass-multioutput":
        return "regression"
    values = np.asarray(y)
    if kind == "multiclass" and values.dtype.kind in "iuf":
        counts = np.unique(values, return_counts=True)[1]
        if len(counts) > FEW and np.median(counts) < 3:
            return "regression"
    return "classification"


def _type_of_target(y: Any) -> str:
    with warnings.catch_warnings():  # of many classes, about which we say more
        warnings.filterwarnings("ignore", "The number of unique classes")
        warnings.filterwarnings("ignore", "invalid value encountered")  # NaN, named later
        return type_of_target(y)


def read_targets(y: Any, n_images: int, task: str | None) -> tuple[Task, np.ndarray]:
    """Check targets for a task, or for the one that `guess_task` names.

    Parameters
    ----------
    y : array-like of shape (n_images,) or (n_images, n_targets)
    n_images : int
    task : {"classification", "multilabel", "regression"} or None

    Returns
    -------
    task : Multiclass, Multilabel or Regression
    targets : ndarray

    Raises
    ------
    ValueError
        If `task` is unknown or does not fit to `y`, or `y` has errors.
    """
    if task is not None:
        check_option("task", task, TASKS)
    name = task or ("classification" if y is None else guess_task(y))
    if task is None and name == "regression" and _type_of_target(y) == "multiclass":
        warnings.warn(
            f"y has {len(np.unique(y))} different whole numbers, which are taken as numbers to "
            'predict. To say so: task="regression". If they are classes: task="classification".',
            stacklevel=3,
        )
    if name == "regression":
        read: tuple[Multiclass | Multilabel | Regression, np.ndarray] = read_numbers(y, n_images)
    else:
        read = read_labels(y, n_images)
    if read[0].name != name:
        expected = {
            "classification": "one label per image",
            "multilabel": "an indicator matrix with one column per label",
        }[name]
        raise ValueError(f'Found y of shape {np.shape(y)}. Expected {expected} for task="{name}".')
    return read
