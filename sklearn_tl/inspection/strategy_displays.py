"""Pictures of a comparison of strategies: scores beside their cost, and learning curves."""

import numpy as np

from sklearn_tl.inspection.drawing import COLOURS, MARKERS, new_axes, shortened


class StrategyDisplay:
    """The scores of strategies on each fold, and what a fit costs.

    Parameters
    ----------
    names : list of str
        Of the strategies.
    scores : ndarray of shape (n_strategies, n_folds)
        On each fold.
    seconds : ndarray of shape (n_strategies,)
        Mean time of a fit.
    best : str
        The strategy that was chosen.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn_tl import StrategyDisplay, compare_strategies
    >>> X, y = np.zeros((8, 24, 24, 3), dtype=np.uint8), ["cat", "dog"] * 4
    >>> ways = {"first": DummyClassifier(), "second": DummyClassifier()}
    >>> result = compare_strategies(X, y, strategies=ways, cv=2, train_sizes=[2])
    >>> StrategyDisplay.from_results(result).names
    ['first', 'second']
    """

    def __init__(self, *, names, scores, seconds, best):
        self.names = names
        self.scores = scores
        self.seconds = seconds
        self.best = best

    @classmethod
    def from_results(cls, comparison, *, ax=None):
        """Draw what :func:`compare_strategies` returned.

        Parameters
        ----------
        comparison : StrategyComparison
            From :func:`compare_strategies`.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : StrategyDisplay
        """
        names = comparison.strategies_
        return cls(
            names=names,
            scores=np.array([comparison.scores(name) for name in names]),
            seconds=np.array([comparison.fit_time(name) for name in names]),
            best=comparison.best_strategy_,
        ).plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : StrategyDisplay
        """
        self.figure_, self.ax_ = new_axes(ax, 1, (8, 0.6 * len(self.names) + 1.6))
        at = np.arange(len(self.names))
        cost = self.ax_.twiny()
        # Bars behind, on a scale of powers of ten: from a second to an hour.
        left = min(0.1, self.seconds.min() / 2)
        cost.barh(at, self.seconds - left, left=left, height=0.66, color="0.88", zorder=0)
        cost.set(xscale="log", xlim=(left, 3 * self.seconds.max()))
        cost.set_xlabel("seconds of a fit (bars)", color="0.45")
        cost.tick_params(axis="x", colors="0.45")
        self.ax_.set_zorder(cost.get_zorder() + 1)
        self.ax_.patch.set_visible(False)
        for i, scores in enumerate(self.scores):
            self.ax_.plot(scores, np.full(len(scores), i), "o", color=COLOURS[0], alpha=0.45, ms=5)
            self.ax_.plot(scores.mean(), i, "|", color=COLOURS[1], ms=22, mew=3)
        labels = [shortened(name) + (" ←" if name == self.best else "") for name in self.names]
        self.ax_.set_yticks(at, labels)
        self.ax_.set_ylim(len(self.names) - 0.4, -0.6)
        self.ax_.set_xlabel("score of each fold (points) and their mean (line)")
        return self


class StrategyCurvesDisplay:
    """The score of each strategy over the number of training images.

    Parameters
    ----------
    names : list of str
        Of the strategies.
    sizes : ndarray of shape (n_sizes,)
        Numbers of training images.
    scores : ndarray of shape (n_strategies, n_sizes, n_folds)
        On each fold.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn_tl import StrategyCurvesDisplay, compare_strategies
    >>> X, y = np.zeros((8, 24, 24, 3), dtype=np.uint8), ["cat", "dog"] * 4
    >>> ways = {"first": DummyClassifier(), "second": DummyClassifier()}
    >>> result = compare_strategies(X, y, strategies=ways, cv=2, train_sizes=[2])
    >>> StrategyCurvesDisplay.from_results(result).names
    ['first', 'second']
    """

    def __init__(self, *, names, sizes, scores):
        self.names = names
        self.sizes = sizes
        self.scores = scores

    @classmethod
    def from_results(cls, comparison, *, ax=None):
        """Draw what :func:`compare_strategies` returned for several `train_sizes`.

        Parameters
        ----------
        comparison : StrategyComparison
            From :func:`compare_strategies`.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : StrategyCurvesDisplay

        Raises
        ------
        ValueError
            If it was made for one size of training set.
        """
        names = comparison.strategies_
        sizes = np.unique(comparison.results_["train_size"])
        if len(sizes) < 2:
            raise ValueError(
                "The comparison holds one size of training set, which makes no curve: pass "
                "train_sizes to compare_strategies, [0.1, 0.3, 1.0] say."
            )
        scores = [[comparison.scores(name, size) for size in sizes] for name in names]
        return cls(names=names, sizes=sizes, scores=np.array(scores)).plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : StrategyCurvesDisplay
        """
        self.figure_, self.ax_ = new_axes(ax, 1, (7, 4.5))
        n_folds = self.scores.shape[2]
        for i, (name, scores) in enumerate(zip(self.names, self.scores, strict=True)):
            colour, means = COLOURS[i % len(COLOURS)], scores.mean(axis=1)
            error = scores.std(axis=1, ddof=1) / np.sqrt(n_folds) if n_folds > 1 else 0 * means
            marker = MARKERS[i % len(MARKERS)]
            self.ax_.plot(self.sizes, means, color=colour, marker=marker, label=shortened(name))
            self.ax_.fill_between(
                self.sizes, means - error, means + error, color=colour, alpha=0.15, linewidth=0
            )
        self.ax_.set(xscale="log", xlabel="training images", ylabel="mean score ± standard error")
        self.ax_.set_xticks(self.sizes, [f"{size}" for size in self.sizes])
        self.ax_.minorticks_off()
        self.ax_.legend(fontsize="small")
        return self
