"""The sentences of a summary about predictions: how sure they are, and labels that look wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sklearn_tl.comparison.assessments import Assessments
    from sklearn_tl.comparison.result import StrategyComparison

ERROR = 0.02  # of the answered images, in the sentence about the surest answers
FEW = 10  # images of a class in the test part of a fold


def about_predictions(comparison: StrategyComparison, y: np.ndarray) -> list[str]:
    """Return sentences about the predictions of the best strategy, if there are any."""
    return [*_small_test_parts(comparison, y), *about_probabilities(comparison)]


def about_probabilities(comparison: Assessments) -> list[str]:
    """Return sentences about the probabilities of the best strategy, if it has any."""
    lines: list[str] = []
    if comparison.best_strategy_ not in comparison.probabilities_:
        return lines
    if comparison.task_ == "classification":
        threshold = comparison.threshold_for_error(ERROR)
        if threshold.is_reached:
            lines.append(threshold.summary())
    calibration = comparison.calibration()
    if calibration.is_overconfident or calibration.is_underconfident:
        lines.append(calibration.summary())
    errors = comparison.label_errors()
    by_chance = errors.false_alarms * errors.n_images
    if len(errors.positions) > by_chance + 2 * np.sqrt(by_chance):
        lines.append(f"{errors.summary()} label_errors() lists them.")
    return lines


def _small_test_parts(comparison: StrategyComparison, y: np.ndarray) -> list[str]:
    """Warn of classes with few images in the test part of a fold."""
    if comparison.task_ == "regression":
        return []
    if comparison.classes_ is not None:
        names = [str(name) for name in comparison.classes_]
        has = y[:, None] == comparison.classes_
    else:
        names, has = comparison.target_names_, y > 0
    least = np.min([has[test].sum(axis=0) for _, test in comparison.splits_], axis=0)
    few = np.flatnonzero(least < FEW)
    if len(few) == 0:
        return []
    which = "every" if len(few) == len(names) else f"{len(few)} of {len(names)}"
    what = "class" if comparison.classes_ is not None else "label"
    what = what if which == "every" else {"class": "classes", "label": "labels"}[what]
    smallest = few[np.argmin(least[few])]
    return [
        f"Small test parts: fewer than {FEW} images of {which} {what} in a fold, for example "
        f"{least[smallest]} of {names[smallest]}. One image more or less changes the figures of "
        "such a class a lot."
    ]
