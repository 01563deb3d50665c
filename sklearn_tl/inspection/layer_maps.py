"""CAM for a linear model on the features of all layers: each layer has a map, and they add up."""

import math

import numpy as np

from sklearn_tl.embedding import embed
from sklearn_tl.images import ImageSequence
from sklearn_tl.inspection.cam import map_shape
from sklearn_tl.transfer_classifier import TransferClassifier

CHUNK = 16  # images whose activations are in memory at once


def layer_maps(
    classifier: TransferClassifier, images: ImageSequence, codes: np.ndarray
) -> np.ndarray:
    """Return the logit of one class at each position of the last layer.

    The features of a layer are the means and the maxima of its activation, divided by their norm.
    A mean belongs to all positions, a maximum to the position where it is. So the mean of a map is
    the logit. The maps of early layers, which are larger, are averaged to the size of the last one.

    Parameters
    ----------
    classifier : TransferClassifier
        Fitted, for one class per image.
    images : ImageSequence
    codes : ndarray of shape (n_images,)
        The index of a class for each image.

    Returns
    -------
    maps : ndarray of shape (n_images, map_height, map_width), float32
    """
    frozen = classifier.frozen_pass()
    backbone, crop = frozen.backbone, frozen.preprocessing.crop
    names = backbone.layers
    if len(frozen.features) > 2 * len(names):
        raise ValueError(
            f"There are no maps, because {backbone.name} does more to its embedding than to take "
            "the mean of its last layer. Choose a network that does not, such as "
            '"efficientnet_lite0", or use FineTuneClassifier.'
        )
    shapes = [map_shape(backbone, name, crop) for name in names]
    coefs = np.split(classifier.coef_, np.cumsum(frozen.lengths())[:-1], axis=1)
    whole = classifier.frozen_pass(tuple((name, "flatten") for name in names))
    ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
    maps = []
    for start in range(0, len(images), CHUNK):
        some = np.arange(start, min(start + CHUNK, len(images)))
        # Without the cache, which would have no room for anything else.
        rows = embed(images.take(some), whole, cache=None, verbose=classifier.verbose)
        activations = [
            _channels_first(part.reshape(len(some), *shape), backbone.channels_last_maps)
            for part, shape in zip(np.split(rows, ends, axis=1), shapes, strict=True)
        ]
        size = activations[-1].shape[2], activations[-1].shape[3]
        total = np.zeros((len(some), *size)) + classifier.intercept_[codes[some], None, None]
        for i, activation in enumerate(activations):
            for pooling, coef in zip(("avg", "max"), coefs[2 * i : 2 * i + 2], strict=True):
                total += _map_of_layer(activation, pooling, coef[codes[some]], size)
        maps.append(total / classifier.temperature_)
    return np.concatenate(maps).astype(np.float32)


def _channels_first(activation: np.ndarray, channels_last: bool) -> np.ndarray:
    return np.moveaxis(activation, 3, 1) if channels_last else activation


def _map_of_layer(
    activation: np.ndarray, pooling: str, coef: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Return what a layer adds to the logit at each position, averaged to a size."""
    features = activation.mean((2, 3)) if pooling == "avg" else activation.max((2, 3))
    norms = np.linalg.norm(features, axis=1)
    if pooling == "max":
        is_largest = activation == features[:, :, None, None]
        share = is_largest / is_largest.sum((2, 3), keepdims=True)
        activation = activation * share * math.prod(activation.shape[2:])
    at_positions = np.einsum("nchw,nc->nhw", activation, coef)
    at_positions /= np.where(norms > 0, norms, 1)[:, None, None]
    rows, columns = (_overlaps(*n) for n in zip(at_positions.shape[1:], size, strict=True))
    return rows @ at_positions @ columns.T


def _overlaps(n: int, n_wanted: int) -> np.ndarray:
    """Return weights (n_wanted, n) that average n cells of a line to fewer, by their overlaps.

    Each cell counts as much as any other in all, so the mean of the line stays as it is.
    """
    edges, wanted = np.linspace(0, 1, n + 1), np.linspace(0, 1, n_wanted + 1)
    starts = np.maximum(edges[None, :-1], wanted[:-1, None])
    stops = np.minimum(edges[None, 1:], wanted[1:, None])
    return n_wanted * (stops - starts).clip(min=0)
