"""CAM for a linear model on the features of all layers: each layer has a map, and they add up."""

import math

import numpy as np
import torch
from torch import nn

from sklearn_tl.embedding import embed
from sklearn_tl.images import ImageSequence
from sklearn_tl.inspection.cam import map_shape
from sklearn_tl.transfer_classifier import TransferClassifier

CHUNK = 64  # images whose activations are in memory at once


def layer_maps(
    classifier: TransferClassifier, images: ImageSequence, codes: np.ndarray
) -> np.ndarray:
    """Return the logit of one class at each position of the last layer.

    The features of a layer are the mean of its activation, divided by their norm. So the logit is
    a mean over the positions of each layer. The maps of early layers, which are larger, are
    averaged to the size of the last one.

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
    names = [layer or backbone.layers[-1] for layer, _ in frozen.features]
    if len(set(names)) < len(names):
        raise ValueError(
            f"There are no maps, because {backbone.name} does more to its embedding than to take "
            "the mean of its last layer. Choose a network that does not, such as "
            '"efficientnet_lite0", or use FineTuneClassifier.'
        )
    shapes = [map_shape(backbone, name, crop) for name in names]
    if backbone.channels_last_maps:
        shapes = [(channels, height, width) for height, width, channels in shapes]
    ends = np.cumsum(frozen.lengths())[:-1]
    coefs = np.split(classifier.coef_, ends, axis=1)
    whole = classifier.frozen_pass(tuple((name, "flatten") for name in names))
    maps = []
    for start in range(0, len(images), CHUNK):
        some = np.arange(start, min(start + CHUNK, len(images)))
        # Without the cache, which would have no room for anything else.
        rows = embed(images.take(some), whole, cache=None, verbose=classifier.verbose)
        parts = np.split(rows, np.cumsum([math.prod(shape) for shape in shapes])[:-1], axis=1)
        total = classifier.intercept_[codes[some]][:, None, None]
        size = shapes[-1][1], shapes[-1][2]
        for part, shape, coef in zip(parts, shapes, coefs, strict=True):
            channels, height, width = shape
            form = (height, width, channels) if backbone.channels_last_maps else shape
            activation = part.reshape(len(some), *form)
            if backbone.channels_last_maps:
                activation = np.moveaxis(activation, 3, 1)
            total = total + _map_of_layer(activation, coef[codes[some]], size)
        maps.append(total / classifier.temperature_)
    return np.concatenate(maps).astype(np.float32)


def _map_of_layer(activation: np.ndarray, coef: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return what a layer adds to the logit at each position, averaged to a size."""
    norms = np.linalg.norm(activation.mean((2, 3)), axis=1)
    at_positions = np.einsum("nchw,nc->nhw", activation, coef)
    at_positions /= np.where(norms > 0, norms, 1)[:, None, None]
    return nn.functional.adaptive_avg_pool2d(torch.from_numpy(at_positions), size).numpy()
