"""`StrategyComparison`: the scores of a comparison, and the choice that follows from them."""

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import t as student_t

from sklearn_tl._utils import check_option
from sklearn_tl.comparison import words
from sklearn_tl.comparison.folds import Split

if TYPE_CHECKING:
    import pandas as pd


class StrategyComparison:
    """What :func:`compare_strategies` found.

    Attributes
    ----------
    results_ : dict of str to ndarray
        One entry for each strategy and training size, in the form of `cv_results_`: ``strategy``,
        ``train_size``, ``split0_test_score`` ..., ``mean_test_score``, ``std_test_score``,
        ``rank_test_score`` (among the strategies of one size), ``mean_fit_time``,
        ``std_fit_time``, ``mean_score_time``, ``std_score_time`` (seconds), ``frozen_time``
        (seconds for all images in the frozen layers, in one pass for all strategies that share a
        network), ``n_trainable_parameters`` and ``pickle_size`` (bytes).
    strategies_ : list of str
        The names of the strategies, in order.
    best_strategy_ : str
        The first strategy whose mean score on the largest training sets is within one standard
        error of the highest.
    best_estimator_ : estimator
        That strategy, fitted on all images.
    predictions_ : dict of str to ndarray of shape (n_images,)
        For each strategy, the label that it predicts for each image when it is trained on the
        other folds. Empty if the test parts of `splits_` do not contain every image exactly once.
    probabilities_ : dict of str to ndarray of shape (n_images, n_classes)
        The same as `predictions_` with probabilities, for the strategies that have them.
    splits_ : list of (train, test)
        The positions of the images in each fold.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    """

    best_estimator_: Any

    def __init__(
        self,
        *,
        names: list[str],
        sizes: list[int],
        splits: list[Split],
        y: np.ndarray,
        runs: np.ndarray,
        frozen_times: dict[str, float],
    ) -> None:
        self.strategies_ = names
        self.splits_ = splits
        self.classes_ = np.unique(y)
        self._n_images = len(y)
        self.results_ = _results(names, sizes, runs, frozen_times)
        self.predictions_: dict[str, np.ndarray] = {}
        self.probabilities_: dict[str, np.ndarray] = {}
        order = np.concatenate([test for _, test in splits])
        if np.array_equal(np.sort(order), np.arange(len(y))):
            back = np.argsort(order)
            for name, folds in zip(names, runs[:, -1], strict=True):
                self.predictions_[name] = np.concatenate([r["predicted"] for r in folds])[back]
                if all(r["probabilities"] is not None for r in folds):
                    rows = np.concatenate([r["probabilities"] for r in folds])
                    self.probabilities_[name] = rows[back]
        self.best_strategy_ = self._choose()

    def to_frame(self) -> "pd.DataFrame":
        """Return `results_` as a table.

        Returns
        -------
        frame : pandas.DataFrame
            One row for each strategy and training size.
        """
        import pandas as pd

        return pd.DataFrame(self.results_)

    def scores(self, strategy: str, train_size: int | None = None) -> np.ndarray:
        """Return the score of a strategy on each fold.

        Parameters
        ----------
        strategy : str
            The name of the strategy.
        train_size : int, default=None
            One of ``results_["train_size"]``. None is the largest.

        Returns
        -------
        scores : ndarray of shape (n_folds,)
        """
        row = self._row(strategy, train_size)
        return np.array(
            [self.results_[f"split{i}_test_score"][row] for i in range(len(self.splits_))]
        )

    def fit_time(self, strategy: str) -> float:
        """Return the mean time of a fit on the largest training sets.

        Parameters
        ----------
        strategy : str
            The name of the strategy.

        Returns
        -------
        seconds : float
        """
        return float(self.results_["mean_fit_time"][self._row(strategy)])

    def _row(self, strategy: str, train_size: int | None = None) -> int:
        check_option("strategy", strategy, self.strategies_)
        sizes = self.results_["train_size"]
        size = max(sizes) if train_size is None else train_size
        check_option("train_size", size, sorted(set(sizes.tolist())))
        return np.flatnonzero((self.results_["strategy"] == strategy) & (sizes == size))[0]

    def difference(self, a: str, b: str) -> tuple[float, float, float]:
        """Return how much higher strategy `a` scores than `b` on the same folds.

        The training sets of the folds overlap. The variance is corrected for that, as in Nadeau &
        Bengio, "Inference for the Generalization Error" (Machine Learning, 2003).

        Parameters
        ----------
        a : str
            The name of a strategy.
        b : str
            The name of another strategy.

        Returns
        -------
        (mean, low, high) : tuple of float
            The mean difference of the scores, and its 95 % confidence interval, which is infinite
            if there is one fold.
        """
        differences = self.scores(a) - self.scores(b)
        k, mean = len(differences), differences.mean()
        if k < 2:
            return float(mean), -np.inf, np.inf
        share = np.mean([len(test) / len(train) for train, test in self.splits_])
        half = student_t.ppf(0.975, k - 1) * np.sqrt((1 / k + share) * differences.var(ddof=1))
        return float(mean), float(mean - half), float(mean + half)

    def summary(self) -> str:
        """Say in words which strategy to take, and how sure the folds are.

        Returns
        -------
        text : str
            Several lines.
        """
        return words.summary(self, self._n_images)

    def _choose(self) -> str:
        names = self.strategies_
        best = max((self.scores(name) for name in names), key=np.mean)
        bound = best.mean() - words.standard_error(best)
        return next(name for name in names if self.scores(name).mean() >= bound)


def _results(
    names: list[str], sizes: list[int], runs: np.ndarray, frozen_times: dict[str, float]
) -> dict[str, np.ndarray]:
    """Put the runs, of shape (strategies, sizes, folds), in the form of `cv_results_`."""
    results = {
        "strategy": np.repeat(np.array(names, dtype=object), len(sizes)),
        "train_size": np.tile(sizes, len(names)),
    }
    values = {
        key: np.array([[[run[key] for run in folds] for folds in row] for row in runs])
        for key in ("score", "fit_time", "score_time", "n_trainable_parameters", "pickle_size")
    }
    scores = values["score"]
    for fold in range(scores.shape[2]):
        results[f"split{fold}_test_score"] = scores[..., fold].ravel()
    means = scores.mean(axis=2)
    results["mean_test_score"] = means.ravel()
    results["std_test_score"] = scores.std(axis=2).ravel()
    ranks = (means[:, None] < means[None]).sum(axis=1) + 1
    results["rank_test_score"] = ranks.ravel()
    for key in ("fit_time", "score_time"):
        results[f"mean_{key}"] = values[key].mean(axis=2).ravel()
        results[f"std_{key}"] = values[key].std(axis=2).ravel()
    results["frozen_time"] = np.repeat([frozen_times[name] for name in names], len(sizes))
    for key in ("n_trainable_parameters", "pickle_size"):
        results[key] = values[key].mean(axis=2).ravel()
    return results
