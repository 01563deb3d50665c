"""Labels: what they may be, and a part of them held out."""

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from sklearn_tl._utils.validation import is_missing


def encode_labels(y, n_images):
    """Return the classes and the codes: for each label, its place among the classes.

    Raises
    ------
    ValueError
        If `y` is not one label an image, misses one, or holds one class only.
    """
    if y is None:
        raise ValueError(
            "FineTuneClassifier requires y to be passed, but the target y is None: give one label "
            "an image."
        )
    y = column_or_1d(y, warn=True)
    if len(y) != n_images:
        raise ValueError(
            f"X holds {n_images} images and y {len(y)} labels (inconsistent numbers of samples): "
            "give one label an image."
        )
    for i, label in enumerate(y):
        if is_missing(label) or (isinstance(label, float | np.floating) and np.isinf(label)):
            raise ValueError(f"y[{i}] is {label}, no label. Label the image, or leave it out.")
    check_classification_targets(y)
    encoder = LabelEncoder()
    codes = encoder.fit_transform(y)
    if len(encoder.classes_) < 2:
        raise ValueError(
            f"All {len(y)} labels are of one class, {encoder.classes_[0]!s}, and a classifier "
            "needs images of at least two."
        )
    return encoder.classes_, codes


def hold_out(classes, codes, fraction, seed):
    """Return two arrays of indices, stratified: to train on, and a `fraction` to validate on.

    Raises
    ------
    ValueError
        If a class has one image, or none is left to train on.
    """
    counts, n = np.bincount(codes), len(codes)
    if counts.min() < 2:
        raise ValueError(
            f"Class {classes[counts.argmin()]!s} has one image, and early_stopping=True needs two "
            "of each class, one of them to validate on. Add images, leave the class out, or take "
            "early_stopping=False."
        )
    n_valid = int(np.ceil(fraction * n))
    if min(n_valid, n - n_valid) < len(classes):
        share = np.ceil(100 * len(classes) / n) / 100  # rounded to the safe side
        raise ValueError(
            f"validation_fraction={fraction} of {n} images is {n_valid}, which cannot give both "
            f"sides one of each of the {len(classes)} classes. Take one from {share:.2g} to "
            f"{1 - share:.2g}, or early_stopping=False."
        )
    train, valid = train_test_split(
        np.arange(n), test_size=n_valid, stratify=codes, random_state=seed
    )
    missing = np.setdiff1d(codes, codes[train])
    if len(missing):
        raise ValueError(
            f"With validation_fraction={fraction} every image of class {classes[missing[0]]!s} "
            "would be held out. Take a smaller one, or early_stopping=False."
        )
    return train, valid
