"""How good predictions are for each class, with intervals."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import confusion_matrix, multilabel_confusion_matrix

from sklearn_tl.assessment.inputs import read_groups, read_predictions
from sklearn_tl.assessment.intervals import check_level, effective_numbers, wilson_interval

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class ClassReport:
    """What :func:`class_report` found. All arrays are in the order of `classes`.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, or the names of the labels of an indicator matrix.
    confusion_matrix : ndarray of int of shape (n_classes, n_classes) or (n_labels, 2, 2)
        The number of images of each true class (row) and predicted class (column). With several
        labels, one matrix per label, whose rows and columns stand for 0 and 1.
    precision : ndarray of shape (n_classes,)
        The share of images predicted as a class that are of this class. NaN if the class was never
        predicted.
    recall : ndarray of shape (n_classes,)
        The share of images of a class that are predicted as this class. NaN if no image is of the
        class.
    f1 : ndarray of shape (n_classes,)
        The harmonic mean of precision and recall. NaN if no image is of the class and the class
        was never predicted.
    precision_interval, recall_interval, f1_interval : ndarray of shape (n_classes, 2)
        The bounds at `level`: 0 and 1 if the value is NaN.
    support : ndarray of int of shape (n_classes,)
        The number of images of each class.
    level : float
        Of the intervals.
    """

    classes: np.ndarray
    confusion_matrix: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    precision_interval: np.ndarray
    recall_interval: np.ndarray
    f1_interval: np.ndarray
    support: np.ndarray
    level: float

    def to_frame(self) -> "pd.DataFrame":
        """Return the figures as a table.

        Returns
        -------
        frame : pandas.DataFrame
            One row per class: ``class``, ``support``, and the value, ``_low`` and ``_high`` of
            ``precision``, ``recall`` and ``f1``.
        """
        import pandas as pd

        columns = {"class": self.classes, "support": self.support}
        for name in ("precision", "recall", "f1"):
            low, high = getattr(self, f"{name}_interval").T
            columns |= {name: getattr(self, name), f"{name}_low": low, f"{name}_high": high}
        return pd.DataFrame(columns)


def class_report(
    y: Any, predicted: Any, classes: Any = None, *, groups: Any = None, level: float = 0.95
) -> ClassReport:
    """Compute precision, recall and F1 of each class, with intervals.

    Parameters
    ----------
    y : array-like of shape (n_images,) or (n_images, n_labels)
        True labels, or an indicator matrix.
    predicted : array-like of the same shape as `y`
        Predictions for images that the model was not trained on, for example
        ``StrategyComparison.predictions_[name]``.
    classes : array-like of shape (n_classes,), default=None
        The labels, in the order of the report. None takes all labels, sorted.
    groups : array-like of shape (n_images,), default=None
        Images of one group, for example of one person, are not independent, which widens the
        intervals. None stands for independent images.
    level : float, default=0.95
        The share of such intervals that contain the true value.

    Returns
    -------
    report : ClassReport

    Raises
    ------
    ValueError
        If shapes do not fit, a label is not one of `classes`, or `level` is not between 0 and 1.

    Notes
    -----
    The intervals are Wilson's. They have a width even if all predictions are right, which those of
    a bootstrap do not. The interval of F1 follows from that of the share tp / (tp + fp + fn),
    where tp, fp and fn are the numbers of true positives, false positives and false negatives
    (Lam, Gopal & Qian, "Confidence Intervals for the F1 Score: A Comparison of Four Methods",
    2023). With groups, the numbers of images are replaced by effective numbers (Korn & Graubard,
    1998).

    Examples
    --------
    >>> from sklearn_tl.assessment import class_report
    >>> report = class_report(["cat", "cat", "cat", "dog"], ["cat", "cat", "dog", "dog"])
    >>> report.recall.round(2).tolist(), report.recall_interval.round(2).tolist()
    ([0.67, 1.0], [[0.21, 0.94], [0.21, 1.0]])
    """
    check_level(level)
    targets, answers, names, task = read_predictions(y, predicted, classes)
    units = read_groups(groups, len(targets))
    if task == "multilabel":
        confusion = multilabel_confusion_matrix(targets, answers)
        true, said = targets.T == 1, answers.T == 1
    else:
        codes = np.arange(len(names))
        confusion = confusion_matrix(targets, answers, labels=codes)
        true, said = targets == codes[:, None], answers == codes[:, None]
    both = true & said
    precision, precision_interval = _shares(both, said, units, level)
    recall, recall_interval = _shares(both, true, units, level)
    jaccard, jaccard_interval = _shares(both, true | said, units, level)
    return ClassReport(
        classes=names,
        confusion_matrix=confusion,
        precision=precision,
        recall=recall,
        f1=2 * jaccard / (1 + jaccard),
        precision_interval=precision_interval,
        recall_interval=recall_interval,
        f1_interval=2 * jaccard_interval / (1 + jaccard_interval),
        support=true.sum(axis=1),
        level=level,
    )


def _shares(
    success: np.ndarray, among: np.ndarray, groups: np.ndarray | None, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of successes (n_classes,) among images, and its interval (n_classes, 2).

    Parameters
    ----------
    success, among : ndarray of bool of shape (n_classes, n_images)
    """
    n = among.sum(axis=1)
    share = np.full(len(n), np.nan)
    np.divide(success.sum(axis=1), n, out=share, where=n > 0)
    number = n.astype(float)
    if groups is not None:
        for k in np.flatnonzero(n):
            images = among[k]
            number[k] = effective_numbers(success[k, images], groups[images], level)[-1]
    return share, np.column_stack(wilson_interval(share, number, level))
