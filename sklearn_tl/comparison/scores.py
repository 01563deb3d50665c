"""The scores by which strategies are compared, and the floor that knows nothing of an image."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import check_scoring

from sklearn_tl.targets import average_precisions, label_probabilities

Scorer = str | Callable

WORDS = {  # the scores that are used unless a user names one
    "classification": "accuracy",
    "multilabel": "average precision of the labels",
    "regression": "R²",
}
DUMMIES = {
    "classification": "the largest class",
    "multilabel": "the labels' frequencies",
    "regression": "the mean of the training set",
}


class Dummy(NamedTuple):
    """The scores and errors of a model that gives every image the same answer.

    Attributes
    ----------
    name : str
        The answer, in words.
    scores : ndarray of shape (n_folds,)
        NaN if the score cannot be computed for such a model.
    predicted : list of ndarray
        The predictions for the test images of each fold.
    """

    name: str
    scores: np.ndarray
    predicted: list[np.ndarray]


def default_scoring(task: str) -> Scorer:
    """Return the score of a task: accuracy, mean average precision or R²."""
    if task == "multilabel":
        return mean_average_precision
    return {"classification": "accuracy", "regression": "r2"}[task]


def mean_average_precision(estimator: Any, X: Any, y: np.ndarray) -> float:
    """Score a classifier of several labels by the mean of the labels' average precision.

    A label that no image in `y` has is left out, since its average precision is not defined.

    Parameters
    ----------
    estimator : classifier with `predict_proba`
    X : images
    y : ndarray of shape (n_images, n_labels)
        The indicator matrix.

    Returns
    -------
    score : float
        In [0, 1]. With random probabilities it is about the mean share of images per label.
    """
    precisions = average_precisions(y, label_probabilities(estimator, X))
    return float(np.nanmean(precisions)) if np.isfinite(precisions).any() else np.nan


def score_dummy(task: str, X: Any, y: np.ndarray, splits: Any, scoring: Scorer) -> Dummy:
    """Score a model that gives every image the same answer, on the folds of a comparison."""
    model = DummyRegressor() if task == "regression" else DummyClassifier(strategy="prior")
    scores, predicted = [], []
    for train, test in splits:
        fitted = model.fit(np.zeros((len(train), 1)), y[train])
        nothing = np.zeros((len(test), 1))
        predicted.append(np.asarray(fitted.predict(nothing)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as of labels that are never predicted
            try:
                score = float(check_scoring(fitted, scoring=scoring)(fitted, nothing, y[test]))
            except Exception:  # a user's own score may need more than such a model has
                score = np.nan
        scores.append(score)
    return Dummy(DUMMIES[task], np.array(scores), predicted)
