"""Labels are checked and encoded, and a part of them is held out."""

from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from sklearn_tl._utils.validation import is_missing


def labels_of(X: Any, y: Any) -> Any:
    """Return `y`, or the labels of a dataset that knows them, as torchvision's ImageFolder does."""
    return getattr(X, "targets", None) if y is None else y


def encode_labels(y: Any, n_images: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes, and for each label its position among them.

    Parameters
    ----------
    y : array-like of shape (n_images,)
        The labels of the classes: strings, integers or booleans.
    n_images : int
        The number of images that the labels belong to.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        The distinct labels, sorted.
    codes : ndarray of shape (n_images,), int64
        For each label its index in `classes`.

    Raises
    ------
    ValueError
        If there is not one label per image, a label is missing, or all labels are equal.
    """
    if y is None:
        raise ValueError(
            "A classifier requires y to be passed, but the target y is None. Pass one label per "
            "image."
        )
    y = column_or_1d(y, warn=True)
    if len(y) != n_images:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X has {n_images} images "
            f"and y has {len(y)} labels. Pass one label per image."
        )
    for i, label in enumerate(y):
        if is_missing(label) or (isinstance(label, float | np.floating) and np.isinf(label)):
            raise ValueError(
                f"y[{i}] is {label}, which is not a label. Label the image, or leave it out."
            )
    check_classification_targets(y)
    encoder = LabelEncoder()
    codes = encoder.fit_transform(y)
    if len(encoder.classes_) < 2:
        raise ValueError(
            f"A classifier needs images of at least two classes, but all {len(y)} labels are "
            f"{encoder.classes_[0]!s} (one class)."
        )
    return encoder.classes_, codes


def hold_out(
    classes: np.ndarray, codes: np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Split images in two parts with the same shares of each class, for early stopping.

    Parameters
    ----------
    classes, codes : ndarray
        As `encode_labels` returns them.
    fraction : float
        The share of the images to validate on, between 0 and 1.
    seed : int
        The seed of the random choice.

    Returns
    -------
    train, valid : ndarray of int
        The indices of the images to train on, and of those to validate on.

    Raises
    ------
    ValueError
        If a class has a single image, or would have none to train on.
    """
    counts, n = np.bincount(codes), len(codes)
    if counts.min() < 2:
        raise ValueError(
            f"Class {classes[counts.argmin()]!s} has one image, but early_stopping=True needs at "
            "least two images per class, one of them to validate on. Add images, leave the class "
            "out, or set early_stopping=False."
        )
    n_valid = int(np.ceil(fraction * n))
    if min(n_valid, n - n_valid) < len(classes):
        share = np.ceil(100 * len(classes) / n) / 100  # rounded to the safe side
        raise ValueError(
            f"validation_fraction={fraction} of {n} images is {n_valid}, but both parts need an "
            f"image of each of the {len(classes)} classes. Set validation_fraction from "
            f"{share:.2g} to {1 - share:.2g}, or early_stopping=False."
        )
    train, valid = train_test_split(
        np.arange(n), test_size=n_valid, stratify=codes, random_state=seed
    )
    missing = np.setdiff1d(codes, codes[train])
    if len(missing):
        raise ValueError(
            f"With validation_fraction={fraction} every image of class {classes[missing[0]]!s} "
            "would be held out. Set a smaller validation_fraction, or early_stopping=False."
        )
    return train, valid
