"""CAM: exact maps for a linear classifier on the mean of a layer."""

import math
import warnings
from typing import Any

import numpy as np
import torch
from sklearn.pipeline import Pipeline

from sklearn_tl.backbones import Backbone, noise
from sklearn_tl.embedding import embed
from sklearn_tl.images import ImageSequence


def linear_maps(pipeline: Pipeline, images: ImageSequence, codes: np.ndarray) -> np.ndarray:
    """Return the decision value for one class at each position of the last layer.

    A linear classifier can be applied to the features at each position. The mean of these decision
    values is the decision value of the mean features, which is the one of the image.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted, with a ConvFeatureExtractor as its first step.
    images : ImageSequence
    codes : ndarray of shape (n_images,)
        The index of a class for each image.

    Returns
    -------
    maps : ndarray of shape (n_images, map_height, map_width), float32
    """
    extractor, classifier = pipeline[0], pipeline[1:]
    frozen = extractor.frozen_pass()
    (layer, pooling), *others = frozen.features
    if others or pooling != "avg":
        raise ValueError(
            'Maps need a ConvFeatureExtractor with one layer and pooling="avg". Found '
            f"layer={extractor.layer!r} and pooling={pooling!r}."
        )
    backbone = frozen.backbone
    layer = layer or backbone.layers[-1]
    shape = map_shape(backbone, layer, frozen.preprocessing.crop)
    # Both in one pass, without the cache, which would have no room for anything else.
    both = extractor.frozen_pass(((layer, "flatten"), *frozen.features))
    activations, rows = np.split(
        embed(images, both, cache=None, verbose=extractor.verbose), [math.prod(shape)], axis=1
    )
    activations = activations.reshape(len(images), *shape)
    if not backbone.channels_last_maps:
        activations = np.moveaxis(activations, 1, 3)
    n, height, width, channels = activations.shape
    can_be_linear = channels == rows.shape[1] and hasattr(classifier, "decision_function")
    if can_be_linear:
        wanted = _decisions(classifier, rows)
        at_positions = _decisions(classifier, activations.reshape(-1, channels))
        at_positions = at_positions.reshape(n, height, width, -1)
    if not can_be_linear or not np.allclose(
        at_positions.mean((1, 2)), wanted, rtol=1e-3, atol=1e-3 * abs(wanted).max()
    ):
        raise ValueError(
            f"There are no maps, because there is more than a mean and a linear classifier between "
            f"{layer} of {backbone.name} and the decision. Fit the pipeline with layer={layer!r} "
            "and a linear classifier, or use FineTuneClassifier."
        )
    return at_positions[np.arange(n), :, :, codes].astype(np.float32)


def map_shape(backbone: Backbone, layer: str, crop: tuple[int, int] | None) -> tuple[int, int, int]:
    """Return the shape of a layer's activation for one image, or raise if it is not a map."""
    if crop is None:
        raise ValueError(
            'With image_size="native" every image has a map of another size. Set an image_size.'
        )
    with torch.inference_mode():
        activation = backbone.run(
            noise(1, backbone.preprocessing.n_channels, *crop), {layer: torch.clone}
        )[layer]
    if activation.ndim != 4:
        raise ValueError(
            f"{layer} of {backbone.name} returns no activation maps: its output for one image has "
            f"shape {tuple(activation.shape[1:])}. Choose a convolutional network, or an earlier "
            "layer."
        )
    return tuple(activation.shape[1:])


def _decisions(classifier: Any, rows: np.ndarray) -> np.ndarray:
    """Return the decision values of shape (n_rows, n_classes)."""
    with warnings.catch_warnings():
        # With set_output the classifier was fitted on named columns, which `rows` lacks.
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        decisions = classifier.decision_function(rows)
    return np.column_stack([-decisions, decisions]) if decisions.ndim == 1 else decisions
