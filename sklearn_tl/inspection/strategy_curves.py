"""`StrategyCurvesDisplay`: the score of each strategy by the number of training images."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sklearn_tl.inspection.display import Canvas, Display
from sklearn_tl.inspection.drawing import colour, marker, shortened
from sklearn_tl.inspection.score_axis import DUMMY_LINE, lowest_shown, parameters_of

if TYPE_CHECKING:  # only the displays' argument: neither room needs the other to run
    from sklearn_tl.comparison import StrategyComparison


class StrategyCurvesDisplay(Display):
    """The mean score of each strategy by the number of training images.

    Parameters
    ----------
    names : list of str
        Names of the strategies.
    sizes : ndarray of shape (n_sizes,)
        Numbers of training images.
    scores : ndarray of shape (n_strategies, n_sizes, n_folds)
        The score of each strategy with each size on each fold.
    score_name : str, default="score"
        What the scores are. An axis of R² ends at -0.5.
    dummy_score : float or None, default=None
        The mean score of a model that gives every image the same answer, drawn as a dotted line.
    dummy_name : str, default="always the same answer"
        That answer, in words.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The Axes with the curves.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn_tl import StrategyCurvesDisplay, compare_strategies
    >>> X, y = np.zeros((8, 24, 24, 3), dtype=np.uint8), ["cat", "dog"] * 4
    >>> strategies = {"first": DummyClassifier(), "second": DummyClassifier()}
    >>> result = compare_strategies(X, y, strategies=strategies, cv=2, train_sizes=[2])
    >>> StrategyCurvesDisplay.from_results(result).names
    ['first', 'second']
    """

    def __init__(
        self,
        *,
        names: list[str],
        sizes: np.ndarray,
        scores: np.ndarray,
        score_name: str = "score",
        dummy_score: float | None = None,
        dummy_name: str = "always the same answer",
    ) -> None:
        self.names = names
        self.sizes = sizes
        self.scores = scores
        self.score_name = score_name
        self.dummy_score = dummy_score
        self.dummy_name = dummy_name

    @classmethod
    def from_results(cls, comparison: "StrategyComparison", *, ax: Any = None) -> Self:
        """Draw the result of :func:`compare_strategies` for several `train_sizes`.

        Parameters
        ----------
        comparison : StrategyComparison
            The result of :func:`compare_strategies`.
        ax : matplotlib Axes, default=None
            The Axes to draw on. None makes a new figure.

        Returns
        -------
        display : StrategyCurvesDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the comparison has only one size of training set.
        """
        names = comparison.strategies_
        sizes = np.unique(comparison.results_["train_size"])
        if len(sizes) < 2:
            raise ValueError(
                "Expected a comparison with several sizes of training set, got one size instead. "
                "Pass train_sizes to compare_strategies, for example [0.1, 0.3, 1.0]."
            )
        scores = [[comparison.scores(name, size) for size in sizes] for name in names]
        display = cls(
            names=names, sizes=sizes, scores=np.array(scores), **parameters_of(comparison)
        )
        return display.plot(ax=ax)

    def _canvas(self) -> Canvas:
        return Canvas(shape=(), size=(7, 4.5))

    def _draw(self) -> None:
        n_folds = self.scores.shape[2]
        lowest = lowest_shown(self.score_name, self.scores.mean(axis=2))
        for i, (name, scores) in enumerate(zip(self.names, self.scores, strict=True)):
            means = scores.mean(axis=1)
            error = scores.std(axis=1, ddof=1) / np.sqrt(n_folds) if n_folds > 1 else 0 * means
            label = shortened(name)
            if means.max() < lowest:
                label += f" (below {lowest:g})".replace("-", "−")
            self.ax_.plot(self.sizes, means, color=colour(i), marker=marker(i), label=label)
            band = {"color": colour(i), "alpha": 0.15, "linewidth": 0}
            self.ax_.fill_between(self.sizes, means - error, means + error, **band)
        if self.dummy_score is not None:
            self.ax_.axhline(self.dummy_score, label=self.dummy_name, **DUMMY_LINE)
        words = f"{self.score_name}\nmean ± standard error"
        if np.isfinite(lowest):
            self.ax_.set_ylim(lowest, min(1.02, self.ax_.get_ylim()[1]))
            words += f", cut at {lowest:g}".replace("-", "−")
        self.ax_.set(xscale="log", xlabel="training images", ylabel=words)
        self.ax_.set_xticks(self.sizes, [f"{size}" for size in self.sizes])
        self.ax_.minorticks_off()
        self.ax_.legend(fontsize="small")
