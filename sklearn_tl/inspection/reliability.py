"""`ReliabilityDisplay`: whether probabilities can be taken at their word."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sklearn_tl.assessment import Calibration, calibration_report
from sklearn_tl.inspection.display import Canvas, Display
from sklearn_tl.inspection.drawing import colour, marker, shortened
from sklearn_tl.inspection.score_axis import DUMMY_LINE

if TYPE_CHECKING:  # only an argument: neither room needs the other to run
    from sklearn_tl.comparison import ModelScore, StrategyComparison


class ReliabilityDisplay(Display):
    """How often predictions are right, by the probability that the model gives them.

    Parameters
    ----------
    calibration : Calibration
        What `calibration_report` found.
    name : str or None, default=None
        The name of the model.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The Axes with the reliability curve.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    See Also
    --------
    CoverageDisplay : The accuracy if only the surest predictions count.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tl.inspection import ReliabilityDisplay
    >>> y_true = ["cat", "dog"] * 20
    >>> probabilities = np.tile([[0.9, 0.1], [0.2, 0.8]], (20, 1))
    >>> display = ReliabilityDisplay.from_predictions(y_true, probabilities)
    >>> display.calibration.curve["mean_confidence"].round(2)
    array([0.8, 0.9])
    """

    def __init__(self, *, calibration: Calibration, name: str | None = None) -> None:
        self.calibration = calibration
        self.name = name

    @classmethod
    def from_results(
        cls,
        comparison: "StrategyComparison | ModelScore",
        strategy: str | None = None,
        *,
        ax: Any = None,
    ) -> Self:
        """Draw the reliability curve of a strategy.

        Parameters
        ----------
        comparison : StrategyComparison or ModelScore
            The result of :func:`compare_strategies`, or the score of one model.
        strategy : str or None, default=None
            The name of the strategy. None is the best one.
        ax : matplotlib Axes, default=None
            The Axes to draw on. None makes a new figure.

        Returns
        -------
        display : ReliabilityDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the strategy is unknown, or has no probabilities for all images.
        """
        name = comparison.best_strategy_ if strategy is None else strategy
        return cls(calibration=comparison.calibration(name), name=name).plot(ax=ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        probabilities: Any,
        *,
        classes: Any = None,
        groups: Any = None,
        name: str | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the reliability curve of probabilities that were computed before.

        Parameters
        ----------
        y_true : array-like of shape (n_images,) or (n_images, n_labels)
            True labels, or an indicator matrix.
        probabilities : array-like of shape (n_images, n_classes) or (n_images, n_labels)
            Of images that the model was not trained on.
        classes : array-like of shape (n_classes,), default=None
            The labels, in the order of the columns. None takes the sorted labels of `y_true`.
        groups : array-like of shape (n_images,), default=None
            Images of one group are not independent, which widens the intervals.
        name : str or None, default=None
            The name of the model.
        ax : matplotlib Axes, default=None
            The Axes to draw on. None makes a new figure.

        Returns
        -------
        display : ReliabilityDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If shapes do not fit, or a value is not a probability.
        """
        calibration = calibration_report(y_true, probabilities, classes, groups=groups)
        return cls(calibration=calibration, name=name).plot(ax=ax)

    def _canvas(self) -> Canvas:
        return Canvas(shape=(), size=(4.8, 4.5))

    def _draw(self) -> None:
        curve = self.calibration.curve
        x, y = curve["mean_confidence"], curve["accuracy"]
        lowest = 0.1 * np.floor(10 * min(x.min(), curve["low"].min()))
        # An interval of Wilson contains its share, but for rounding.
        errors = np.maximum([y - curve["low"], curve["high"] - y], 0)
        self.ax_.plot([0, 1], [0, 1], label="right probabilities", **DUMMY_LINE)
        self.ax_.errorbar(
            x,
            y,
            errors,
            color=colour(0),
            marker=marker(0),
            linewidth=1,
            capsize=3,
            label="95 % interval" if self.name is None else shortened(self.name),
        )
        words = "labels" if self.calibration.task == "multilabel" else "images"
        self.ax_.set(
            xlim=(lowest, 1.01),
            ylim=(lowest, 1.01),
            xlabel=f"mean probability of the answer ({min(curve['n'])} {words} or more per point)",
            ylabel="share of right answers, 95 % interval",
            aspect="equal",
        )
        # Inside, it would lie on an interval.
        above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1), "frameon": False}
        self.ax_.legend(fontsize="small", ncols=2, **above)
