"""Which kind of answers a model gives: a class, several labels, or numbers."""

from typing import Any

import numpy as np

from sklearn_tl.inspection.answers import Answers
from sklearn_tl.inspection.class_answers import ClassAnswers
from sklearn_tl.inspection.label_answers import LabelAnswers
from sklearn_tl.inspection.number_answers import NumberAnswers
from sklearn_tl.inspection.reading import as_array
from sklearn_tl.targets import guess_task, has_several_labels, label_probabilities

KINDS: dict[str, type[Answers]] = {
    kind.task: kind for kind in (ClassAnswers, LabelAnswers, NumberAnswers)
}


def task_of(estimator: Any, y: Any) -> str:
    """Return the task of a fitted estimator.

    Raises
    ------
    TypeError
        If the estimator is a classifier without probabilities.
    """
    classes = getattr(estimator, "classes_", None)
    if hasattr(estimator, "predict_proba"):
        shape = as_array(y).shape
        several = has_several_labels(estimator) or (len(shape) == 2 and shape[1] > 1)
        return "multilabel" if several else "classification"
    if classes is not None:
        raise TypeError(
            f"Expected a classifier with predict_proba, got {type(estimator).__name__} without "
            "it instead. Use one with probabilities, for example LogisticRegression, or put it in "
            "a CalibratedClassifierCV."
        )
    return "regression"


def task_of_shapes(y_true: Any, predicted: Any) -> str:
    """Return the task that true values and predictions have the shape of."""
    truth = as_array(y_true)
    if np.ndim(predicted) == 1 or truth.shape == np.shape(predicted) == (len(truth), 1):
        return "regression"
    if truth.ndim == 2 and truth.shape[1] > 1:
        return "multilabel" if guess_task(truth) == "multilabel" else "regression"
    return "classification"


def predict(task: str, estimator: Any, X: Any) -> np.ndarray:
    """Return the probabilities of a classifier, or the numbers of a regressor."""
    if task == "regression":
        return estimator.predict(X)
    return label_probabilities(estimator, X) if task == "multilabel" else estimator.predict_proba(X)


def read_answers(
    task: str, n_images: int, y_true: Any, predicted: Any, classes: Any, names: Any
) -> Answers:
    """Return the answers that `predicted` stands for, or raise a ValueError if it does not fit."""
    if task == "multilabel":
        return LabelAnswers.read(n_images, y_true, predicted, names)
    if task == "regression":
        return NumberAnswers.read(n_images, y_true, predicted, names)
    return ClassAnswers.read(n_images, y_true, predicted, classes)
