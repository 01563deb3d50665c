"""Checks of what all functions of this room receive: labels, probabilities and groups."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, column_or_1d

from sklearn_tl.targets import Multiclass, Multilabel, check_groups, read_labels

TOLERANCE = 1e-3  # of the sum of a row; probabilities may have been rounded


def read_probabilities(
    y: Any, probabilities: Any, classes: Any = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Check labels and the probabilities that a model gives them.

    Parameters
    ----------
    y : array-like of shape (n_images,) or (n_images, n_labels)
    probabilities : array-like of shape (n_images, n_classes) or (n_images, n_labels)
    classes : array-like of shape (n_classes,), default=None
        The label that each column of `probabilities` stands for. None takes the sorted labels of
        `y`, or the columns of an indicator matrix.

    Returns
    -------
    targets : ndarray of shape (n_images,) or (n_images, n_labels)
        The column of each label, or the indicator matrix.
    probabilities : ndarray of shape (n_images, n_classes) or (n_images, n_labels)
        As float64. The probabilities of one image's classes sum to one.
    classes : ndarray of shape (n_classes,) or (n_labels,)
    task : {"classification", "multilabel"}

    Raises
    ------
    ValueError
        If the shapes do not fit, a value is not a probability, or a label has no column.
    """
    rows = check_array(probabilities, dtype=np.float64, input_name="probabilities")
    wrong = np.argwhere((rows < 0) | (rows > 1 + TOLERANCE))
    if len(wrong):
        i, j = wrong[0]
        raise ValueError(
            f"probabilities[{i}, {j}] is {rows[i, j]:.6g}. Expected values from 0 to 1, as "
            "predict_proba returns them."
        )
    task, targets = read_labels(y, len(rows))
    if isinstance(task, Multilabel):
        names = np.arange(task.n_labels) if task.names is None else task.names
        names = names if classes is None else column_or_1d(classes)
        _check_columns(rows, len(names), task.n_labels)
        return targets.astype(np.intp), rows.clip(0, 1), names, task.name
    names = task.classes if classes is None else column_or_1d(classes)
    _check_columns(rows, len(names), len(names))
    sums = rows.sum(axis=1)
    i = int(np.abs(sums - 1).argmax())
    if abs(sums[i] - 1) > TOLERANCE:
        raise ValueError(
            f"The probabilities of image {i} sum to {sums[i]:.6g}. Expected 1, since an image has "
            "one class. If images have several labels, pass an indicator matrix as y."
        )
    return _positions(task, targets, names), rows / sums[:, None], names, task.name


def read_predictions(
    y: Any, predicted: Any, classes: Any = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Check labels and predicted labels.

    Parameters
    ----------
    y : array-like of shape (n_images,) or (n_images, n_labels)
    predicted : array-like of the same shape
    classes : array-like of shape (n_classes,), default=None
        The labels, in the order of the report. None takes the sorted labels of `y` and
        `predicted`.

    Returns
    -------
    targets, predicted : ndarray of shape (n_images,) or (n_images, n_labels)
        The positions among `classes`, or the indicator matrices.
    classes : ndarray of shape (n_classes,) or (n_labels,)
    task : {"classification", "multilabel"}

    Raises
    ------
    ValueError
        If the shapes do not fit, or a label is not one of `classes`.
    """
    n_images = len(y)
    task, targets = read_labels(y, n_images)
    if len(predicted) != n_images:
        raise ValueError(
            f"predicted has {len(predicted)} rows and y has {n_images}. Pass one prediction per "
            "image."
        )
    if isinstance(task, Multilabel):
        given = np.asarray(predicted)
        if given.shape != targets.shape or not np.isin(given, (0, 1)).all():
            raise ValueError(
                f"predicted has the shape {given.shape}. Expected an indicator matrix of 0 and 1 "
                f"of the shape {targets.shape}, like y."
            )
        names = np.arange(task.n_labels) if task.names is None else task.names
        names = names if classes is None else column_or_1d(classes)
        _check_columns(targets, len(names), task.n_labels)
        return targets.astype(np.intp), given.astype(np.intp), names, task.name
    answers = column_or_1d(predicted)
    found, codes = np.unique(answers, return_inverse=True)
    names = np.union1d(task.classes, found) if classes is None else column_or_1d(classes)
    return (
        _positions(task, targets, names),
        _positions(Multiclass(found), codes, names),
        names,
        task.name,
    )


def read_groups(groups: Any, n_images: int) -> np.ndarray | None:
    """Return the number (n_images,) of each image's group, or None if there are no groups.

    Raises
    ------
    ValueError
        If there is not one group per image, or the group of an image is missing.
    """
    return None if groups is None else check_groups(groups, n_images)


def as_binary(
    targets: np.ndarray, probabilities: np.ndarray, task: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the codes and the probabilities of classes.

    An indicator matrix becomes one decision between 0 and 1 for each image and label, in the order
    of the matrix: codes of shape (n_images * n_labels,), probabilities with two columns.
    """
    if task != "multilabel":
        return targets, probabilities
    ones = probabilities.ravel()
    return targets.ravel(), np.column_stack([1 - ones, ones])


def are_judged(codes: np.ndarray, rows: np.ndarray, n_labels: int = 1) -> np.ndarray:
    """Return whether a model can have known the class of each decision.

    If a class has probability 0 for all of its own images, it was not in training: it is rare, or
    all of its images were tested together. If that holds for all classes, all decisions count.

    Parameters
    ----------
    codes : ndarray of shape (n_decisions,)
    rows : ndarray of shape (n_decisions, n_classes)
    n_labels : int, default=1
        With several labels per image, the decisions about each image follow each other, and each
        label has its own two classes.
    """
    n_classes = rows.shape[1]
    own = rows[np.arange(len(codes)), codes]
    place = np.arange(len(codes)) % n_labels * n_classes + codes
    judged = (np.bincount(place, own, minlength=n_labels * n_classes) > 0)[place]
    return judged if judged.any() else ~judged


def _check_columns(rows: np.ndarray, n_names: int, expected: int) -> None:
    if n_names != expected or rows.shape[1] != expected:
        raise ValueError(
            f"There are {rows.shape[1]} columns of probabilities and {n_names} classes. Pass one "
            "class per column, in the order of the columns: classes=model.classes_."
        )


def _positions(task: Multiclass, codes: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Return the positions of labels among the names."""
    position = {name: i for i, name in enumerate(names.tolist())}
    if len(position) < len(names):
        raise ValueError(
            f"classes={names.tolist()!r:.200} has a label twice. Pass each label once."
        )
    for label in task.classes.tolist():
        if label not in position:
            raise ValueError(
                f"The label {label!r} is not one of classes={names.tolist()!r:.200}. Pass all "
                "labels, in the order of the columns: classes=model.classes_."
            )
    return np.array([position[label] for label in task.classes.tolist()])[codes]
