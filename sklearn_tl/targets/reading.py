"""The labels of a classifier: one class per image, or an indicator matrix."""

from typing import Any

import numpy as np

from sklearn_tl.targets.checks import as_plain, check_given, refuse_lists
from sklearn_tl.targets.multiclass import Multiclass
from sklearn_tl.targets.multilabel import Multilabel


def labels_of(X: Any, y: Any) -> Any:
    """Return `y`, or the labels of a dataset that knows them, as torchvision's ImageFolder does."""
    if y is None:
        return getattr(X, "targets", None)
    if hasattr(y, "tocsr"):  # some sparse formats cannot be indexed
        return y.tocsr()
    return y if hasattr(y, "__getitem__") else np.asarray(y)


def read_labels(y: Any, n_images: int) -> tuple[Multiclass | Multilabel, np.ndarray]:
    """Check the labels of a classifier.

    Parameters
    ----------
    y : array-like of shape (n_images,) or (n_images, n_labels)
        Labels of classes (strings, integers or booleans), or an indicator matrix of 0 and 1.
    n_images : int
        The number of images that the labels belong to.

    Returns
    -------
    task : Multiclass or Multilabel
    targets : ndarray of shape (n_images,) or (n_images, n_labels)
        The codes of the classes, or the indicator matrix.

    Raises
    ------
    ValueError
        If labels are missing, or of the wrong number or form.
    """
    check_given(y, "classifier", "label")
    y = as_plain(y)
    refuse_lists(y)
    shape = getattr(y, "shape", None)
    if shape is None:
        shape = np.asarray(y, dtype=object).shape
    if len(shape) == 2 and shape[1] > 1:
        return Multilabel.read(y, n_images)
    return Multiclass.read(y, n_images)
