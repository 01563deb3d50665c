"""One number per image, or several."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Self

import numpy as np

from sklearn_tl._utils import is_missing
from sklearn_tl.targets.checks import (
    as_plain,
    check_given,
    check_length,
    names_of_columns,
    refuse_lists,
)
from sklearn_tl.targets.task import random_part

TIMES = date, timedelta, np.datetime64, np.timedelta64  # a datetime is a date
LARGEST = 1e140  # whose square is far from the largest number of 64 bits, also summed over images


@dataclass(frozen=True, eq=False)
class Regression:
    """The task whose targets are numbers, which are standardised for training.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_targets,)
        Mean and standard deviation of the training targets. A target whose training values are all
        equal has the scale 0: all of its encoded values are 0, also those that are validated on, so
        that a target that cannot be learned does not decide when training stops.
    is_flat : bool
        Whether `y` had one dimension.
    names : ndarray of shape (n_targets,) or None
        Names of the targets, if `y` was a table.
    """

    mean: np.ndarray
    scale: np.ndarray
    is_flat: bool
    names: np.ndarray | None
    name = "regression"

    @property
    def n_outputs(self) -> int:
        """Number of targets."""
        return len(self.mean)

    def fitted(self, targets: np.ndarray, weight: np.ndarray) -> Self:
        """Return the task with the weighted mean and standard deviation of the targets."""
        mean = np.average(targets, axis=0, weights=weight)
        scale = np.sqrt(np.average((targets - mean) ** 2, axis=0, weights=weight))
        # Not `scale == 0`: the mean of equal numbers is rounded.
        is_constant = targets.min(axis=0) == targets.max(axis=0)
        return replace(
            self,
            mean=np.where(is_constant, targets[0], mean),
            scale=np.where(is_constant, 0.0, scale),
        )

    def encode(self, targets: np.ndarray) -> np.ndarray:
        """Return the standardised targets (n_images, n_targets), as float32."""
        scale = np.where(self.scale > 0, self.scale, np.inf)
        return ((targets - self.mean) / scale).astype(np.float32)

    def predictions(self, outputs: np.ndarray) -> np.ndarray:
        """Return the numbers in the units of `y`."""
        numbers = outputs * self.scale + self.mean
        return numbers[:, 0] if self.is_flat else numbers

    def strata(self, targets: np.ndarray, least: int) -> np.ndarray:
        """Return zeros: folds are drawn at random."""
        return np.zeros(len(targets), dtype=int)

    def hold_out(
        self, targets: np.ndarray, fraction: float, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Split images in two parts at random."""
        return random_part(self, targets, fraction, seed)


def read_numbers(y: Any, n_images: int) -> tuple[Regression, np.ndarray]:
    """Check the targets of a regression.

    Parameters
    ----------
    y : array-like of shape (n_images,) or (n_images, n_targets)
        Numbers.
    n_images : int
        The number of images that the targets belong to.

    Returns
    -------
    task : Regression
        Not fitted.
    targets : ndarray of shape (n_images, n_targets), float64

    Raises
    ------
    ValueError
        If there is not one row per image, a value is not a finite number, all values of a target
        are equal, or they are so large or so close together that their squares cannot be computed.
    """
    given, names = _as_array(y)
    if given.ndim not in (1, 2) or given.size == 0:
        raise ValueError(
            f"Found y of shape {given.shape}. Expected one number per image, of shape (n_images,), "
            "or several, of shape (n_images, n_targets)."
        )
    check_length(given, n_images, "targets", "one number per image, or one row of numbers")
    targets = _finite(given, names)
    if len(targets) < 2:
        raise ValueError(
            f"A regressor needs at least two images to be trained on, but n_samples = "
            f"{len(targets)}."
        )
    for j in np.flatnonzero(targets.min(axis=0) == targets.max(axis=0)).tolist():
        raise ValueError(
            f"All {len(targets)} values of y{_column(given, names, j)} are {targets[0, j]:g}, so "
            "there is nothing to predict. Expected targets that differ between images."
        )
    _check_squares(targets, given, names)
    nothing = np.full(targets.shape[1], np.nan)
    return Regression(nothing, nothing, given.ndim == 1, names), targets


def check_numbers(y: Any) -> None:
    """Raise a ValueError if `y`, with which predictions are compared, is not numbers."""
    _finite(*_as_array(y))


def _as_array(y: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Return `y` as an array, and the names of its columns."""
    check_given(y, "regressor", "number")
    y = as_plain(y)
    if hasattr(y, "toarray"):
        return y.toarray(), names_of_columns(y)
    try:
        given = np.asarray(y)
    except ValueError as error:  # rows of different lengths
        refuse_lists(y)
        raise ValueError(
            "The rows of y have different lengths. Expected one number per image, or a row of as "
            "many numbers for each image."
        ) from error
    refuse_lists(y if given.ndim == 1 and given.dtype == object else ())
    return given, names_of_columns(y)


def _finite(given: np.ndarray, names: np.ndarray | None) -> np.ndarray:
    """Return a matrix of float64, or name the first value that is not a finite number."""
    matrix = given.reshape(len(given), -1)
    if matrix.dtype.kind in "biuf":
        numbers = matrix.astype(np.float64)
    else:
        numbers = np.full(matrix.shape, np.nan)
        for (i, j), value in np.ndenumerate(matrix):
            numbers[i, j] = float(value) if _is_number(value) else np.nan
    wrong = np.argwhere(~np.isfinite(numbers))
    if len(wrong):
        # A text that is not a number says more than those that are.
        only_text = [at for at in wrong if _is_only_text(matrix[tuple(at)])]
        alike = only_text or wrong
        (i, j), n = alike[0], len(alike) - 1
        others = f" {n} more {'value is' if n == 1 else 'values are'} not." if n else ""
        value, column = matrix[i, j], _column(given, names, j)
        raise ValueError(f"y[{i}] is {_described(value, column, others)}")
    return numbers


def _described(value: Any, column: str, others: str) -> str:
    """Return what is wrong with a value, and what to do."""
    if isinstance(value, str):
        if _is_only_text(value):
            return (
                f"{str(value)!r}{column}, which is not a number.{others} Leave such images out. "
                "For classes, use FineTuneClassifier."
            )
        return (
            f"{str(value)!r}{column}, which is text and not a number.{others} For numbers in text: "
            "np.asarray(y, dtype=float)."
        )
    if isinstance(value, complex | np.complexfloating):
        return (
            f"{value}{column}, which is a complex number. Expected real numbers, for example "
            "np.abs(y), or y.real and y.imag in two columns."
        )
    if isinstance(value, TIMES) and not is_missing(value):
        return (
            f"{value}{column}, which is a date or a time and not a number. For days since the "
            "first date: (y - y.min()) / np.timedelta64(1, 'D'), where y is an array of datetime64."
        )
    return (
        f"{value}{column}, which is not a finite number (NaN and infinity are not allowed)."
        f"{others} Leave such images out."
    )


def _is_only_text(value: Any) -> bool:
    """Tell whether a value is text that is not written as a number."""
    if not isinstance(value, str):
        return False
    try:
        float(value)
    except ValueError:
        return True
    return False


def _check_squares(targets: np.ndarray, given: np.ndarray, names: np.ndarray | None) -> None:
    """Raise a ValueError if squared errors of a target would overflow, or vanish."""
    largest = np.abs(targets).max(axis=0)
    spread = targets.max(axis=0) / 2 - targets.min(axis=0) / 2  # halves, which do not overflow
    for j in np.flatnonzero((largest > LARGEST) | (spread < 1 / LARGEST)).tolist():
        x = largest[j] if largest[j] > LARGEST else spread[j]
        raise ValueError(
            f"The values of y{_column(given, names, j)} are from {targets[:, j].min():g} to "
            f"{targets[:, j].max():g}, whose squared errors cannot be computed. Express them in "
            f"another unit, for example divided by 1e{int(np.floor(np.log10(x)))}."
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float | np.integer | np.floating | np.bool_)


def _column(given: np.ndarray, names: np.ndarray | None, j: int) -> str:
    if given.ndim == 1:
        return ""
    return f" in column {j}" if names is None else f" in column {str(names[j])!r}"
