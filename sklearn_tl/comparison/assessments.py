"""What predictions for images that were not trained on can say besides a score."""

from typing import Any

import numpy as np

from sklearn_tl._utils import check_option
from sklearn_tl.assessment import (
    Calibration,
    ClassReport,
    CoverageCurve,
    ErrorReport,
    LabelErrors,
    Threshold,
    calibration_report,
    class_report,
    coverage_curve,
    error_report,
    find_label_errors,
    threshold_for_error,
)


class Assessments:
    """The methods that read predictions for images that were not trained on.

    A comparison has predictions of each strategy. A model has its own, as if of one strategy.

    A subclass sets the attributes.
    """

    strategies_: list[str]
    best_strategy_: str
    task_: str
    classes_: np.ndarray | None
    target_names_: list[str]
    groups_: np.ndarray | None
    predictions_: dict[str, np.ndarray]
    probabilities_: dict[str, np.ndarray]
    _y: np.ndarray

    def label_errors(
        self, strategy: str | None = None, *, false_alarms: float = 0.01
    ) -> LabelErrors:
        """List the labels that are probably wrong.

        Parameters
        ----------
        strategy : str or None, default=None
            Whose probabilities decide. None is the best strategy.
        false_alarms : float, default=0.01
            The share of images that may be listed if all labels are right.

        Returns
        -------
        errors : LabelErrors
            Its positions are those among the compared images.

        Raises
        ------
        ValueError
            If the strategy has no probabilities for all images.
        """
        rows = self._probabilities_of(strategy)
        return find_label_errors(self._y, rows, self._names(), false_alarms=false_alarms)

    def class_report(self, strategy: str | None = None) -> ClassReport:
        """Return precision, recall, F1 and the confusion matrix, with intervals.

        Parameters
        ----------
        strategy : str or None, default=None
            None is the best strategy.

        Returns
        -------
        report : ClassReport
            One row per class or label.

        Raises
        ------
        ValueError
            If there are no classes, or there are no predictions for all images.
        """
        if self.task_ == "regression":
            raise ValueError(
                "Numbers have no classes: error_report() has the errors over the range."
            )
        predicted = self._predictions_of(strategy)
        return class_report(self._y, predicted, self._names(), groups=self.units)

    def error_report(self, strategy: str | None = None) -> list[ErrorReport]:
        """Return the errors of a regression over the range of each target.

        Parameters
        ----------
        strategy : str or None, default=None
            None is the best strategy.

        Returns
        -------
        reports : list of ErrorReport
            One per target.

        Raises
        ------
        ValueError
            If the comparison is not of numbers, or there are no predictions for all images.
        """
        if self.task_ != "regression":
            raise ValueError("Only numbers have errors of a size: class_report() has the classes.")
        predicted = self._predictions_of(strategy).reshape(len(self._y), -1)
        truth = self._y.reshape(len(self._y), -1)
        return [
            error_report(y, of_target, groups=self.units)
            for y, of_target in zip(truth.T, predicted.T, strict=True)
        ]

    def calibration(self, strategy: str | None = None) -> Calibration:
        """Say whether the probabilities of a strategy can be taken at their word.

        Parameters
        ----------
        strategy : str or None, default=None
            None is the best strategy.

        Returns
        -------
        report : Calibration

        Raises
        ------
        ValueError
            If the strategy has no probabilities for all images.
        """
        rows = self._probabilities_of(strategy)
        return calibration_report(self._y, rows, self._names(), groups=self.units)

    def coverage(self, strategy: str | None = None) -> CoverageCurve:
        """Return the accuracy against the share of images that are answered.

        Parameters
        ----------
        strategy : str or None, default=None
            None is the best strategy.

        Returns
        -------
        curve : CoverageCurve

        Raises
        ------
        ValueError
            If images do not have one class each, or there are no probabilities for all images.
        """
        return coverage_curve(self._y, self._probabilities_of(strategy), self._names())

    def threshold_for_error(self, error: float, strategy: str | None = None) -> Threshold:
        """Return how probable a class must be, so that few of the answers are wrong.

        Parameters
        ----------
        error : float
            The share of the answered images that may be wrong.
        strategy : str or None, default=None
            None is the best strategy.

        Returns
        -------
        threshold : Threshold

        Raises
        ------
        ValueError
            If images do not have one class each, or there are no probabilities for all images.
        """
        rows = self._probabilities_of(strategy)
        return threshold_for_error(self._y, rows, self._names(), error=error, groups=self.units)

    @property
    def units(self) -> np.ndarray | None:
        """What chance draws: groups, or None for single images, also if all are in one group."""
        return None if self.groups_ is None or np.ptp(self.groups_) == 0 else self.groups_

    def _name(self, strategy: str | None) -> str:
        if strategy is None:
            return self.best_strategy_
        check_option("strategy", strategy, self.strategies_)
        return strategy

    def _names(self) -> Any:
        return self.classes_ if self.classes_ is not None else np.array(self.target_names_)

    def _predictions_of(self, strategy: str | None) -> np.ndarray:
        name = self._name(strategy)
        if name not in self.predictions_:
            raise ValueError(
                "The folds do not test every image once, so there is not one prediction per image. "
                "Set cv to a number."
            )
        return self.predictions_[name]

    def _probabilities_of(self, strategy: str | None) -> np.ndarray:
        name = self._name(strategy)
        self._predictions_of(name)
        if name not in self.probabilities_:
            others = ", ".join(map(repr, self.probabilities_)) or "none"
            raise ValueError(
                f"The strategy {name!r} has no probabilities. Strategies with them: {others}."
            )
        return self.probabilities_[name]
