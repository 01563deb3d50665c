"""`CoverageDisplay`: the accuracy if the least sure images are left to people."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from sklearn_tl.assessment import CoverageCurve, coverage_curve
from sklearn_tl.inspection.display import Canvas, Display
from sklearn_tl.inspection.drawing import colour, shortened

if TYPE_CHECKING:  # only an argument: neither room needs the other to run
    from sklearn_tl.comparison import ModelScore, StrategyComparison

LEAST = 10  # answered images, below which the accuracy is mostly chance


class CoverageDisplay(Display):
    """The accuracy on the surest images, by their share of all images.

    A curve begins with ten images, or with the surest ones if more have the same probability.

    Parameters
    ----------
    curves : dict of str to CoverageCurve
        The name of each model, with what `coverage_curve` found.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The Axes with the curves.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    See Also
    --------
    ReliabilityDisplay : Whether the probabilities can be taken at their word.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tl.inspection import CoverageDisplay
    >>> y_true = ["cat", "dog"] * 20
    >>> probabilities = np.tile([[0.9, 0.1], [0.6, 0.4]], (20, 1))
    >>> display = CoverageDisplay.from_predictions(y_true, probabilities)
    >>> display.curves["predictions"].accuracy.tolist()
    [1.0, 0.5]
    """

    def __init__(self, *, curves: Mapping[str, CoverageCurve]) -> None:
        self.curves = curves

    @classmethod
    def from_results(
        cls,
        comparison: "StrategyComparison | ModelScore",
        strategy: str | None = None,
        *,
        ax: Any = None,
    ) -> Self:
        """Draw the curves of the strategies of a comparison.

        Parameters
        ----------
        comparison : StrategyComparison or ModelScore
            The result of :func:`compare_strategies`, or the score of one model.
        strategy : str or None, default=None
            The name of a strategy to draw alone. None draws all strategies with probabilities.
        ax : matplotlib Axes, default=None
            The Axes to draw on. None makes a new figure.

        Returns
        -------
        display : CoverageDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If images do not have one class each, or no strategy has probabilities for all images.
        """
        names = [strategy] if strategy else list(comparison.probabilities_)
        # Without any, the message about the best strategy says why.
        curves = {name: comparison.coverage(name) for name in names or [comparison.best_strategy_]}
        return cls(curves=curves).plot(ax=ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        probabilities: Any,
        *,
        classes: Any = None,
        name: str = "predictions",
        ax: Any = None,
    ) -> Self:
        """Draw the curve of probabilities that were computed before.

        Parameters
        ----------
        y_true : array-like of shape (n_images,)
            True labels, one per image.
        probabilities : array-like of shape (n_images, n_classes)
            Of images that the model was not trained on.
        classes : array-like of shape (n_classes,), default=None
            The labels, in the order of the columns. None takes the sorted labels of `y_true`.
        name : str, default="predictions"
            The name of the model.
        ax : matplotlib Axes, default=None
            The Axes to draw on. None makes a new figure.

        Returns
        -------
        display : CoverageDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If images have several labels, shapes do not fit, or a value is not a probability.
        """
        return cls(curves={name: coverage_curve(y_true, probabilities, classes)}).plot(ax=ax)

    def _canvas(self) -> Canvas:
        return Canvas(shape=(), size=(5.5, 4.5))

    def _draw(self) -> None:
        lowest = 1.0
        for i, (name, curve) in enumerate(self.curves.items()):
            is_shown = (curve.n_answered >= LEAST) | (curve.coverage == 1)
            coverage, accuracy = curve.coverage[is_shown], curve.accuracy[is_shown]
            # A line from one point cannot be seen.
            style = {"marker": "o"} if len(coverage) == 1 else {}
            self.ax_.plot(coverage, accuracy, color=colour(i), label=shortened(name), **style)
            lowest = min(lowest, accuracy.min())
        margin = max(0.02, 0.05 * (1 - lowest))
        self.ax_.set(
            xlim=(0, 1.02),
            ylim=(max(0, lowest - margin), 1 + margin / 2),
            xlabel="share of images that are answered, the surest first",
            ylabel="accuracy on these images",
        )
        self.ax_.legend(fontsize="small", loc="lower left")
