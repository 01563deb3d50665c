"""Checks that all kinds of targets share."""

from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np

from sklearn_tl._utils import is_missing


def as_plain(y: Any) -> Any:
    """Return `y` with None for what a mask hides, and numbers that are in an array of objects.

    Anything else is returned as it is, also a table, whose columns may have names.
    """
    if isinstance(y, np.ma.MaskedArray):
        mask, y = np.ma.getmaskarray(y), y.data
        y = np.where(mask, None, y.astype(object)) if mask.any() else y
    if getattr(y, "dtype", None) != np.dtype(object):
        return y
    values = np.asarray(y)
    if values.size and all(isinstance(value, Real | np.bool_) for value in values.flat):
        return np.array(values.tolist())
    return y


def check_given(y: Any, what: str, target: str) -> None:
    """Raise a ValueError if there is no `y`, in the words of scikit-learn."""
    if y is None:
        raise ValueError(
            f"A {what} requires y to be passed, but the target y is None. Pass one {target} per "
            "image."
        )


def check_length(y: np.ndarray, n_images: int, what: str, expected: str) -> None:
    """Raise a ValueError unless there are as many targets as images."""
    if len(y) != n_images:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X has {n_images} images "
            f"and y has {len(y)} {what}. Pass {expected}."
        )


def refuse_lists(y: Any) -> None:
    """Raise a ValueError if `y` holds a list of tags per image."""
    is_column = isinstance(y, np.ndarray) and y.shape == (len(y), 1)  # of one label per image
    if is_column or hasattr(y, "columns") or hasattr(y, "toarray"):
        return
    for i, tags in enumerate(y):
        is_list = isinstance(tags, list | tuple | set | frozenset | np.ndarray)
        if is_list and any(isinstance(tag, str) for tag in tags):
            kind = "array" if isinstance(tags, np.ndarray) else type(tags).__name__
            raise ValueError(
                f"y[{i}] is {tags!r:.60}, {'an' if kind == 'array' else 'a'} {kind} of tags. For "
                "several tags per image, FineTuneClassifier expects an indicator matrix with one "
                "column per tag: MultiLabelBinarizer().fit_transform(y), of sklearn.preprocessing."
            )


def check_one_type(y: Any) -> None:
    """Raise a ValueError if some labels are text and others are not.

    numpy makes text of all labels in such a list, also of NaN.
    """
    if not isinstance(y, list | tuple) and getattr(y, "dtype", None) != np.dtype(object):
        return
    labels = list(y) if np.ndim(y) == 1 else []
    known = {i: label for i, label in enumerate(labels) if not is_missing(label)}
    text = next((i for i, label in known.items() if isinstance(label, str)), None)
    other = next((i for i, label in known.items() if not isinstance(label, str)), None)
    if text is not None and other is not None:
        raise ValueError(
            f"y[{text}] is {_plain(labels[text])!r} and y[{other}] is {_plain(labels[other])!r}, "
            "but labels must be of one type. For text: [str(label) for label in y]"
        )


def _plain(value: Any) -> Any:
    """Return the value of Python that a value of numpy stands for, whose text is shorter."""
    return value.item() if isinstance(value, np.generic) else value


def check_known(y: Iterable, what: str, instead: str) -> None:
    """Raise a ValueError that names the first missing or infinite target."""
    for i, value in enumerate(y):
        if is_missing(value) or (isinstance(value, float | np.floating) and np.isinf(value)):
            raise ValueError(f"y[{i}] is {value}, which is not a {what}. {instead}")


def names_of_columns(y: Any) -> np.ndarray | None:
    """Return the names of the columns of a table, if they are text."""
    names = getattr(y, "columns", None)
    if names is None or not all(isinstance(name, str) for name in names):
        return None
    return np.array(list(names), dtype=object)
