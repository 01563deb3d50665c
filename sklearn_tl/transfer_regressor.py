"""`TransferRegressor`: a linear regression on the features of all layers of a frozen network."""

import os
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import RegressorMixin
from torch import nn

from sklearn_tl._choices import MAX_PIXELS
from sklearn_tl._transfer import TransferEstimator
from sklearn_tl._utils import fit_context, fork_safe
from sklearn_tl.linear import Link, Numbers
from sklearn_tl.targets import Regression, Task, read_numbers


class TransferRegressor(RegressorMixin, TransferEstimator):
    """Predict numbers from images by the features of all layers of a frozen, pretrained network.

    The twin of :class:`TransferClassifier` for numbers: an age, a price, a count, a quality score,
    or several numbers per image. No layer is trained. A ridge regression learns from what all
    layers return. How much the early layers count, and how strongly the regression is regularized,
    is chosen in `fit`: by the squared errors of images that are left out.

    Targets are standardised inside, with the mean and standard deviation of each target in the
    training images. Predictions have the units of `y`.

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
        Regularization strength of the ridge regression on standardised targets. "auto" chooses it
        for each target among powers of the square root of 10, from 0.0001 to 10,000.
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
    target_names_ : ndarray of shape (n_targets,)
        The names of the targets. Only set if `y` is a table.
    layer_decay_ : float
        The layer decay that was chosen.
    alpha_ : ndarray of shape (n_targets,)
        The regularization strength that was chosen for each target.
    coef_ : ndarray of shape (n_targets, n_features)
        The coefficients, for standardised targets and for the means and the maxima of all layers,
        each divided by their Euclidean norm: what ``ConvFeatureExtractor(layer="all",
        pooling="avgmax", normalization="l2")`` returns.
    intercept_ : ndarray of shape (n_targets,)
        The constants, for standardised targets.
    backbone_fingerprint_ : str
        SHA-256 of the architecture and the weights. A pickle contains this fingerprint and not the
        network.
    n_features_in_ : int
        Number of features of flat rows or of a table. Only set for those.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns if `X` is a table. Only set for tables.

    See Also
    --------
    TransferClassifier : The same for classes and labels.
    FineTuneRegressor : Trains layers of the network, too.
    ConvFeatureExtractor : Features for any other model of scikit-learn.

    Notes
    -----
    `X` may have any form that :class:`ConvFeatureExtractor` accepts.

    With more than 2000 images, the layer decay is chosen on 2000 of them.

    Parameters changed by `set_params` after `fit` wait for the next fit, except for `cache`,
    `batch_size`, `device`, `engine`, `max_pixels`, `n_jobs` and `verbose`, which take effect at
    once.

    Examples
    --------
    The target is the mean brightness of each image:

    >>> from sklearn_tl import TransferRegressor
    >>> from sklearn_tl.datasets import load_photo_patches
    >>> images = load_photo_patches().images[::4]
    >>> brightness = images.mean(axis=(1, 2, 3))
    >>> regressor = TransferRegressor(image_size=96).fit(images[::2], brightness[::2])
    >>> bool(regressor.score(images[1::2], brightness[1::2]) > 0.9)
    True
    """

    _task: Regression

    def __init__(
        self,
        backbone: str | nn.Module | Callable[[], nn.Module] = "efficientnet_lite0",
        *,
        weights: str | os.PathLike | None = "default",
        layer_decay: float | str = "auto",
        alpha: float | str = "auto",
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
        """Run the images through the network, and fit the regression.

        Parameters
        ----------
        X : images
            See the notes of the class.
        y : array-like of shape (n_images,) or (n_images, n_targets)
            Numbers. None takes ``X.targets``, which datasets may have.
        sample_weight : array-like of shape (n_images,), default=None
            Weights of the images. An image of weight 2 counts as two images. An image of weight 0
            is left out.
        groups : array-like of shape (n_images,), default=None
            Images with equal values belong together, such as the frames of a film. They are left
            out together when the layer decay and the regularization are chosen.

        Returns
        -------
        self : TransferRegressor
            The fitted regressor.

        Raises
        ------
        ValueError, TypeError
            If a parameter is wrong, if an image or a target is missing or cannot be read, if all
            values of a target are equal, or if a weight is negative.
        OSError
            If the weights are not on this machine and cannot be downloaded, or a file of `X`
            cannot be read.
        """
        self.alpha_ = self._fit(X, y, sample_weight, groups).alpha
        return self

    @fork_safe
    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted numbers.

        Parameters
        ----------
        X : images
            See the notes of the class.

        Returns
        -------
        y : ndarray of shape (n_images,) or (n_images, n_targets)
            In the units and the form of the `y` that `fit` got; float64.

        Raises
        ------
        ValueError, TypeError, OSError
            If an image cannot be read. The message names its position in `X` and its path.
        NotFittedError
            If `fit` was not called.
        """
        outputs = self._outputs(X)
        return self._task.predictions(outputs)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R², the share of the variance of the numbers that the predictions explain.

        Parameters
        ----------
        X : images
            See the notes of the class.
        y : array-like of shape (n_images,) or (n_images, n_targets)
            The true numbers.
        sample_weight : array-like of shape (n_images,), default=None
            Weights of the images.

        Returns
        -------
        score : float
            1 if all predictions are right, and 0 if they are as good as the mean of `y`. It can be
            negative. Of several targets, the mean of their R².

        Raises
        ------
        ValueError
            If `y` is not numbers, if a weight is negative, or if all weights are zero.
        """
        return super().score(X, y, self._check_scored(X, y, sample_weight))

    def _read_targets(self, y: Any, n_images: int) -> tuple[Task, np.ndarray]:
        return read_numbers(y, n_images)

    def _link(self, targets: np.ndarray, weight: np.ndarray) -> tuple[Link, np.ndarray]:
        return Numbers(targets, weight), weight

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
