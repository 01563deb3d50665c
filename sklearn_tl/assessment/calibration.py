"""Whether probabilities mean what they say."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import norm, t
from sklearn.metrics import brier_score_loss, log_loss

from sklearn_tl.assessment.inputs import are_judged, as_binary, read_groups, read_probabilities
from sklearn_tl.assessment.intervals import check_level, effective_numbers, wilson_interval
from sklearn_tl.assessment.temperature import SMALLEST, apply_temperature, fit_temperature

if TYPE_CHECKING:
    import pandas as pd

LEAST_IN_A_BIN = 10


@dataclass(frozen=True, eq=False)
class Calibration:
    """What :func:`calibration_report` found.

    Attributes
    ----------
    task : {"classification", "multilabel"}
        With several labels per image, each image and label is one decision between 0 and 1.
    n_decisions : int
        The number of images, or of images times labels.
    accuracy : float
        The share of decisions that are right.
    mean_confidence : float
        The mean probability of the predicted class. It equals `accuracy` if the probabilities are
        right.
    log_loss : float
        The mean negative logarithm of the true class's probability. Probabilities of 0 count as
        2e-16, as in :func:`sklearn.metrics.log_loss`.
    brier_score : float
        As :func:`sklearn.metrics.brier_score_loss` computes it: from 0 to 2 with three or more
        classes, and from 0 to 1 with two classes or several labels. Lower is better.
    expected_calibration_error : float
        The mean distance between confidence and accuracy in the bins of `curve`, weighted by the
        number of decisions.
    calibration_error_by_chance : float
        The `expected_calibration_error` that right probabilities would have in as many decisions.
    is_overconfident, is_underconfident : bool
        Whether the mean confidence is above or below the accuracy by more than chance.
    p_value : float
        Of the two-sided z-test that the mean confidence equals the accuracy. With groups it is a
        t-test on the groups.
    temperature : float
        The temperature with the lowest `log_loss`. Above 1, it makes probabilities less extreme.
    log_loss_at_temperature : float
        The `log_loss` of these decisions at `temperature`. The same decisions chose the
        temperature, so that new images have a slightly higher loss.
    curve : dict of str to ndarray of shape (n_bins,)
        The reliability curve: ``mean_confidence``, ``accuracy``, ``low``, ``high`` (Wilson
        interval of the accuracy) and ``n`` (number of decisions) of each bin.
    """

    task: str
    n_decisions: int
    accuracy: float
    mean_confidence: float
    log_loss: float
    brier_score: float
    expected_calibration_error: float
    calibration_error_by_chance: float
    is_overconfident: bool
    is_underconfident: bool
    p_value: float
    temperature: float
    log_loss_at_temperature: float
    curve: dict[str, np.ndarray]

    def to_frame(self) -> "pd.DataFrame":
        """Return the reliability curve as a table, with one row per bin."""
        import pandas as pd

        return pd.DataFrame(self.curve)

    def summary(self) -> str:
        """Say in one line whether the probabilities can be taken at their word."""
        means = f"mean confidence {self.mean_confidence:.3f}, accuracy {self.accuracy:.3f}"
        if not (self.is_overconfident or self.is_underconfident):
            return f"Confidence and accuracy differ by no more than chance ({means})."
        word = "overconfident" if self.is_overconfident else "underconfident"
        return (
            f"The probabilities are {word} ({means}). A temperature of {self.temperature:.2f} "
            f"changes the log loss from {self.log_loss:.3f} to {self.log_loss_at_temperature:.3f}."
        )


def calibration_report(
    y: Any,
    probabilities: Any,
    classes: Any = None,
    *,
    groups: Any = None,
    n_bins: int = 10,
    level: float = 0.95,
) -> Calibration:
    """Compare the probabilities of a model with how often it is right.

    Parameters
    ----------
    y : array-like of shape (n_images,) or (n_images, n_labels)
        True labels, or an indicator matrix.
    probabilities : array-like of shape (n_images, n_classes) or (n_images, n_labels)
        Of images that the model was not trained on, for example
        ``StrategyComparison.probabilities_[name]``.
    classes : array-like of shape (n_classes,), default=None
        The label of each column. None takes the sorted labels of `y`.
    groups : array-like of shape (n_images,), default=None
        Images of one group, for example of one person, are not independent. None stands for
        independent images. The labels of one image are never taken as independent.
    n_bins : int, default=10
        The largest number of bins. All bins have about the same number of decisions, and at least
        ten. Equal confidences share a bin.
    level : float, default=0.95
        Of the intervals. The test for over- and underconfidence has the level ``1 - level``.

    Returns
    -------
    report : Calibration

    Raises
    ------
    ValueError
        If shapes do not fit, a value is not a probability, or a parameter is out of range.

    References
    ----------
    Guo, Pleiss, Sun & Weinberger, "On Calibration of Modern Neural Networks" (ICML, 2017).

    Examples
    --------
    >>> from sklearn_tl.assessment import calibration_report
    >>> y = ["cat", "cat", "dog", "dog"] * 25
    >>> sure = [[0.99, 0.01], [0.99, 0.01], [0.99, 0.01], [0.01, 0.99]] * 25  # one in four is wrong
    >>> report = calibration_report(y, sure)
    >>> report.is_overconfident, round(report.temperature, 1)
    (True, 4.2)
    """
    check_level(level)
    if n_bins < 1:
        raise ValueError(f"n_bins={n_bins!r} must be at least 1.")
    given, rows, _, task = read_probabilities(y, probabilities, classes)
    units = read_groups(groups, len(given))
    codes, rows = as_binary(given, rows, task)
    if task == "multilabel":
        units = np.repeat(np.arange(len(given)) if units is None else units, given.shape[1])
    right, confidence = rows.argmax(axis=1) == codes, rows.max(axis=1)
    curve = _reliability_curve(right, confidence, units, n_bins, level)
    share = curve["n"] / len(codes)
    excess = float(confidence.mean() - right.mean())
    p_value = _p_value(right, confidence, units)
    # No temperature can help against a class that was not in training.
    judged = are_judged(codes, rows, given.shape[1] if task == "multilabel" else 1)
    temperature = fit_temperature(codes[judged], rows[judged])
    tempered = apply_temperature(rows, temperature)
    labels = np.arange(rows.shape[1])
    return Calibration(
        task=task,
        n_decisions=len(codes),
        accuracy=float(right.mean()),
        mean_confidence=float(confidence.mean()),
        log_loss=float(log_loss(codes, rows, labels=labels)),
        brier_score=float(brier_score_loss(codes, rows, labels=labels)),
        expected_calibration_error=float(
            share @ np.abs(curve["mean_confidence"] - curve["accuracy"])
        ),
        calibration_error_by_chance=float(share @ curve.pop("by_chance")),
        is_overconfident=p_value < 1 - level and excess > 0,
        is_underconfident=p_value < 1 - level and excess < 0,
        p_value=p_value,
        temperature=temperature,
        log_loss_at_temperature=float(log_loss(codes, tempered, labels=labels)),
        curve=curve,
    )


def _reliability_curve(
    right: np.ndarray,
    confidence: np.ndarray,
    groups: np.ndarray | None,
    n_bins: int,
    level: float,
) -> dict[str, np.ndarray]:
    """Return the figures of each bin; ``by_chance`` is the mean distance that chance makes."""
    n_bins = max(1, min(n_bins, len(right) // LEAST_IN_A_BIN))
    inner = np.unique(np.quantile(confidence, np.arange(1, n_bins) / n_bins))
    bins = np.unique(np.searchsorted(inner, confidence), return_inverse=True)[1]
    n = np.bincount(bins)
    accuracy = np.bincount(bins, right) / n
    # The mean of the absolute value of a normal variable is 0.8 standard deviations.
    variance = np.bincount(bins, confidence * (1 - confidence))
    number = np.array(
        [
            effective_numbers(right[bin_], None if groups is None else groups[bin_], level)[-1]
            for bin_ in (bins == b for b in range(len(n)))
        ]
    )
    low, high = wilson_interval(accuracy, number, level)
    return {
        "mean_confidence": np.bincount(bins, confidence) / n,
        "accuracy": accuracy,
        "low": low,
        "high": high,
        "n": n,
        "by_chance": np.sqrt(2 / np.pi * variance / (n * number)),
    }


def _p_value(right: np.ndarray, confidence: np.ndarray, groups: np.ndarray | None) -> float:
    """Test whether the mean confidence equals the accuracy."""
    excess = confidence - right
    if groups is None:
        deviation = np.sqrt((confidence * (1 - confidence)).sum())
        statistic = np.abs(excess.sum()) / max(deviation, SMALLEST)
        return float(2 * norm.sf(statistic))
    sums = np.bincount(groups, excess)
    n_groups = len(sums)
    if n_groups < 2:
        return 1.0  # one group says nothing about chance
    deviation = np.sqrt(n_groups / (n_groups - 1) * (sums**2).sum())
    return float(2 * t.sf(np.abs(sums.sum()) / max(deviation, SMALLEST), n_groups - 1))
