"""`StrategyComparison`: the scores of a comparison, and the choice that follows from them."""

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import t as student_t

from sklearn_tl._utils import check_option
from sklearn_tl.assessment import Novelty, paired_bootstrap
from sklearn_tl.comparison import words
from sklearn_tl.comparison.choices import Choices
from sklearn_tl.comparison.evidence import image_results
from sklearn_tl.comparison.folds import Split
from sklearn_tl.comparison.image_predictions import ImagePredictions, predictions_of_runs
from sklearn_tl.comparison.scores import WORDS, Dummy
from sklearn_tl.comparison.study import Study
from sklearn_tl.duplicates import Duplicates
from sklearn_tl.targets import Multiclass, Task

if TYPE_CHECKING:
    import pandas as pd

LEAST_FOLDS = 3  # for an interval from the scores of folds


class StrategyComparison(Choices):
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
        For each strategy, what it predicts for each image when it is trained on the other folds: a
        label, a row of an indicator matrix, or numbers. Empty if the test parts of `splits_` do not
        contain every image exactly once.
    probabilities_ : dict of str to ndarray of shape (n_images, n_classes)
        The same as `predictions_` with probabilities, for the strategies that have them. One column
        per class or per label.
    mean_absolute_errors_ : dict of str to ndarray of shape (n_targets,)
        In a regression, how far the predictions of each strategy for the test images are off on
        average, in the units of `y`. Otherwise empty.
    splits_ : list of (train, test)
        The positions of the images in each fold.
    classes_ : ndarray of shape (n_classes,) or None
        The labels, sorted. None unless each image has one label.
    task_ : {"classification", "multilabel", "regression"}
        What `y` stands for.
    target_names_ : list of str
        The names of the labels or of the numbers. Without names, "label 0", "label 1" ..., or
        "target 0" .... Empty if each image has one label.
    score_name_ : str
        What the scores are, in words.
    dummy_name_ : str
        The answer of a model that gives every image the same one, for example "the largest class".
    dummy_scores_ : ndarray of shape (n_folds,)
        The scores of that model. NaN if the score cannot be
        computed for such a model.
    dummy_absolute_error_ : ndarray of shape (n_targets,) or None
        In a regression, how far the mean of the training images is off on average.
    groups_ : ndarray of shape (n_images,) or None
        The groups that no fold divides, as integers: those that were given, and those of copies and
        sequences. None if there are none.
    ungrouped_scores_ : ndarray of shape (n_folds,) or None
        What the best strategy would score on folds that divide groups. None if there are no groups,
        if `cv` is not a number, or if only copies and sequences were found, among less than half of
        the images.
    duplicates_ : Duplicates or None
        The copies and sequences that were found. None if they were not looked for.
    novelty_ : Novelty or None
        Tells by their embeddings which images are unlike all of the compared ones. None if no
        strategy has a network.
    kept_ : ndarray of shape (n_images,)
        The positions in `X` of the images that were compared: all, unless copies were dropped.
        Every other attribute counts these images.
    """

    best_estimator_: Any

    def __init__(
        self,
        *,
        names: list[str],
        sizes: list[int],
        splits: list[Split],
        study: Study,
        runs: np.ndarray,
        frozen_times: dict[str, float],
        found: Duplicates | None,
        target_name: str | None,
        score_name: str,
        dummy: Dummy,
    ) -> None:
        task, y = study.task, study.y
        self.strategies_ = names
        self.splits_ = splits
        self.groups_ = study.groups
        self.kept_ = study.kept
        self.duplicates_ = found
        self.novelty_: Novelty | None = None
        self.ungrouped_scores_: np.ndarray | None = None
        self.classes_ = task.classes if isinstance(task, Multiclass) else None
        self.task_ = task.name
        self.target_names_ = _target_names(task, target_name)
        self.score_name_ = score_name
        self.dummy_name_, self.dummy_scores_ = dummy.name, dummy.scores
        self.mean_absolute_errors_: dict[str, np.ndarray] = {}
        self.dummy_absolute_error_ = None
        if task.name == "regression":
            tests = [test for _, test in splits]
            self.dummy_absolute_error_ = _absolute_error(y, tests, dummy.predicted)
            for name, folds in zip(names, runs[:, -1], strict=True):
                predicted = [run["predicted"] for run in folds]
                self.mean_absolute_errors_[name] = _absolute_error(y, tests, predicted)
        self._y = y
        self.results_ = _results(names, sizes, runs, frozen_times)
        self.predictions_: dict[str, np.ndarray] = {}
        self.probabilities_: dict[str, np.ndarray] = {}
        self._of_images = {
            name: predictions_of_runs(folds, splits)
            for name, folds in zip(names, runs[:, -1], strict=True)
        }
        for name, of_images in self._of_images.items():
            if not np.array_equal(of_images.positions, np.arange(len(y))):
                continue
            self.predictions_[name] = of_images.predicted
            if of_images.probabilities is not None:
                self.probabilities_[name] = of_images.probabilities
        self.best_strategy_ = self._choose()
        self.image_results_ = None
        if self.predictions_ and score_name == WORDS[task.name]:
            predicted = [self.predictions_[name] for name in names]
            self.image_results_ = image_results(task, y, predicted, splits)

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
        """Return how much higher strategy `a` scores than `b` on the same images.

        If it is known which image each strategy gets right, the interval comes from resamples of
        the images, in which groups stay whole. Otherwise, with several labels or a `scoring` of
        one's own, it comes from the folds. Their training sets overlap, and the variance is
        corrected for that.

        Parameters
        ----------
        a : str
            The name of a strategy.
        b : str
            The name of another strategy.

        Returns
        -------
        (mean, low, high) : tuple of float
            The mean difference of the scores over the folds, and its 95 % confidence interval. The
            interval is infinite if it would have to come from fewer than three folds.

        References
        ----------
        Efron & Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13. Nadeau & Bengio,
        "Inference for the Generalization Error" (Machine Learning, 2003).
        """
        differences = self.scores(a) - self.scores(b)
        k, mean = len(differences), float(differences.mean())
        if self.image_results_ is not None:
            values, score, weight = self.image_results_
            of_a, of_b = (values[self.strategies_.index(name)] for name in (a, b))
            found = paired_bootstrap(
                of_a, of_b, score=score, sample_weight=weight, groups=self.units, random_state=0
            )
            return mean, min(found.low, mean), max(found.high, mean)
        if k < LEAST_FOLDS:
            return mean, -np.inf, np.inf
        share = np.mean([len(test) / len(train) for train, test in self.splits_])
        half = student_t.ppf(0.975, k - 1) * np.sqrt((1 / k + share) * differences.var(ddof=1))
        return mean, float(mean - half), float(mean + half)

    def image_predictions(self, strategy: str | None = None) -> ImagePredictions:
        """Return what a strategy predicts for each image that was tested.

        Other than `predictions_`, this is known also if some images were not tested, or several
        times.

        Parameters
        ----------
        strategy : str or None, default=None
            None is the best strategy.

        Returns
        -------
        predictions : ImagePredictions
            Those of the largest training sets.
        """
        name = self._name(strategy)
        found = self._of_images[name]
        # A temperature may have changed them.
        return found._replace(probabilities=self.probabilities_.get(name, found.probabilities))

    def summary(self) -> str:
        """Say in words which strategy to take, and how sure the folds are.

        Returns
        -------
        text : str
            Several lines.
        """
        return words.summary(self, self._y)

    def _choose(self) -> str:
        names = self.strategies_
        best = max((self.scores(name) for name in names), key=np.mean)
        bound = best.mean() - words.standard_error(best)
        return next(name for name in names if self.scores(name).mean() >= bound)


def _target_names(task: Task, target_name: str | None) -> list[str]:
    if isinstance(task, Multiclass):
        return []
    if task.names is not None:
        return [str(name) for name in task.names]
    if target_name is not None and task.n_outputs == 1:
        return [target_name]
    word = "label" if task.name == "multilabel" else "target"
    return [f"{word} {j}" for j in range(task.n_outputs)]


def _absolute_error(
    y: np.ndarray, tests: list[np.ndarray], predicted: list[np.ndarray]
) -> np.ndarray:
    """Return the mean absolute error (n_targets,) over the test images of all folds."""
    errors = [
        np.abs(y[test] - part.reshape(y[test].shape))
        for test, part in zip(tests, predicted, strict=True)
    ]
    return np.atleast_1d(np.concatenate(errors).mean(axis=0))


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
