"""`TransferClassifier`: a linear classifier on the features of all layers of a frozen network."""

import os
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import ClassifierMixin
from torch import nn

from sklearn_tl._choices import MAX_PIXELS
from sklearn_tl._transfer import TransferEstimator
from sklearn_tl._utils import StrOptions, fit_context, fork_safe
from sklearn_tl.linear import Classes, Labels, Link, probabilities
from sklearn_tl.targets import Multiclass, Multilabel, Task, read_labels


class TransferClassifier(ClassifierMixin, TransferEstimator):
    """Classify images by the features of all layers of a frozen, pretrained network.

    No layer is trained. Each image goes through the network once, and a linear model learns from
    what all layers return, not from the embedding alone. Late layers know the things in the
    photographs of ImageNet. Early layers know edges, textures and colours, which serve for all
    other images [1]_. How much the early layers count, and how strongly the model is regularized,
    is chosen in `fit`: by the log loss of images that are left out. There is nothing to search.

    The linear model is a ridge regression on the standardised classes. For it the predictions for
    left-out images, or left-out groups of images, are exact and cost next to nothing [2]_. They
    also say how sure the probabilities may be.

    Parameters
    ----------
    backbone : str, torch.nn.Module or callable, default="efficientnet_lite0"
        The network. See :class:`ConvFeatureExtractor`.
    weights : str, path or None, default="default"
        The network's weights. See :class:`ConvFeatureExtractor`.
    layer_decay : float or "auto", default="auto"
        How much a layer counts, relative to the layer after it, from 0 to 1. With 1 all layers
        count equally. With 0 only the last layer counts. "auto" chooses among 0, 0.4, 0.6, 0.8
        and 1.
    alpha : float or "auto", default="auto"
        Regularization strength of the ridge regression. "auto" chooses among powers of the square
        root of 10, from 0.0001 to 10,000.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, which are factors on the squared errors. "balanced" gives each class
        a weight that is inversely proportional to its frequency. With several labels per image it
        must be None.
    batch_size : int, default=32
        The maximum number of images that go through the network at once. See
        :class:`ConvFeatureExtractor`.
    image_size : int, (height, width), "native" or None, default=None
        Size of the network's input in pixels. None is the size at which the weights were trained.
        See :class:`ConvFeatureExtractor`.
    resize_mode : {"crop", "pad", "squash", "tiles"}, default="crop"
        How images that are not square become input. See :class:`ConvFeatureExtractor`.
    image_shape : (height, width), (height, width, channels), "strip" or None, default=None
        How to read the rows of a two-dimensional `X`. See :class:`ConvFeatureExtractor`.
    value_range : (black, white) or None, default=None
        The numbers that stand for black and white. See :class:`ConvFeatureExtractor`.
    channels : tuple of int or None, default=None
        The channels that are read, counted from 0. See :class:`ConvFeatureExtractor`.
    page : int, "mean", "max" or None, default=None
        Which page of a file is read. See :class:`ConvFeatureExtractor`.
    loader : callable or None, default=None
        Turns an item of `X` into an image. See :class:`ConvFeatureExtractor`.
    max_pixels : int or None, default=89478485
        The largest number of pixels to which a file is decoded. None means no limit.
    draft : bool, default=True
        Whether large JPEG files are decoded at a reduced scale. See :class:`ConvFeatureExtractor`.
    cache : "memory", path or None, default="memory"
        Where the features are kept. See :class:`ConvFeatureExtractor`. Those of the default
        backbone take 17 kB per image.
    device : str or torch.device, default="auto"
        "auto" is a GPU (CUDA, then Apple's) if there is one, and otherwise the CPU.
    precision : {"auto", "float32", "bfloat16"}, default="float32"
        Precision in which the network is computed. See :class:`ConvFeatureExtractor`.
    engine : {"auto", "torch", "openvino"}, default="torch"
        What runs the network on a CPU. See :class:`ConvFeatureExtractor`.
    n_jobs : int or None, default=None
        Number of processes that share the images that are not cached. See
        :class:`ConvFeatureExtractor`.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,) or (n_labels, 2)
        The labels, sorted. With several labels per image, a row ``[0, 1]`` for each label.
    target_names_ : ndarray of shape (n_labels,)
        The names of the labels. Only set if `y` is a table with several columns.
    layer_decay_ : float
        The layer decay that was chosen.
    alpha_ : float
        The regularization strength that was chosen.
    coef_ : ndarray of shape (n_classes, n_features) or (n_labels, n_features)
        The coefficients for the means and the maxima of all layers, each divided by their Euclidean
        norm: what ``ConvFeatureExtractor(layer="all", pooling="avgmax", normalization="l2")``
        returns.
    intercept_ : ndarray of shape (n_classes,) or (n_labels,)
        The constants of the logits.
    temperature_ : float
        What the logits are divided by. 1.0 after `fit`. A larger number, which you may set, makes
        the probabilities less sure and leaves the predictions as they are.
    backbone_fingerprint_ : str
        SHA-256 of the architecture and the weights. A pickle contains this fingerprint and not the
        network.
    n_features_in_ : int
        Number of features of flat rows or of a table. Only set for those.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns if `X` is a table. Only set for tables.

    See Also
    --------
    TransferRegressor : The same for numbers.
    FineTuneClassifier : Trains layers of the network, too.
    ConvFeatureExtractor : Features for any other model of scikit-learn.

    Notes
    -----
    `X` may have any form that :class:`ConvFeatureExtractor` accepts.

    If `y` is an indicator matrix of shape (n_images, n_labels), each image may have several labels
    or none. Each label then has a regression and a probability of its own.

    With more than 2000 images, the layer decay is chosen on 2000 of them. Images of a class with
    one image, or one group of images, play no part in the choice. If they are most images, nothing
    is chosen: a warning says that the layer decay is 0, alpha is 0.3, and the probabilities are a
    guess.

    Parameters changed by `set_params` after `fit` wait for the next fit, except for `cache`,
    `batch_size`, `device`, `engine`, `max_pixels`, `n_jobs` and `verbose`, which take effect at
    once.

    References
    ----------
    .. [1] Evci et al., "Head2Toe: Utilizing Intermediate Representations for Better Transfer
       Learning", ICML 2022.
    .. [2] Rifkin & Lippert, "Notes on Regularized Least Squares", MIT 2007.

    Examples
    --------
    >>> from sklearn_tl import TransferClassifier
    >>> from sklearn_tl.datasets import load_photo_patches
    >>> patches = load_photo_patches()
    >>> X, y = patches.images, patches.target
    >>> classifier = TransferClassifier(image_size=96).fit(X[::4], y[::4])
    >>> bool(classifier.score(X[1::4], y[1::4]) > 0.9)
    True
    """

    _parameter_constraints = TransferEstimator._parameter_constraints | {
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }
    classes_: Any
    temperature_: float
    _task: Multiclass | Multilabel

    def __init__(
        self,
        backbone: str | nn.Module | Callable[[], nn.Module] = "efficientnet_lite0",
        *,
        weights: str | os.PathLike | None = "default",
        layer_decay: float | str = "auto",
        alpha: float | str = "auto",
        class_weight: dict | str | None = None,
        batch_size: int = 32,
        image_size: int | tuple[int, int] | str | None = None,
        resize_mode: str = "crop",
        image_shape: tuple[int, ...] | str | None = None,
        value_range: tuple[float, float] | None = None,
        channels: tuple[int, ...] | None = None,
        page: int | str | None = None,
        loader: Callable[[Any], Any] | None = None,
        max_pixels: int | None = MAX_PIXELS,
        draft: bool = True,
        cache: str | os.PathLike | None = "memory",
        device: str | torch.device = "auto",
        precision: str = "float32",
        engine: str = "torch",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.backbone = backbone
        self.weights = weights
        self.layer_decay = layer_decay
        self.alpha = alpha
        self.class_weight = class_weight
        self.batch_size = batch_size
        self.image_size = image_size
        self.resize_mode = resize_mode
        self.image_shape = image_shape
        self.value_range = value_range
        self.channels = channels
        self.page = page
        self.loader = loader
        self.max_pixels = max_pixels
        self.draft = draft
        self.cache = cache
        self.device = device
        self.precision = precision
        self.engine = engine
        self.n_jobs = n_jobs
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    @fork_safe
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, groups: Any = None) -> Self:
        """Run the images through the network, and fit the linear model.

        Parameters
        ----------
        X : images
            See the notes of the class.
        y : array-like of shape (n_images,) or (n_images, n_labels)
            One label per image: strings, numbers or booleans. Or an indicator matrix, in which 1
            means that the image has the label, and 0 that it has not. None takes ``X.targets``,
            which datasets such as torchvision's ImageFolder have.
        sample_weight : array-like of shape (n_images,), default=None
            Weights of the images. An image of weight 2 counts as two images. An image of weight 0
            is left out.
        groups : array-like of shape (n_images,), default=None
            Images with equal values belong together, such as the frames of a film. They are left
            out together when the layer decay and the regularization are chosen.

        Returns
        -------
        self : TransferClassifier
            The fitted classifier.

        Raises
        ------
        ValueError, TypeError
            If a parameter is wrong, if an image or a label is missing or cannot be read, if there
            is only one class, or if a weight is negative.
        OSError
            If the weights are not on this machine and cannot be downloaded, or a file of `X`
            cannot be read.
        """
        model = self._fit(X, y, sample_weight, groups)
        self.alpha_ = float(model.alpha[0])  # one for all classes
        self.temperature_ = 1.0
        if isinstance(self._task, Multilabel):
            # One pair per label: scorers of scikit-learn see from its form what the task is.
            self.classes_ = np.tile([0, 1], (self._task.n_labels, 1))
        else:
            self.classes_ = self._task.classes
        return self

    @fork_safe
    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each image, or all of its labels.

        Parameters
        ----------
        X : images
            See the notes of the class.

        Returns
        -------
        y : ndarray of shape (n_images,) or (n_images, n_labels)
            Labels, of the type that `fit` got. In an indicator matrix, the labels whose probability
            is above 0.5 are 1.

        Raises
        ------
        ValueError, TypeError, OSError
            If an image cannot be read. The message names its position in `X` and its path.
        NotFittedError
            If `fit` was not called.
        """
        outputs = self._outputs(X)
        return self._task.predictions(outputs)

    @fork_safe
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class or label.

        Parameters
        ----------
        X : images
            See the notes of the class.

        Returns
        -------
        probabilities : ndarray of shape (n_images, n_classes) or (n_images, n_labels)
            One column per class, in the order of `classes_`, or one per label, in the order of the
            columns of `y`; float64.
        """
        logits = self._outputs(X) / self.temperature_
        return probabilities(logits, exclusive=isinstance(self._task, Multiclass))

    @fork_safe
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the logits; their softmax is `predict_proba`, or for labels their sigmoid.

        They are divided by `temperature_`.

        Parameters
        ----------
        X : images
            See the notes of the class.

        Returns
        -------
        logits : ndarray of shape (n_images, n_classes), or (n_images,) for two classes
            For two classes, the second logit minus the first. For an indicator matrix, the shape is
            (n_images, n_labels). float64.
        """
        logits = self._outputs(X) / self.temperature_
        is_binary = isinstance(self._task, Multiclass) and logits.shape[1] == 2
        return logits[:, 1] - logits[:, 0] if is_binary else logits

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy: the share of images whose class, or whose labels, are all right.

        Parameters
        ----------
        X : images
            See the notes of the class.
        y : array-like of shape (n_images,) or (n_images, n_labels)
            The true labels, of the type that `fit` got.
        sample_weight : array-like of shape (n_images,), default=None
            Weights of the images.

        Returns
        -------
        score : float
            From 0 to 1.

        Raises
        ------
        ValueError
            If `y` is of another type or shape than in `fit`, if a weight is negative, or if all
            weights are zero.
        """
        return super().score(X, y, self._check_scored(X, y, sample_weight))

    def _read_targets(self, y: Any, n_images: int) -> tuple[Task, np.ndarray]:
        task, targets = read_labels(y, n_images)
        if isinstance(task, Multilabel) and self.class_weight is not None:
            raise ValueError(
                f"class_weight={self.class_weight!r} with several labels per image: "
                "TransferClassifier fits one regression for all labels. Leave class_weight out, or "
                "use FineTuneClassifier(unfreeze=None)."
            )
        return task, targets

    def _link(self, targets: np.ndarray, weight: np.ndarray) -> tuple[Link, np.ndarray]:
        if isinstance(self._task, Multilabel):
            return Labels(targets, weight), weight
        weight = weight * self._task.class_weights(self.class_weight, targets, weight)[targets]
        return Classes(targets, self._task.n_outputs, weight), weight

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
