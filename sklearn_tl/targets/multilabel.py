"""Several labels per image, as an indicator matrix."""

import warnings
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sklearn_tl.targets.checks import check_length, names_of_columns
from sklearn_tl.targets.task import random_part
from sklearn_tl.targets.weights import check_class_weights


@dataclass(frozen=True, eq=False)
class Multilabel:
    """The task whose targets are a column of 0 and 1 for each label.

    Parameters
    ----------
    n_labels : int
    names : ndarray of shape (n_labels,) or None
        Names of the labels, if `y` was a table.
    dtype : numpy.dtype
        Of the predictions.
    """

    n_labels: int
    names: np.ndarray | None
    dtype: str
    name = "multilabel"

    @classmethod
    def read(cls, y: Any, n_images: int) -> tuple[Self, np.ndarray]:
        """Return the task, and the matrix as float32.

        Raises
        ------
        ValueError
            If there is not one row per image, a value is neither 0 nor 1, or each label has a
            single value.
        """
        names = names_of_columns(y)
        matrix = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
        check_length(matrix, n_images, "rows", "one row per image")
        if matrix.dtype.kind not in "biuf":
            matrix = _as_numbers(matrix)
        wrong = np.argwhere((matrix != 0) & (matrix != 1))
        if len(wrong):
            i, j = wrong[0]
            column = j if names is None else repr(str(names[j]))
            raise ValueError(
                f"y[{i}] is {matrix[i, j]} in column {column}, but an indicator matrix has a 1 "
                "for each label that an image has, and 0 otherwise. For several numbers per "
                "image, use FineTuneRegressor."
            )
        counts = matrix.sum(axis=0)
        constant = np.flatnonzero((counts == 0) | (counts == len(matrix)))
        if len(constant) == matrix.shape[1]:
            raise ValueError(
                f"Each of the {matrix.shape[1]} columns of y has a single value. A classifier "
                "needs a label that some images have and others do not."
            )
        dtype = str(matrix.dtype)
        return cls(matrix.shape[1], names, dtype), matrix.astype(np.float32)

    @property
    def n_outputs(self) -> int:
        """Number of labels."""
        return self.n_labels

    def fitted(self, targets: np.ndarray, weight: np.ndarray) -> Self:
        """Return the task itself. Warn of labels of which nothing can be learned."""
        for j in np.flatnonzero(targets.min(axis=0) == targets.max(axis=0)).tolist():
            which = "No image has" if targets[0, j] == 0 else "All images have"
            warnings.warn(
                f"{which} the label {self.label(j)} in training, so nothing can be learned about "
                "it. Leave its column out, or add images.",
                stacklevel=2,
            )
        return self

    def label(self, j: int) -> str:
        """Return the name of a label for a message."""
        return f"in column {j}" if self.names is None else repr(str(self.names[j]))

    def encode(self, targets: np.ndarray) -> np.ndarray:
        """Return the matrix as it is."""
        return targets

    def predictions(self, outputs: np.ndarray) -> np.ndarray:
        """Return a 1 for each label whose probability is above one half."""
        return (outputs > 0).astype(self.dtype)

    def strata(self, targets: np.ndarray, least: int) -> np.ndarray:
        """Return the rarest label of each image. Labels that are too rare count as the largest."""
        counts = targets.sum(axis=0)
        rarest = np.where(targets > 0, counts, np.inf).argmin(axis=1)
        codes = np.where(targets.any(axis=1), rarest, self.n_labels)
        sizes = np.bincount(codes)
        codes[sizes[codes] < least] = sizes.argmax()
        return codes

    def hold_out(
        self, targets: np.ndarray, fraction: float, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Split images in two parts with similar shares of each label."""
        return random_part(self, targets, fraction, seed)

    def class_weights(
        self, class_weight: dict | str | None, targets: np.ndarray, weight: np.ndarray
    ) -> np.ndarray:
        """Return the weights (n_labels, 2) of images without and with each label.

        Parameters
        ----------
        class_weight : dict, "balanced" or None
            A dict has the keys 0 and 1, and holds for every label.
        targets : ndarray of shape (n_images, n_labels)
            The rows of the images to train on.
        weight : ndarray of shape (n_images,)
            The weights of these images.
        """
        if class_weight is None:
            return np.ones((self.n_labels, 2))
        if isinstance(class_weight, str):
            with_label = weight @ targets
            totals = np.column_stack([weight.sum() - with_label, with_label])
            pairs = np.ones_like(totals)
            both = totals.min(axis=1) > 0  # a label with a single value teaches nothing anyway
            pairs[both] = weight.sum() / (2 * totals[both])
            return pairs
        if not set(class_weight) <= {0, 1}:
            raise ValueError(
                f"class_weight={class_weight!r}: with several labels per image, its keys must be "
                "0 (images without a label) and 1 (images with it)."
            )
        check_class_weights(class_weight, zero=False)
        pair = [class_weight.get(0, 1.0), class_weight.get(1, 1.0)]
        return np.tile(np.array(pair, dtype=float), (self.n_labels, 1))


def _as_numbers(matrix: np.ndarray) -> np.ndarray:
    """Return a matrix of objects, such as pandas makes, as numbers. Others raise a ValueError."""
    for i, row in enumerate(matrix):
        for j, value in enumerate(row):
            if not isinstance(value, bool | int | float | np.number | np.bool_):
                raise ValueError(
                    f"y[{i}] is {value!r} in column {j}, but an indicator matrix has the values 0 "
                    "and 1. For lists of tags: MultiLabelBinarizer().fit_transform(y)."
                )
    return matrix.astype(float)
