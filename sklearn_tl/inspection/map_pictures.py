"""One image as a picture, plain or under the colours of its map. It needs no matplotlib."""

from typing import Any

import numpy as np
from scipy.ndimage import map_coordinates

from sklearn_tl.inspection.activation_maps import maps_of_images
from sklearn_tl.inspection.drawing import thumbnail
from sklearn_tl.inspection.reading import images_as_read_by, visible_boxes

# Five colours of matplotlib's "inferno", in which `PredictionGridDisplay` draws maps, too. They
# differ in lightness, so that everyone can tell them apart.
COLOURS = np.array([(0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)])
OPACITY = 0.6  # of the map
PALE = 0.65  # the share of white, where the network sees nothing


def picture_of(estimator: Any, image: Any, side: int) -> np.ndarray:
    """Return a small picture of an image, read as a fitted estimator reads it.

    Parameters
    ----------
    estimator : estimator
        Fitted. One that is not from this package reads plain images.
    image : str, path, ndarray or other form of an image
        A file may have any format that `estimator` reads, also one that no browser shows.
    side : int
        The longest that a side may be, in pixels.

    Returns
    -------
    picture : ndarray of shape (height, width, 3), uint8
    """
    decoded = images_as_read_by(estimator, [image]).open(0).decode(at_least=2 * side)
    return thumbnail(decoded, side)


def map_picture(estimator: Any, image: Any, label: Any, side: int) -> np.ndarray:
    """Return a picture under the colours of its map: the parts that speak for a class are yellow.

    The other parts are dark, and pale if the network does not see them.

    Parameters
    ----------
    estimator : Pipeline, TransferClassifier or FineTuneClassifier
        A fitted classifier that has maps: see `class_activation_maps`.
    image : str, path, ndarray or other form of an image
    label : str or int
        One of the classes.
    side : int
        The longest that a side may be, in pixels.

    Returns
    -------
    picture : ndarray of shape (height, width, 3), uint8

    Raises
    ------
    TypeError or ValueError
        If `estimator` has no maps.
    """
    images = images_as_read_by(estimator, [image])
    decoded = images.open(0).decode(at_least=2 * side)
    (values,) = maps_of_images(estimator, images, [label])
    (box,) = visible_boxes(estimator, [decoded])
    return _coloured(thumbnail(decoded, side), values, box)


def _coloured(picture: np.ndarray, values: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Return a grey picture under the colours of a map, which covers a box given in fractions."""
    height, width, _ = picture.shape
    left, top, right, bottom = box
    # Where each pixel is on the map: 0 and 1 are its edges.
    down = ((np.arange(height) + 0.5) / height - top) / (bottom - top)
    across = ((np.arange(width) + 0.5) / width - left) / (right - left)
    seen = np.logical_and.outer((down >= 0) & (down <= 1), (across >= 0) & (across <= 1))
    n_down, n_across = values.shape
    at = np.meshgrid(down * n_down - 0.5, across * n_across - 0.5, indexing="ij")
    spread = float(np.ptp(values))
    shares = (values - values.min()) / spread if spread > 0 else np.zeros_like(values)
    shares = map_coordinates(shares, at, order=1, mode="nearest")
    stops = np.linspace(0, 1, len(COLOURS))
    colours = np.stack([np.interp(shares, stops, levels) for levels in COLOURS.T], axis=2)
    # Grey, because the colours of the image would be taken for those of the map.
    grey = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
    mixed = OPACITY * colours + (1 - OPACITY) * grey
    pale = PALE * 255 + (1 - PALE) * grey
    return np.rint(np.where(seen[..., None], mixed, pale)).astype(np.uint8)
