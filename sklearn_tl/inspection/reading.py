"""Images as an estimator reads them, and the part of them that its network sees."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from sklearn_tl.embedding import image_reader
from sklearn_tl.images import ImageSequence, as_images


def images_as_read_by(estimator: Any, X: Any) -> ImageSequence:
    """Return `X` with the image shape and value range of a fitted estimator.

    Estimators that are not from this package, and do not contain one, read plain images.
    """
    reader = image_reader(estimator)
    return as_images(X) if reader is None else reader.read_images(X)


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
