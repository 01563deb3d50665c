"""Probabilities of labels, in one form for all classifiers, and how well they rank images."""

from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score


def has_several_labels(estimator: Any) -> bool:
    """Return whether a fitted classifier says by its `classes_` that images have several labels.

    They are a list with one array per label in scikit-learn, and a matrix in this package.
    """
    classes = getattr(estimator, "classes_", ())
    return isinstance(classes, list) or np.ndim(classes) == 2


def check_label_values(estimator: Any) -> None:
    """Raise a ValueError if a label of a classifier has other values than 0 and 1."""
    classes = getattr(estimator, "classes_", ())
    for j, values in enumerate(classes if isinstance(classes, list) else ()):
        known = np.asarray(values).tolist()
        if not set(known) <= {0, 1}:
            raise ValueError(
                f"The {type(estimator).__name__} predicts {', '.join(map(repr, known))} in column "
                f"{j} of y. Expected 0 and 1: fit it on an indicator matrix with one column per "
                "label, such as pandas.get_dummies makes."
            )


def label_probabilities(estimator: Any, X: Any) -> np.ndarray:
    """Return the probability (n_images, n_labels) of each label.

    Some classifiers of scikit-learn return a list with one array (n_images, n_values) per label.

    Raises
    ------
    ValueError
        If a label has other values than 0 and 1.
    """
    check_label_values(estimator)
    probabilities = estimator.predict_proba(X)
    if not isinstance(probabilities, list):
        return np.asarray(probabilities)
    columns = []
    for values, classes in zip(probabilities, estimator.classes_, strict=True):
        is_one = np.asarray(classes) == 1
        columns.append(values[:, is_one].sum(axis=1))  # 0 if only the value 0 was seen
    return np.column_stack(columns)


def average_precisions(y: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the average precision (n_labels,) of each label, NaN if no image has it."""
    return np.array(
        [
            average_precision_score(y[:, j], probabilities[:, j]) if y[:, j].any() else np.nan
            for j in range(y.shape[1])
        ]
    )
