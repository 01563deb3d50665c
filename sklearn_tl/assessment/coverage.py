"""How many images can be answered if the least sure ones are left to people."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_tl.assessment.inputs import read_groups, read_probabilities
from sklearn_tl.assessment.intervals import check_level, effective_numbers, upper_bound

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class CoverageCurve:
    """What :func:`coverage_curve` found, from the surest images to all images.

    Attributes
    ----------
    thresholds : ndarray of shape (n_thresholds,)
        Images are answered if the probability of their predicted class is at least this.
    coverage : ndarray of shape (n_thresholds,)
        The share of images that are answered.
    accuracy : ndarray of shape (n_thresholds,)
        The share of answered images whose answer is right.
    n_answered : ndarray of int of shape (n_thresholds,)
        The number of images that are answered.
    """

    thresholds: np.ndarray
    coverage: np.ndarray
    accuracy: np.ndarray
    n_answered: np.ndarray

    def to_frame(self) -> "pd.DataFrame":
        """Return the curve as a table, with one row per threshold."""
        import pandas as pd

        names = ("threshold", "coverage", "accuracy", "n_answered")
        values = (self.thresholds, self.coverage, self.accuracy, self.n_answered)
        return pd.DataFrame(dict(zip(names, values, strict=True)))


@dataclass(frozen=True)
class Threshold:
    """What :func:`threshold_for_error` found.

    Attributes
    ----------
    threshold : float
        Answer an image if the probability of its predicted class is at least this. Infinite if no
        threshold reaches the error.
    coverage : float
        The share of images that are answered. 0 if no threshold reaches the error.
    accuracy : float
        Of the answered images. NaN if no threshold reaches the error.
    bound : float
        The upper bound of the error among the answered images. If no threshold reaches the error,
        the lowest bound of all thresholds.
    error, level : float
        As they were asked for.
    n_images : int
        The number of all images.
    """

    threshold: float
    coverage: float
    accuracy: float
    bound: float
    error: float
    level: float
    n_images: int

    @property
    def is_reached(self) -> bool:
        """Whether a threshold reaches the error."""
        return self.coverage > 0

    def summary(self) -> str:
        """Say in one line what the threshold brings."""
        if self.is_reached:
            return (
                f"Answers {self.coverage:.0%} of images at {self.accuracy:.1%} accuracy, if the "
                f"probability is at least {self.threshold:.3f}."
            )
        return (
            f"No threshold has an error of at most {self.error:.3g} among the answered images "
            f"with {self.level:.0%} certainty. The lowest bound is {self.bound:.3g}. Allow a "
            f"larger error, or add to the {self.n_images} images."
        )


def coverage_curve(y: Any, probabilities: Any, classes: Any = None) -> CoverageCurve:
    """Compute the accuracy against the share of images that are answered.

    Parameters
    ----------
    y : array-like of shape (n_images,)
        True labels, one per image.
    probabilities : array-like of shape (n_images, n_classes)
        Of images that the model was not trained on.
    classes : array-like of shape (n_classes,), default=None
        The label of each column. None takes the sorted labels of `y`.

    Returns
    -------
    curve : CoverageCurve

    Raises
    ------
    ValueError
        If images have several labels, shapes do not fit, or a value is not a probability.

    Examples
    --------
    >>> from sklearn_tl.assessment import coverage_curve
    >>> probabilities = [[0.9, 0.1], [0.6, 0.4], [0.1, 0.9], [0.7, 0.3]]
    >>> curve = coverage_curve(["a", "a", "b", "b"], probabilities)
    >>> curve.coverage.tolist(), curve.accuracy.round(2).tolist()
    ([0.5, 0.75, 1.0], [1.0, 0.67, 0.75])
    """
    right, confidence = _answers(y, probabilities, classes)
    order = np.argsort(-confidence, kind="stable")
    ends = _ends(confidence[order])
    return CoverageCurve(
        thresholds=confidence[order][ends],
        coverage=(ends + 1) / len(order),
        accuracy=np.cumsum(right[order])[ends] / (ends + 1),
        n_answered=ends + 1,
    )


def threshold_for_error(
    y: Any,
    probabilities: Any,
    classes: Any = None,
    *,
    error: float = 0.02,
    groups: Any = None,
    level: float = 0.95,
) -> Threshold:
    """Find the threshold that answers the most images with a limited share of errors.

    The lowest threshold at which the images at hand have few enough errors is too optimistic: it
    was lucky with these images. On new images, the error is above the limit about every second
    time. Here the upper bound of the error must be at most `error`.

    Parameters
    ----------
    y : array-like of shape (n_images,)
        True labels, one per image.
    probabilities : array-like of shape (n_images, n_classes)
        Of images that the model was not trained on.
    classes : array-like of shape (n_classes,), default=None
        The label of each column. None takes the sorted labels of `y`.
    error : float, default=0.02
        The largest share of wrong answers among the answered images.
    groups : array-like of shape (n_images,), default=None
        Images of one group, for example of one person, are not independent, so that the same
        number of them says less. None stands for independent images.
    level : float, default=0.95
        Of the one-sided bound (Clopper & Pearson, 1934). With the error 0.02 and this level, it
        takes at least 149 answered images without a wrong answer.

    Returns
    -------
    threshold : Threshold
        Its `is_reached` says whether there is such a threshold.

    Raises
    ------
    ValueError
        If images have several labels, shapes do not fit, a value is not a probability, or a
        parameter is out of range.

    Examples
    --------
    >>> from sklearn_tl.assessment import threshold_for_error
    >>> y, sure, unsure = ["cat", "dog"] * 200, [[0.9, 0.1], [0.1, 0.9]], [[0.6, 0.4], [0.6, 0.4]]
    >>> print(threshold_for_error(y, sure * 150 + unsure * 50).summary())
    Answers 75% of images at 100.0% accuracy, if the probability is at least 0.900.
    """
    check_level(level)
    if not 0 < error < 1:
        raise ValueError(f"error={error!r} must be a share between 0 and 1, for example 0.02.")
    right, confidence = _answers(y, probabilities, classes)
    units = read_groups(groups, len(right))
    order = np.argsort(-confidence, kind="stable")
    right, confidence = right[order], confidence[order]
    ends = _ends(confidence)
    wrong = 1 - np.cumsum(right)[ends] / (ends + 1)
    units = None if units is None else units[order]
    number = effective_numbers(right, units, level)[ends]
    bounds = upper_bound(wrong, number, level)
    reached = np.flatnonzero(bounds <= error)
    if len(reached) == 0:
        return Threshold(
            np.inf, 0.0, np.nan, float(bounds.min()), error, level, n_images=len(right)
        )
    last = reached[-1]
    return Threshold(
        threshold=float(confidence[ends[last]]),
        coverage=float((ends[last] + 1) / len(right)),
        accuracy=float(1 - wrong[last]),
        bound=float(bounds[last]),
        error=error,
        level=level,
        n_images=len(right),
    )


def _answers(y: Any, probabilities: Any, classes: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return whether each image's predicted class is right, and its probability."""
    codes, rows, _, task = read_probabilities(y, probabilities, classes)
    if task != "classification":
        raise ValueError(
            f"y has {codes.shape[1]} columns. Expected one label per image. With several labels, "
            "ask about one column at a time: y[:, j] and "
            "np.column_stack([1 - probabilities[:, j], probabilities[:, j]])."
        )
    return rows.argmax(axis=1) == codes, rows.max(axis=1)


def _ends(descending: np.ndarray) -> np.ndarray:
    """Return the last position of each run of equal values."""
    return np.flatnonzero(np.append(np.diff(descending) != 0, True))
