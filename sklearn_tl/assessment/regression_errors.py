"""By how much predicted numbers are off, also for small and large true numbers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import t
from sklearn.utils.validation import check_array

from sklearn_tl.assessment.inputs import read_groups
from sklearn_tl.assessment.intervals import check_level

if TYPE_CHECKING:
    import pandas as pd

N_PARTS = 5


@dataclass(frozen=True, eq=False)
class ErrorReport:
    """What :func:`error_report` found, in the units of `y`.

    Attributes
    ----------
    mean_absolute_error : float
        By how much the predictions are off on average.
    interval : tuple of float
        The bounds of `mean_absolute_error` at `level`.
    bias : float
        The mean of prediction minus true number. Positive if predictions are too high.
    by_quintile : dict of str to ndarray of shape (n_parts,)
        The same for the images with the lowest fifth of the true numbers, the next fifth, and so
        on: ``low`` and ``high`` (the lowest and highest true number), ``n`` (number of images),
        ``mean_absolute_error`` and ``bias``. Equal numbers share a part, so that there can be
        fewer than five.
    level : float
        Of the interval.
    """

    mean_absolute_error: float
    interval: tuple[float, float]
    bias: float
    by_quintile: dict[str, np.ndarray]
    level: float

    def to_frame(self) -> "pd.DataFrame":
        """Return `by_quintile` as a table, with one row per part."""
        import pandas as pd

        return pd.DataFrame(self.by_quintile)


def error_report(y: Any, predicted: Any, *, groups: Any = None, level: float = 0.95) -> ErrorReport:
    """Compute by how much predicted numbers are off, overall and by the size of the true number.

    Parameters
    ----------
    y : array-like of shape (n_images,)
        True numbers.
    predicted : array-like of shape (n_images,)
        Predictions for images that the model was not trained on.
    groups : array-like of shape (n_images,), default=None
        Images of one group are not independent, which changes the interval. None stands for
        independent images.
    level : float, default=0.95
        Of the interval, which is that of a t-test on the images or the groups.

    Returns
    -------
    report : ErrorReport

    Raises
    ------
    ValueError
        If there is not one finite number per image, fewer than two images or groups, or `level` is
        not between 0 and 1.

    Examples
    --------
    >>> from sklearn_tl.assessment import error_report
    >>> report = error_report([1, 2, 3, 4, 5], [2, 2, 3, 4, 3])
    >>> report.mean_absolute_error, report.by_quintile["bias"].tolist()
    (0.6, [1.0, 0.0, 0.0, 0.0, -2.0])
    """
    check_level(level)
    true, said = _numbers(y, "y"), _numbers(predicted, "predicted")
    if len(said) != len(true):
        raise ValueError(
            f"predicted has {len(said)} numbers and y has {len(true)}. Pass one prediction per "
            "image."
        )
    units = read_groups(groups, len(true))
    signed = said - true
    absolute = np.abs(signed)
    edges = np.unique(np.quantile(true, np.arange(1, N_PARTS) / N_PARTS))
    part = np.unique(np.searchsorted(edges, true), return_inverse=True)[1]
    n = np.bincount(part)
    parts = [true[part == i] for i in range(len(n))]
    return ErrorReport(
        mean_absolute_error=float(absolute.mean()),
        interval=_interval_of_mean(absolute, units, level),
        bias=float(signed.mean()),
        by_quintile={
            "low": np.array([numbers.min() for numbers in parts]),
            "high": np.array([numbers.max() for numbers in parts]),
            "n": n,
            "mean_absolute_error": np.bincount(part, absolute) / n,
            "bias": np.bincount(part, signed) / n,
        },
        level=level,
    )


def _numbers(values: Any, name: str) -> np.ndarray:
    numbers = check_array(values, dtype=np.float64, ensure_2d=False, input_name=name)
    if numbers.ndim == 2 and numbers.shape[1] == 1:
        numbers = numbers[:, 0]
    if numbers.ndim != 1:
        raise ValueError(
            f"{name} has the shape {numbers.shape}. Expected one number per image. With several "
            "numbers per image, pass one column at a time."
        )
    return numbers


def _interval_of_mean(
    values: np.ndarray, groups: np.ndarray | None, level: float
) -> tuple[float, float]:
    mean = values.mean()
    units = np.arange(len(values)) if groups is None else groups
    between = np.bincount(units, values - mean)
    n_units = len(between)
    if n_units < 2:
        raise ValueError("An interval needs at least two images or groups, but there is one.")
    error = np.sqrt(n_units / (n_units - 1) * (between**2).sum()) / len(values)
    half = t.ppf(0.5 + level / 2, n_units - 1) * error
    return float(max(mean - half, 0)), float(mean + half)
