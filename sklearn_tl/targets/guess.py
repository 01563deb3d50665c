"""Which task a `y` stands for, if nobody says so."""

import warnings
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.multiclass import type_of_target

from sklearn_tl._choices import TASKS
from sklearn_tl._utils import check_option, is_missing
from sklearn_tl.targets.checks import as_plain
from sklearn_tl.targets.multiclass import Multiclass
from sklearn_tl.targets.multilabel import Multilabel
from sklearn_tl.targets.reading import read_labels
from sklearn_tl.targets.regression import Regression, read_numbers
from sklearn_tl.targets.task import Task

# Whole numbers with more distinct values than these are rather numbers than classes, if most values
# occur once, or fewer than three times.
FEW, MANY = 5, 20


def guess_task(y: Any) -> str:
    """Name the task that targets stand for.

    Parameters
    ----------
    y : array-like of shape (n_images,) or (n_images, n_targets)

    Returns
    -------
    task : {"classification", "multilabel", "regression"}
        Whole numbers are classes, unless there are more than 5 distinct values of which most
        occur once, or more than 20 of which most occur fewer than three times. A matrix of 0 and 1
        is "multilabel", and one with other numbers is "regression".

    Examples
    --------
    >>> guess_task(["cat", "dog", "cat"]), guess_task([[0, 1], [1, 1]]), guess_task([2.5, 1.25])
    ('classification', 'multilabel', 'regression')
    """
    y = as_plain(y)
    if hasattr(y, "columns"):
        matrix = y.to_numpy()
        y = as_plain(matrix) if matrix.dtype == object else y
    known = _known_numbers(y)
    if known is not None:
        return guess_task(known) if len(known) else "regression"
    try:
        kind = _type_of_target(y)
    except (TypeError, ValueError):  # reading it will say what is wrong
        return "classification"
    if kind == "multilabel-indicator":  # which is a matrix of any two whole numbers
        values = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
        return "multilabel" if np.isin(values, (0, 1)).all() else "regression"
    if kind.startswith("continuous") or kind == "multiclass-multioutput":
        return "regression"
    values = np.asarray(y)
    if kind == "multiclass" and values.dtype.kind in "iuf":
        counts = np.unique(values, return_counts=True)[1]
        often = 3 if len(counts) > MANY else 2
        if len(counts) > FEW and np.median(counts) < often:
            return "regression"
    return "classification"


def _known_numbers(y: Any) -> np.ndarray | None:
    """Return the rows without NaN or None, if there are others and all other values are numbers.

    What is not known does not change what the rest stands for, and an error will name it.
    """
    if hasattr(y, "tocsr"):
        return None
    try:
        values = np.asarray(y)
    except ValueError:  # lists of different lengths
        return None
    if values.dtype.kind not in "fO" or values.ndim not in (1, 2):
        return None
    if values.dtype.kind == "f":
        missing = np.isnan(values)
    else:
        missing = np.array([is_missing(value) for value in values.flat]).reshape(values.shape)
        numbers = values[~missing]
        if not all(isinstance(value, Real | np.bool_) for value in numbers):
            return None
    if not missing.any():
        return None
    known = values[~missing] if values.ndim == 1 else values[~missing.any(axis=1)]
    return np.array(known.tolist())


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
    if name == "regression":
        read: tuple[Multiclass | Multilabel | Regression, np.ndarray] = read_numbers(y, n_images)
        # After the check, since a missing value would be an error here.
        if task is None and _type_of_target(as_plain(y)) == "multiclass":
            warnings.warn(
                f"y has {len(np.unique(y))} different whole numbers, which are taken as numbers "
                'to predict. To say so: task="regression". If they are classes: '
                'task="classification".',
                stacklevel=3,
            )
    else:
        read = read_labels(y, n_images)
    if read[0].name != name:
        expected = {
            "classification": "one label per image",
            "multilabel": "an indicator matrix with one column per label",
        }[name]
        raise ValueError(f'Found y of shape {np.shape(y)}. Expected {expected} for task="{name}".')
    return read
