"""What a comparison of strategies found: scores, a choice, and words for it."""

import numpy as np
from scipy.stats import t as student_t

from sklearn_tl._utils import check_option

RAW = "raw pixels"  # the strategy of this name is the floor


class StrategyComparison:
    """What :func:`compare_strategies` found.

    Attributes
    ----------
    results_ : dict of str to ndarray
        A row for each strategy and training size, in the form of `cv_results_`: ``strategy``,
        ``train_size``, ``split0_test_score`` ..., ``mean_test_score``, ``std_test_score``,
        ``rank_test_score`` (among strategies of one size), ``mean_fit_time``, ``std_fit_time``,
        ``mean_score_time``, ``std_score_time`` (seconds), ``frozen_time`` (seconds for all images
        in the frozen layers, in one pass for all strategies that share a network),
        ``n_trainable_parameters`` and ``pickle_size`` (bytes).
    strategies_ : list of str
        Their names, in order.
    best_strategy_ : str
        The first whose mean score on the largest training sets is within one standard error of
        the best one's.
    best_estimator_ : estimator
        That strategy, fitted on all images.
    predictions_ : dict of str to ndarray of shape (n_images,)
        What each strategy, trained on the other folds, takes each image for. Empty where the test
        parts of `splits_` are no partition of the images.
    probabilities_ : dict of str to ndarray of shape (n_images, n_classes)
        The same with probabilities, of strategies that give any.
    splits_ : list of (train, test)
        The folds.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    """

    def __init__(self, *, names, sizes, splits, y, runs, frozen_times):
        self.strategies_ = names
        self.splits_ = splits
        self.classes_ = np.unique(y)
        self._y = y
        self.results_ = _results(names, sizes, runs, frozen_times)
        self.predictions_, self.probabilities_ = {}, {}
        order = np.concatenate([test for _, test in splits])
        if np.array_equal(np.sort(order), np.arange(len(y))):
            back = np.argsort(order)
            for name, folds in zip(names, runs[:, -1], strict=True):
                self.predictions_[name] = np.concatenate([r["predicted"] for r in folds])[back]
                if all(r["probabilities"] is not None for r in folds):
                    rows = np.concatenate([r["probabilities"] for r in folds])
                    self.probabilities_[name] = rows[back]
        self.best_strategy_ = self._choose()

    def to_frame(self):
        """Return `results_` as a table.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each strategy and training size.
        """
        import pandas as pd

        return pd.DataFrame(self.results_)

    def scores(self, strategy, train_size=None):
        """Return the scores of a strategy over the folds; on the largest training sets by default.

        Parameters
        ----------
        strategy : str
            Its name.
        train_size : int, default=None
            One of ``results_["train_size"]``.

        Returns
        -------
        scores : ndarray of shape (n_folds,)
        """
        row = self._row(strategy, train_size)
        return np.array(
            [self.results_[f"split{i}_test_score"][row] for i in range(len(self.splits_))]
        )

    def fit_time(self, strategy):
        """Return the mean time of a fit on the largest training sets.

        Parameters
        ----------
        strategy : str
            Its name.

        Returns
        -------
        seconds : float
        """
        return float(self.results_["mean_fit_time"][self._row(strategy)])

    def _row(self, strategy, train_size=None):
        check_option("strategy", strategy, self.strategies_)
        sizes = self.results_["train_size"]
        size = max(sizes) if train_size is None else train_size
        check_option("train_size", size, sorted(set(sizes.tolist())))
        return np.flatnonzero((self.results_["strategy"] == strategy) & (sizes == size))[0]

    def difference(self, a, b):
        """Return how much better strategy `a` is than `b` on the same folds, with an interval.

        Training sets of folds overlap, which the variance is corrected for: Nadeau & Bengio,
        "Inference for the Generalization Error" (Machine Learning, 2003).

        Parameters
        ----------
        a : str
            Name of a strategy.
        b : str
            Name of another.

        Returns
        -------
        (mean, low, high) : tuple of float
            The mean difference of the scores, and its 95 % confidence interval.
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
        names, best = self.strategies_, self.best_strategy_
        highest = max(names, key=lambda name: self.scores(name).mean())
        k = len(self.splits_)
        lines = [
            f"{len(self._y)} images, {len(self.classes_)} classes, {k} folds. Mean score over the "
            "folds, with its standard error:",
            "",
        ]
        width = max(map(len, names))
        for name in names:
            scores = self.scores(name)
            lines.append(f"  {name:{width}}  {scores.mean():.3f} ± {_standard_error(scores):.3f}")
        lines += ["", f"Take {best!r}: {self._reason(best, highest)}"]
        lines += [self._compared(best, name) for name in names if name != best]
        if highest == RAW and len(names) > 1:
            lines.append(
                "Raw pixels win: what the network knows of photographs is no help with these."
            )
        elif RAW in names and self.difference(highest, RAW)[1] <= 0:
            lines.append("That transfer learning helps at all is not certain on these images.")
        return "\n".join([*lines, *self._by_size()])

    def _choose(self):
        names = self.strategies_
        best = max((self.scores(name) for name in names), key=np.mean)
        bound = best.mean() - _standard_error(best)
        return next(name for name in names if self.scores(name).mean() >= bound)

    def _reason(self, best, highest):
        if best == highest:
            return "no other scores higher."
        return (
            f"{highest!r} scores higher, but by less than one standard error, and the first of "
            "the list is the cheaper one."
        )

    def _compared(self, best, other):
        mean, low, high = self.difference(other, best)
        if mean == 0:
            return f"- {other!r} is as high."
        if not np.isfinite(low):
            sure = "and one fold cannot tell by chance or not"
        elif low == high:
            sure = "the same in all folds, too few to tell more"
        elif low <= 0 <= high:
            sure = "too little for these folds to tell them apart"
        else:
            sure = "which is more than chance"
        ahead = int((self.scores(other) > self.scores(best)).sum())
        return (
            f"- {other!r} is {abs(mean):.3f} {'above' if mean > 0 else 'below'} it (95 % interval "
            f"{low:+.3f} to {high:+.3f}; ahead in {ahead} of {len(self.splits_)} folds), {sure}."
        )

    def _by_size(self):
        """Say which strategy is the best with how many images, where that was asked."""
        sizes = sorted(set(self.results_["train_size"]))
        if len(sizes) < 2:
            return []
        names, lines = (
            self.strategies_,
            ["", "Highest mean score by the number of training images:"],
        )
        for size in sizes:
            means = {name: self.scores(name, size).mean() for name in names}
            top = max(means, key=means.get)
            lines.append(f"  {size:6d}  {top} ({means[top]:.3f})")
        return lines


def _results(names, sizes, runs, frozen_times):
    """Put the runs, of shape (strategies, sizes, folds), in the form of `cv_results_`."""
    results = {
        "strategy": np.repeat(np.array(names, dtype=object), len(sizes)),
        "train_size": np.tile(sizes, len(names)),
    }
    values = {
        what: np.array([[[run[what] for run in folds] for folds in row] for row in runs])
        for what in ("score", "fit_time", "score_time", "n_trainable_parameters", "pickle_size")
    }
    scores = values["score"]
    for fold in range(scores.shape[2]):
        results[f"split{fold}_test_score"] = scores[..., fold].ravel()
    means = scores.mean(axis=2)
    results["mean_test_score"] = means.ravel()
    results["std_test_score"] = scores.std(axis=2).ravel()
    ranks = (means[:, None] < means[None]).sum(axis=1) + 1
    results["rank_test_score"] = ranks.ravel()
    for what in ("fit_time", "score_time"):
        results[f"mean_{what}"] = values[what].mean(axis=2).ravel()
        results[f"std_{what}"] = values[what].std(axis=2).ravel()
    results["frozen_time"] = np.repeat([frozen_times[name] for name in names], len(sizes))
    for what in ("n_trainable_parameters", "pickle_size"):
        results[what] = values[what].mean(axis=2).ravel()
    return results


def _standard_error(scores):
    return scores.std(ddof=1) / np.sqrt(len(scores)) if len(scores) > 1 else 0.0
