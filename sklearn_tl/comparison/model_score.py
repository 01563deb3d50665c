"""`ModelScore`: how good the predictions of a finished model are, on images with labels."""

from typing import Any

import numpy as np

from sklearn_tl.assessment import score_interval
from sklearn_tl.comparison.assessments import Assessments
from sklearn_tl.comparison.evidence import ImageResults, image_results
from sklearn_tl.comparison.image_predictions import ImagePredictions
from sklearn_tl.comparison.scores import DUMMIES as OF_TRAINING, WORDS
from sklearn_tl.comparison.words_of_predictions import about_probabilities
from sklearn_tl.targets import check_groups, read_targets

DUMMIES = OF_TRAINING | {"regression": "the mean of these images"}
FEWER_RESAMPLES = 200  # the average precision of many labels takes long


class ModelScore(Assessments):
    """The score of a model on images that it was not trained on, and what else follows from them.

    Parameters
    ----------
    y : array-like of shape (n_images,) or (n_images, n_outputs)
        The true labels, indicator matrix, or numbers.
    predicted : array-like of the same shape
        The predictions of the model.
    probabilities : array-like of shape (n_images, n_classes) or None, default=None
        One column per class, in the order of `names`, or per label. Labels need it.
    task : {"classification", "multilabel", "regression"}, default="classification"
        What `y` stands for.
    names : array-like of shape (n_classes,) or (n_outputs,), default=None
        All classes that the model knows, sorted; or the names of labels or numbers. None takes the
        classes in `y` and `predicted`, or "label 0", "target 0" and so on.
    groups : array-like of shape (n_images,) or None, default=None
        Images of one group, for example of one patient, are right or wrong together. The intervals
        are wider then.
    name : str, default="model"
        The name of the model.

    Attributes
    ----------
    score_name_ : str
        What the score is, in words: accuracy, average precision of the labels, or R².
    score_ : float
    interval_ : tuple of float
        The bounds of the 95 % interval of the score.
    dummy_name_ : str
        The answer of a model that gives every image the same one, in words.
    dummy_score_ : float
        The score of that model, which knows the images. NaN if it has none.
    mean_absolute_errors_ : ndarray of shape (n_targets,) or None
        Of numbers: how far the predictions are off on average, in the units of `y`.
    best_strategy_ : str
        The name of the model.
    task_, classes_, target_names_, groups_, predictions_, probabilities_
        As those of :class:`StrategyComparison`, of one strategy.

    Raises
    ------
    ValueError
        If there are fewer than two images or groups, or `y` does not fit to `predicted`.

    Examples
    --------
    >>> from sklearn_tl.comparison import ModelScore
    >>> found = ModelScore(["cat", "dog", "dog", "cat"], ["cat", "dog", "dog", "dog"])
    >>> found.score_
    0.75
    >>> found.class_report().recall
    array([0.5, 1. ])
    """

    def __init__(
        self,
        y: Any,
        predicted: Any,
        probabilities: Any = None,
        *,
        task: str = "classification",
        names: Any = None,
        groups: Any = None,
        name: str = "model",
    ) -> None:
        if len(y) < 2:
            raise ValueError(f"Found {len(y)} images. Expected at least 2 to score a model.")
        read, targets = read_targets(y, len(y), task)
        truth = np.asarray(y) if task == "classification" else targets
        said = np.asarray(predicted).reshape(truth.shape)
        if task == "multilabel" and probabilities is None:
            raise ValueError(
                "The average precision of labels needs probabilities. Pass them, one column per "
                "label."
            )
        self.task_, self._y = task, truth
        self.strategies_, self.best_strategy_ = [name], name
        self.predictions_ = {name: said}
        rows = None if probabilities is None else np.asarray(probabilities)
        self.probabilities_ = {} if rows is None else {name: rows}
        self.groups_ = None if groups is None else check_groups(groups, len(truth))
        self.classes_: np.ndarray | None = None
        self.target_names_: list[str] = []
        if task == "classification":
            known = np.union1d(truth, said) if names is None else np.asarray(names)
            self.classes_ = known
        else:
            word = "label" if task == "multilabel" else "target"
            default = [f"{word} {j}" for j in range(read.n_outputs)]
            self.target_names_ = default if names is None else [str(each) for each in names]
        self.score_name_ = WORDS[task]
        values, score, _ = _results_of(task, read, truth, said, rows)
        found = score_interval(
            values[0],
            score=score,
            groups=self.units,
            n_resamples=FEWER_RESAMPLES if task == "multilabel" else 1000,
            random_state=0,
        )
        self.score_, self.interval_ = found.value, (found.low, found.high)
        self.dummy_name_, self.dummy_score_ = DUMMIES[task], _score_of_dummy(task, truth)
        self.mean_absolute_errors_: np.ndarray | None = None
        if task == "regression":
            self.mean_absolute_errors_ = np.atleast_1d(np.abs(said - truth).mean(axis=0))

    def image_predictions(self, strategy: str | None = None) -> ImagePredictions:
        """Return what the model predicts for each image.

        Parameters
        ----------
        strategy : str or None, default=None
            The name of the model, which None is, too.

        Returns
        -------
        predictions : ImagePredictions
        """
        name = self._name(strategy)
        rows = self.probabilities_.get(name)
        return ImagePredictions(np.arange(len(self._y)), None, self.predictions_[name], rows)

    def summary(self) -> str:
        """Say in words how good the model is on these images.

        Returns
        -------
        text : str
            Several lines.
        """
        low, high = self.interval_
        drawn = "" if self.units is None else f" in {len(np.unique(self.units))} groups"
        lines = [
            f"{len(self._y)} images{drawn}. {self.score_name_[0].upper()}{self.score_name_[1:]}: "
            f"{self.score_:.3f} (95 % interval {low:.3f} to {high:.3f}).",
            f"Always answering {self.dummy_name_}: {self.dummy_score_:.3f}.",
        ]
        if self.mean_absolute_errors_ is not None:
            pairs = zip(self.target_names_, self.mean_absolute_errors_, strict=True)
            lines += [f"{name} is off by {error:,.4g} on average." for name, error in pairs]
        return "\n".join([*lines, *about_probabilities(self)])


def _results_of(
    task: str, read: Any, truth: np.ndarray, said: np.ndarray, rows: np.ndarray | None
) -> ImageResults:
    """Return the results of single images, and the score that follows from them."""
    if task != "multilabel":
        everything = np.arange(len(truth))
        found = image_results(read, truth, [said], [(everything[:0], everything)])
        assert found is not None  # it is for one class per image, and for numbers
        return found
    assert rows is not None  # it was checked
    return ImageResults(np.column_stack([truth, rows])[None], _mean_average_precision)


def _mean_average_precision(values: np.ndarray) -> np.ndarray:
    """Return the scores of results (n_models, n, 2 * n_labels): indicators and probabilities.

    Those of `average_precision_score`, of all labels at once: there are hundreds of resamples.
    """
    n_labels = values.shape[2] // 2
    scores = []
    for part in values:
        order = np.argsort(-part[:, n_labels:], axis=0, kind="stable")
        truth, rows = (
            np.take_along_axis(half, order, axis=0)
            for half in (part[:, :n_labels], part[:, n_labels:])
        )
        n_found = truth.cumsum(axis=0)
        rank = np.arange(1, len(part) + 1)[:, None]
        # Equal probabilities are accepted together: the precision is that at the last of them.
        last = np.where(np.diff(rows, axis=0, append=-1) != 0, rank, len(part))
        last = np.minimum.accumulate(last[::-1], axis=0)[::-1] - 1
        precision = np.take_along_axis(n_found / rank, last, axis=0)
        has = n_found[-1] > 0
        found = (truth * precision)[:, has].sum(axis=0) / n_found[-1, has]
        scores.append(found.mean() if has.any() else np.nan)
    return np.array(scores)


def _score_of_dummy(task: str, truth: np.ndarray) -> float:
    """Return the score of always giving the best of all answers that know nothing of an image."""
    if task == "classification":
        return float(np.unique(truth, return_counts=True)[1].max() / len(truth))
    if task == "multilabel":  # the average precision is then the share of images with the label
        return float(truth[:, truth.any(axis=0)].mean()) if truth.any() else np.nan
    return 0.0
