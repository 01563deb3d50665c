"""`class_activation_maps`: which parts of an image speak for a class."""

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_tl._utils import fork_safe
from sklearn_tl.classifier import FineTuneClassifier
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.images import ImageSequence
from sklearn_tl.inspection.cam import linear_maps
from sklearn_tl.inspection.grad_cam import gradient_maps
from sklearn_tl.inspection.layer_maps import layer_maps
from sklearn_tl.inspection.reading import images_as_read_by
from sklearn_tl.targets import has_several_labels
from sklearn_tl.transfer_classifier import TransferClassifier


def class_activation_maps(estimator: Any, X: Any, y: Any = None) -> np.ndarray:
    """Return which parts of each image speak for a class.

    For a pipeline of :class:`ConvFeatureExtractor` and a linear classifier the map is exact
    (CAM [1]_): the decision value that the classifier gives to the features at each position. The
    mean of a map is the decision value of its image. The map of a :class:`TransferClassifier` is
    exact in the same way: the maps of all layers add up, and their mean is the logit. For
    :class:`FineTuneClassifier` the map is Grad-CAM [2]_ at the last layer; its values are 0 or
    larger.

    Parameters
    ----------
    estimator : Pipeline, TransferClassifier or FineTuneClassifier
        A fitted classifier, or a search that found one. In a pipeline the extractor comes first,
        and has one layer and ``pooling="avg"``.
    X : images
        In any form that `estimator` accepts.
    y : array-like of shape (n_images,), default=None
        The class to look for in each image. None is the predicted class.

    Returns
    -------
    maps : ndarray of shape (n_images, map_height, map_width), float32
        One value per position of the network's last layer. A map covers the part of the image that
        the network sees, which is the middle: an image is scaled, and what is too long is cropped.
        ``PredictionGridDisplay.from_estimator(..., maps=True)`` draws each map in its place, and
        has that place in its attribute `boxes`.

    Raises
    ------
    ValueError
        If the layer has no maps, if what follows it is not linear, if ``image_size="native"``, or
        if `y` is not one known label per image.
    TypeError
        If `estimator` is of another kind.
    NotFittedError
        If `estimator` is not fitted.

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
    >>> extractor = ConvFeatureExtractor(image_size=64)
    >>> pipeline = make_pipeline(extractor, LogisticRegression(max_iter=1000)).fit(X, y)
    >>> class_activation_maps(pipeline, X[:3]).shape
    (3, 2, 2)
    """
    classifier = _with_maps(estimator)
    labels = classifier.predict(X) if y is None else y
    return maps_of_images(classifier, images_as_read_by(classifier, X), labels)


@fork_safe
def maps_of_images(estimator: Any, images: ImageSequence, labels: Any) -> np.ndarray:
    """Return the maps of images that were already read as the estimator reads them."""
    classifier = _with_maps(estimator)
    codes = _codes(classifier.classes_, labels, len(images))
    if isinstance(classifier, FineTuneClassifier):
        return gradient_maps(classifier, images, codes)
    if isinstance(classifier, TransferClassifier):
        return layer_maps(classifier, images, codes)
    return linear_maps(classifier, images, codes)


def _with_maps(estimator: Any) -> FineTuneClassifier | TransferClassifier | Pipeline:
    """Return the fitted classifier that maps are made for; of a search, the best one."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    if not isinstance(estimator, FineTuneClassifier | TransferClassifier) and not (
        isinstance(estimator, Pipeline) and isinstance(estimator[0], ConvFeatureExtractor)
    ):
        raise TypeError(
            "Expected a FineTuneClassifier, a TransferClassifier, or a Pipeline that begins with a "
            f"ConvFeatureExtractor, got {type(estimator).__name__} instead. Other estimators have "
            "no maps."
        )
    check_is_fitted(estimator)
    classes = getattr(estimator, "classes_", None)
    if classes is None or has_several_labels(estimator):
        what = "numbers" if classes is None else "several labels per image"
        raise TypeError(
            f"This {type(estimator).__name__} predicts {what}. Maps are only made for classifiers "
            "with one class per image."
        )
    return estimator


def _codes(classes: np.ndarray, labels: Any, n_images: int) -> np.ndarray:
    """Return the index of each label in `classes`."""
    labels = np.asarray(labels)
    if labels.shape != (n_images,):
        raise ValueError(
            f"Expected one label per image, y of shape ({n_images},), got shape {labels.shape} "
            "instead."
        )
    for i, label in enumerate(labels):
        if label not in classes:
            raise ValueError(
                f"y[{i}]={label!r} must be one of the classes {', '.join(map(str, classes))}."
            )
    return np.searchsorted(classes, labels)
