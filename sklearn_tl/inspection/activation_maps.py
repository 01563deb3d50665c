"""Class-activation maps: which parts of an image speak for a class."""

import copy
import math
import warnings
from typing import Any

import numpy as np
import torch
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_tl._utils import num_samples
from sklearn_tl.backbones import noise
from sklearn_tl.classifier import FineTuneClassifier
from sklearn_tl.embedding import embed
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.finetuning import surgery as tuning


def class_activation_maps(estimator: Any, X: Any, y: Any = None) -> np.ndarray:
    """Return where in each image the network sees a class.

    For a pipeline of :class:`ConvFeatureExtractor` and a linear classifier the map is exact
    (CAM [1]_): what the classifier makes of the features at each position, of which the mean is its
    decision value. For :class:`FineTuneClassifier` it is Grad-CAM [2]_ at the last layer; its
    values are 0 or more.

    Parameters
    ----------
    estimator : Pipeline or FineTuneClassifier
        A fitted classifier. A pipeline's extractor comes first and has ``pooling="avg"``.
    X : images
        As the estimator takes them.
    y : array-like of shape (n_images,), default=None
        The class that is looked for in each image; None is the predicted one.

    Returns
    -------
    maps : ndarray of shape (n_images, height, width), float32
        Of the last layer, for the part of the image that the network gets: the centre, at its own
        size and proportions.

    Raises
    ------
    ValueError
        If the layer has no maps, what follows it is not linear, or a label of `y` is unknown.
    TypeError
        If `estimator` is something else.

    References
    ----------
    .. [1] Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016.
    .. [2] Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
       Localization", ICCV 2017.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_tl import ConvFeatureExtractor, class_activation_maps
    >>> from sklearn_tl.datasets import load_photo_patches
    >>> photos = load_photo_patches()
    >>> X, y = photos.images[::12], photos.target[::12]
    >>> pipeline = make_pipeline(ConvFeatureExtractor(), LogisticRegression(max_iter=1000))
    >>> class_activation_maps(pipeline.fit(X, y), X[:3]).shape
    (3, 7, 7)
    """
    estimator = getattr(estimator, "best_estimator_", estimator)
    if isinstance(estimator, FineTuneClassifier):
        maps = _grad_cam
    elif isinstance(estimator, Pipeline) and isinstance(estimator[0], ConvFeatureExtractor):
        maps = _cam
    else:
        raise TypeError(
            f"estimator is a {type(estimator).__name__}, but maps are made for a "
            "FineTuneClassifier or for a Pipeline that begins with a ConvFeatureExtractor."
        )
    check_is_fitted(estimator)
    return maps(estimator, X, _codes(estimator, X, y))


def _codes(estimator, X, y):
    """Return the place of each image's class among `classes_`."""
    classes = estimator.classes_
    y = np.asarray(estimator.predict(X) if y is None else y)
    if y.shape != (num_samples(X),):
        raise ValueError(f"y has shape {y.shape}, but one label an image is ({num_samples(X)},).")
    for i, label in enumerate(y):
        if label not in classes:
            raise ValueError(
                f"y[{i}] is {label!r}, but the classes are {', '.join(map(str, classes))}."
            )
    return np.searchsorted(classes, y)


def _cam(pipeline, X, codes):
    extractor, classifier = pipeline[0], pipeline[1:]
    (layer, pooling), *others = extractor._features
    if others or pooling != "avg":
        raise ValueError(
            "Maps need the mean of one layer: a ConvFeatureExtractor with one layer and "
            f'pooling="avg", and this one has layer={extractor.layer!r} and pooling={pooling!r}.'
        )
    backbone = extractor._pretrained()
    layer = layer or backbone.layers[-1]
    shape = _map_shape(backbone, layer, extractor._preprocessing.crop)
    images = extractor.read_images(X)
    frozen = extractor.frozen_pass(((layer, "flatten"), *extractor._features))
    rows = embed(images, frozen, cache=None, verbose=extractor.verbose)
    maps, rows = np.split(rows, [math.prod(shape)], axis=1)
    maps = maps.reshape(len(images), *shape)
    maps = maps if backbone.channels_last_maps else np.moveaxis(maps, 1, 3)
    n, height, width, channels = maps.shape
    wanted = at_positions = None
    if channels == extractor._n_features_out and hasattr(classifier, "decision_function"):
        wanted = _decisions(classifier, rows)
        at_positions = _decisions(classifier, maps.reshape(-1, channels))
        at_positions = at_positions.reshape(n, height, width, -1)
    if wanted is None or not np.allclose(
        at_positions.mean((1, 2)), wanted, rtol=1e-3, atol=1e-3 * abs(wanted).max()
    ):
        raise ValueError(
            f"Between {layer} of {backbone.name} and the decision there is more than a mean and "
            f"a linear classifier, so that its maps say nothing. Fit the pipeline with "
            f"layer={layer!r} and a linear classifier, or take FineTuneClassifier."
        )
    return at_positions[np.arange(n), :, :, codes].astype(np.float32)


def _decisions(classifier, rows):
    """Return one decision value a class."""
    with warnings.catch_warnings():
        # Of set_output: what is no row of the extractor's has no names.
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        decisions = classifier.decision_function(np.asarray(rows))
    return np.column_stack([-decisions, decisions]) if decisions.ndim == 1 else decisions


def _map_shape(backbone, layer, crop):
    """Return the shape of a layer's activation for one image."""
    if crop is None:
        raise ValueError('With image_size="native" maps differ in size. Set an image_size.')
    with torch.inference_mode():
        activation = backbone.run(noise(1, 3, *crop), {layer: torch.clone})[layer]
    if activation.ndim != 4:
        raise ValueError(
            f"{layer} of {backbone.name} returns no activation maps (its shape for an image is "
            f"{tuple(activation.shape[1:])}). Choose a convolutional network, or an earlier layer."
        )
    return tuple(activation.shape[1:])


def _grad_cam(classifier, X, codes):
    pretrained = classifier._pretrained()
    backbone = tuning.tuned_backbone(pretrained, classifier._tensors)
    layer = backbone.layers[-1]
    _map_shape(backbone, layer, classifier._preprocessing.crop)
    tail = tuning.Tail(
        tuning.cut_network(backbone, [], keep_frozen=True),
        copy.deepcopy(classifier.net_.module_.head).cpu(),
        backbone.channels_last_maps,
    ).eval()
    seen = []

    def from_here(module, inputs, output):
        seen.append(output.detach().requires_grad_())
        return seen[-1].clone()  # what follows may work in place

    hook = tail.network.get_submodule(layer).register_forward_hook(from_here)
    images = classifier.read_images(X)
    maps = []
    try:
        for start in range(0, len(images), classifier.batch_size):
            some = range(start, min(start + classifier.batch_size, len(images)))
            x = torch.stack([classifier._preprocessing(images[i]) for i in some])
            logits = tail(x)
            chosen = logits[torch.arange(len(x)), torch.from_numpy(codes[list(some)])]
            activation = seen.pop()
            (gradient,) = torch.autograd.grad(chosen.sum(), activation)
            if backbone.channels_last_maps:
                activation, gradient = activation.movedim(3, 1), gradient.movedim(3, 1)
            weights = gradient.mean((2, 3), keepdim=True)
            maps.append((weights * activation).sum(1).relu().detach().numpy())
    finally:
        hook.remove()
    return np.concatenate(maps).astype(np.float32)
