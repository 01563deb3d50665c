"""Images as an estimator reads them, the part that its network sees, and targets to show."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from sklearn_tl._base import MOST_KEPT, BackboneEstimator
from sklearn_tl.embedding import image_reader
from sklearn_tl.images import ImageSequence, as_images
from sklearn_tl.targets import names_of_columns


def images_as_read_by(estimator: Any, X: Any) -> ImageSequence:
    """Return `X` with the image shape and value range of a fitted estimator.

    Estimators that are not from this package, and do not contain one, read plain images.
    """
    reader = image_reader(estimator)
    return as_images(X) if reader is None else reader.read_images(X)


def trained_on(estimator: Any, images: ImageSequence) -> str | None:
    """Return a warning if a fitted estimator was trained on some of the images."""
    reader = image_reader(estimator)
    if not isinstance(reader, BackboneEstimator):  # raw pixels, for example
        return None
    n = reader.count_trained_on(images)
    if n == 0:
        return None
    some = "" if n >= min(len(images), MOST_KEPT) else "Some of "
    these = "these" if some else "These"
    return f"{some}{these} images were trained on: the model makes more errors on others."


def visible_boxes(estimator: Any, images: Iterable[np.ndarray]) -> np.ndarray:
    """Return which part of each image the network of a fitted estimator sees.

    Parameters
    ----------
    estimator : estimator of this package, or one that contains it
    images : iterable of ndarray of shape (height, width, 3)

    Returns
    -------
    boxes : ndarray of shape (n_images, 4)
        The left, top, right and bottom edge, as fractions of the image's width and height.
        Fractions stay true for a thumbnail, and for a JPEG file that is decoded at a reduced size.
    """
    reader: Any = image_reader(estimator)
    preprocessing = reader.frozen_pass().preprocessing
    sizes = [image.shape[:2] for image in images]
    return np.array(
        [
            np.divide(preprocessing.visible_box(height, width), (width, height, width, height))
            for height, width in sizes
        ]
    ).reshape(-1, 4)


def as_array(y: Any) -> np.ndarray:
    """Return targets as an array, also those of a sparse matrix or a table."""
    return y.toarray() if hasattr(y, "toarray") else np.asarray(y)


def indicator_matrix(y: Any) -> np.ndarray:
    """Return an indicator matrix as integers, or name the first value that is not 0 or 1.

    Other than for training, every label may have a single value.
    """
    matrix = as_array(y)
    if matrix.ndim != 2:
        raise ValueError(
            f"Found y of shape {matrix.shape}. Expected an indicator matrix with one row per image "
            "and one column per label."
        )
    for i, j in np.argwhere((matrix != 0) & (matrix != 1))[:1]:
        raise ValueError(
            f"y[{i}] is {matrix[i, j]} in column {j}, but an indicator matrix has a 1 for each "
            "label that an image has, and 0 otherwise."
        )
    return matrix.astype(int)


def numbers_of(y: Any, what: str) -> np.ndarray:
    """Return the numbers of a regression as float64."""
    numbers = as_array(y)
    try:
        return numbers.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Expected numbers in {what}: {error}. To show classes, pass probabilities with one "
            "column per class."
        ) from error


def check_shape(y: np.ndarray, n_images: int, expected: str) -> None:
    """Raise a ValueError unless there is one row of targets per image."""
    if y.ndim not in (1, 2) or len(y) != n_images or y.size == 0:
        raise ValueError(
            f"Found {n_images} images and y_true of shape {y.shape}. Expected {expected}."
        )


def names_for(estimator: Any, y: Any, names: Any) -> Any:
    """Return given names of outputs; else those of a table `y`, or of a fitted estimator."""
    if names is None:
        names = _names_in(y)
    if names is None:
        names = getattr(getattr(estimator, "best_estimator_", estimator), "target_names_", None)
    return names


def names_of_outputs(y: Any, names: Any, n: int, word: str) -> list[str]:
    """Return the names of labels or numbers: the given ones, those of a table, or "label 0" ...

    Raises
    ------
    ValueError
        If there are more or fewer names than outputs.
    """
    if names is None:
        names = _names_in(y)
    if names is None:
        return [f"{word} {j}" for j in range(n)]
    if len(names) != n:
        raise ValueError(
            f"Found {len(names)} names in target_names, but y has {n} columns. Expected one name "
            "per column."
        )
    return [str(name) for name in names]


def _names_in(y: Any) -> Any:
    """Return the names of the columns of a table, or the name of one column."""
    name = getattr(y, "name", None)
    return [name] if isinstance(name, str) else names_of_columns(y)
