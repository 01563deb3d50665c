"""One class per image."""

import warnings
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from sklearn_tl._utils import close_matches
from sklearn_tl.targets.checks import check_known, check_length, check_one_type
from sklearn_tl.targets.weights import check_class_weights

SHOWN = 10  # classes that a message names


@dataclass(frozen=True, eq=False)
class Multiclass:
    """The task whose targets are the position of each image's class among the sorted classes.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The distinct labels, sorted.
    """

    classes: np.ndarray
    name = "classification"

    @classmethod
    def read(cls, y: Any, n_images: int) -> tuple[Self, np.ndarray]:
        """Return the task, and the codes of the labels.

        Raises
        ------
        ValueError
            If there is not one label per image, a label is missing, or all labels are equal.
        """
        given, y = y, column_or_1d(y, warn=True)
        check_length(y, n_images, "labels", "one label per image")
        if not isinstance(given, list | tuple):  # of which numpy may have made text
            given = y
        check_known(given, "label", "Label the image, or leave it out.")
        check_one_type(given)
        try:
            check_classification_targets(y)
        except ValueError as error:
            raise ValueError(
                f"{error} A classifier predicts classes: for numbers, use FineTuneRegressor or "
                'task="regression".'
            ) from error
        encoder = LabelEncoder()
        codes = encoder.fit_transform(y)
        if len(encoder.classes_) < 2:
            raise ValueError(
                f"A classifier needs images of at least two classes, but all {len(y)} labels are "
                f"{encoder.classes_.tolist()[0]!r} (one class)."
            )
        return cls(encoder.classes_), codes

    @property
    def names(self) -> np.ndarray:
        """Names of the classes."""
        return self.classes

    @property
    def n_outputs(self) -> int:
        """Number of classes."""
        return len(self.classes)

    def fitted(self, targets: np.ndarray, weight: np.ndarray) -> Self:
        """Return the task itself: the classes are all that it knows."""
        return self

    def encode(self, targets: np.ndarray) -> np.ndarray:
        """Return the codes as they are."""
        return targets

    def predictions(self, outputs: np.ndarray) -> np.ndarray:
        """Return the most probable class of each image."""
        return self.classes[outputs.argmax(axis=1)]

    def strata(self, targets: np.ndarray, least: int) -> np.ndarray:
        """Return the classes."""
        return targets

    def hold_out(
        self, targets: np.ndarray, fraction: float, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Split images in two parts with the same shares of each class."""
        counts, n, n_classes = np.bincount(targets), len(targets), len(self.classes)
        if counts.min() < 2:
            raise ValueError(
                f"Class {self.classes.tolist()[counts.argmin()]!r} has one image, but "
                "early_stopping=True needs at least two images per class, one of them to validate "
                "on. Add images, leave the class out, or set early_stopping=False."
            )
        n_valid = int(np.ceil(fraction * n))
        if min(n_valid, n - n_valid) < n_classes:
            share = np.ceil(100 * n_classes / n) / 100  # rounded to the safe side
            raise ValueError(
                f"validation_fraction={fraction} of {n} images is {n_valid}, but both parts need "
                f"an image of each of the {n_classes} classes. Set validation_fraction from "
                f"{share:.2g} to {1 - share:.2g}, or early_stopping=False."
            )
        train, valid = train_test_split(
            np.arange(n), test_size=n_valid, stratify=targets, random_state=seed
        )
        missing = np.setdiff1d(targets, targets[train])
        if len(missing):
            raise ValueError(
                f"With validation_fraction={fraction} every image of class "
                f"{self.classes.tolist()[missing[0]]!r} would be held out. Set a smaller "
                "validation_fraction, or early_stopping=False."
            )
        return train, valid

    def class_weights(
        self, class_weight: dict | str | None, targets: np.ndarray, weight: np.ndarray
    ) -> np.ndarray:
        """Return the weight of each class.

        Parameters
        ----------
        class_weight : dict, "balanced" or None
        targets : ndarray of shape (n_images,)
            The codes of the images to train on.
        weight : ndarray of shape (n_images,)
            The weights of these images.
        """
        if isinstance(class_weight, str):  # in which an image of weight 2 counts as two images
            totals = np.bincount(targets, weight, minlength=len(self.classes))
            return totals.sum() / (len(totals) * totals)
        if class_weight is not None:
            check_class_weights(class_weight, zero=True)
            self._check_keys(class_weight)
        weights = compute_class_weight(class_weight, classes=self.classes, y=self.classes[targets])
        if np.count_nonzero(weights) < 2:
            raise ValueError(
                f"class_weight={class_weight!r} leaves fewer than two classes with a positive "
                "weight. A classifier needs at least two."
            )
        return weights

    def _check_keys(self, class_weight: dict) -> None:
        """Refuse keys that are not classes. Warn if every class has a weight nevertheless.

        A fold may lack a class whose weight was named, but then all of its classes have weights.
        """
        classes = self.classes.tolist()
        unknown = [key for key in class_weight if key not in classes]
        if not unknown:
            return
        key = str(unknown[0])
        others = [name for name in map(str, classes) if name != key]  # "0" may stand for 0
        text = (
            f"class_weight has the key {unknown[0]!r}, but y has no such label."
            f"{close_matches(key, others)} The classes are "
            f"{', '.join(map(repr, classes[:SHOWN]))}{', ...' if len(classes) > SHOWN else ''}."
        )
        if not set(classes) <= set(class_weight):
            raise ValueError(text)
        warnings.warn(text, stacklevel=2)
