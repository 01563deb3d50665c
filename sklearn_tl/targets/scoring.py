"""Checks of the targets that predictions are compared with."""

from typing import Any

import numpy as np

from sklearn_tl.targets.checks import as_plain, check_given, check_known, check_length, refuse_lists
from sklearn_tl.targets.multiclass import Multiclass
from sklearn_tl.targets.multilabel import Multilabel
from sklearn_tl.targets.regression import Regression, check_numbers
from sklearn_tl.targets.task import Task


def check_scored(task: Task, y: Any, n_images: int) -> None:
    """Raise a ValueError if `y` cannot be compared with the predictions of a model.

    Classes that the model has not learned are no error: its answers are wrong for them.

    Parameters
    ----------
    task : Multiclass, Multilabel or Regression
        Of the fitted model.
    y : array-like of shape (n_images,) or (n_images, n_outputs)
    n_images : int

    Raises
    ------
    ValueError
        If there is not one row per image, or `y` is of another kind than the `y` of the fit: tags
        and no matrix, text and no numbers, or numbers and no text.
    """
    check_given(y, "score", "target")
    y = as_plain(y)
    if isinstance(task, Regression):
        check_numbers(y)
    elif not hasattr(y, "toarray"):
        refuse_lists(y)
    shape = y.shape if hasattr(y, "shape") else np.shape(y)
    if isinstance(task, Multilabel) and (len(shape) != 2 or shape[1] != task.n_labels):
        raise ValueError(
            f"Found y of shape {tuple(shape)}. Expected an indicator matrix with the "
            f"{task.n_labels} columns that the model was fitted on."
        )
    labels = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
    check_length(labels, n_images, "targets", "one target per image")
    if isinstance(task, Multiclass):
        check_known(labels.ravel(), "label", "Leave the image out.")
        _check_kind(task.classes, labels)


def _check_kind(classes: np.ndarray, labels: np.ndarray) -> None:
    is_text = isinstance(classes[0], str)
    for i, label in enumerate(labels.ravel()):
        if isinstance(label, str) != is_text:
            label = label.item() if isinstance(label, np.generic) else label
            known = classes.tolist()[0]
            instead = "[str(label) for label in y]" if is_text else "[int(label) for label in y]"
            raise ValueError(
                f"y[{i}] is {label!r}, but the model was fitted on labels such as {known!r}, which "
                f"are {'text' if is_text else 'not text'}. Pass labels of this type, for example "
                f"{instead}."
            )
