"""`StrategyDisplay`: the scores of strategies next to the time that a fit takes."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sklearn_tl.inspection.display import Canvas, Display
from sklearn_tl.inspection.drawing import colour, shortened
from sklearn_tl.inspection.score_axis import DUMMY_LINE, lowest_shown, parameters_of

if TYPE_CHECKING:  # only the displays' argument: neither room needs the other to run
    from sklearn_tl.comparison import StrategyComparison


class StrategyDisplay(Display):
    """The scores of strategies on each fold, and the time that a fit takes.

    Parameters
    ----------
    names : list of str
        Names of the strategies.
    scores : ndarray of shape (n_strategies, n_folds)
        The score of each strategy on each fold.
    seconds : ndarray of shape (n_strategies,)
        Mean time of a fit in seconds.
    best : str
        Name of the strategy that was chosen. An arrow marks it.
    score_name : str, default="score"
        What the scores are. An axis of R² ends at -0.5, and arrows mark the folds below.
    dummy_score : float or None, default=None
        The mean score of a model that gives every image the same answer, drawn as a dotted line.
    dummy_name : str, default="always the same answer"
        That answer, in words.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The Axes with the scores.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn_tl import StrategyDisplay, compare_strategies
    >>> X, y = np.zeros((8, 24, 24, 3), dtype=np.uint8), ["cat", "dog"] * 4
    >>> strategies = {"first": DummyClassifier(), "second": DummyClassifier()}
    >>> result = compare_strategies(X, y, strategies=strategies, cv=2, train_sizes=[2])
    >>> StrategyDisplay.from_results(result).names
    ['first', 'second']
    """

    def __init__(
        self,
        *,
        names: list[str],
        scores: np.ndarray,
        seconds: np.ndarray,
        best: str,
        score_name: str = "score",
        dummy_score: float | None = None,
        dummy_name: str = "always the same answer",
    ) -> None:
        self.names = names
        self.scores = scores
        self.seconds = seconds
        self.best = best
        self.score_name = score_name
        self.dummy_score = dummy_score
        self.dummy_name = dummy_name

    @classmethod
    def from_results(cls, comparison: "StrategyComparison", *, ax: Any = None) -> Self:
        """Draw the result of :func:`compare_strategies`.

        Parameters
        ----------
        comparison : StrategyComparison
            The result of :func:`compare_strategies`.
        ax : matplotlib Axes, default=None
            The Axes to draw on. None makes a new figure.

        Returns
        -------
        display : StrategyDisplay
            The display, drawn.
        """
        names = comparison.strategies_
        return cls(
            names=names,
            scores=np.array([comparison.scores(name) for name in names]),
            seconds=np.array([comparison.fit_time(name) for name in names]),
            best=comparison.best_strategy_,
            **parameters_of(comparison),
        ).plot(ax=ax)

    def _canvas(self) -> Canvas:
        return Canvas(shape=(), size=(8, 0.6 * len(self.names) + 1.9))

    def _draw(self) -> None:
        self._draw_cost()
        lowest = lowest_shown(self.score_name, self.scores)
        for i, scores in enumerate(self.scores):
            points = {"color": colour(0), "alpha": 0.45, "ms": 5}
            shown, at = np.maximum(scores, lowest), np.full(len(scores), i)
            is_low = scores < lowest
            self.ax_.plot(shown[~is_low], at[~is_low], "o", **points)
            self.ax_.plot(shown[is_low], at[is_low], "<", clip_on=False, **points)
            mean = scores.mean()
            if mean >= lowest:
                self.ax_.plot(mean, i, "|", color=colour(1), ms=22, mew=3)
            else:
                self.ax_.plot(lowest, i, "<", color=colour(1), ms=11, clip_on=False, zorder=1)
        words = f"{self.score_name} on each fold (points) and their mean (line)   ← chosen"
        if np.isfinite(lowest):
            self.ax_.set_xlim(left=lowest)
            words += f"\n◂ a fold or a mean below {lowest:g}".replace("-", "−")
        if self.dummy_score is not None:
            self.ax_.axvline(self.dummy_score, label=self.dummy_name, **DUMMY_LINE)
            words += f"\ndotted: {self.dummy_name} ({self.dummy_score:.2f})".replace("-", "−")
        labels = [shortened(name) + (" ←" if name == self.best else "") for name in self.names]
        self.ax_.set_yticks(np.arange(len(self.names)), labels)
        self.ax_.set_ylim(len(self.names) - 0.4, -0.6)
        self.ax_.set_xlabel(words)

    def _draw_cost(self) -> None:
        """Draw pale bars behind the scores, with an axis of their own at the top."""
        cost = self.ax_.twiny()
        # The axis is logarithmic, because a fit takes from a second to an hour.
        left = min(0.1, self.seconds.min() / 2)
        at = np.arange(len(self.names))
        cost.barh(at, self.seconds - left, left=left, height=0.66, color="0.88", zorder=0)
        cost.set(xscale="log", xlim=(left, 3 * self.seconds.max()))
        cost.xaxis.set_major_formatter("{x:g}")
        cost.xaxis.set_minor_formatter("")  # on a short axis the labels would overlap
        cost.set_xlabel("seconds per fit (bars)", color="0.45")
        cost.tick_params(axis="x", colors="0.45")
        self.ax_.set_zorder(cost.get_zorder() + 1)
        self.ax_.patch.set_visible(False)
