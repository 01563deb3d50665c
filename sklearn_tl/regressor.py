"""`FineTuneRegressor`: a pretrained network, fine-tuned with a new head, that predicts numbers."""

import os
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import RegressorMixin
from torch import nn

from sklearn_tl._choices import MAX_PIXELS
from sklearn_tl._finetuner import FineTuningEstimator
from sklearn_tl._utils import Interval, StrOptions, fit_context, fork_safe
from sklearn_tl.finetuning import LOSSES, Objective, of_numbers, ridge_head
from sklearn_tl.targets import Regression, Task, read_numbers


class FineTuneRegressor(RegressorMixin, FineTuningEstimator):
    """Predict numbers from images by fine-tuning a pretrained network.

    The twin of :class:`FineTuneClassifier` for numbers: an age, a price, a count, a quality score,
    or several numbers per image. The head is fitted first, as a ridge regression on the embeddings
    of the frozen network. Then the layers that `unfreeze` names are trained together with the head,
    for a few epochs. With ``unfreeze=None`` only the head is fitted.

    Targets are standardised inside, with the mean and standard deviation of each target in the
    training images. Predictions have the units of `y`.

    Parameters
    ----------
    backbone : str, torch.nn.Module or callable, default="efficientnet_lite0"
        The network. See :class:`ConvFeatureExtractor`.
    weights : str, path or None, default="default"
        The network's weights. See :class:`ConvFeatureExtractor`.
    unfreeze : "all", int, str or None, default="all"
        The layers that are trained in addition to the head: all of them, the last n blocks, those
        from the named layer on, or none. See :class:`FineTuneClassifier`.
    head : "linear" or callable, default="linear"
        "linear" is a linear layer that starts as a ridge regression. A function
        ``(n_features, n_targets) -> torch.nn.Module`` makes another head, which returns
        standardised targets. See :class:`FineTuneClassifier` for how such a head is trained.
    head_alpha : float or "auto", default="auto"
        Regularization strength of the ridge regression on standardised targets. "auto" chooses it
        for each target among powers of the square root of 10, from 0.01 to 100,000: the one with
        the lowest squared error when each image in turn is left out. Copies of an image are left
        out together.
    loss : {"squared_error", "huber"}, default="squared_error"
        What the training of layers, or of a head that a function makes, minimises. "huber" is
        linear for errors larger than one standard deviation of the targets, so it depends less on a
        few extreme values. The linear head is fitted with squared errors in any case. For another
        loss, set `net_params` to ``{"criterion": ...}``, for example ``torch.nn.L1Loss``.
    max_epochs : int, default=5
        Number of passes over the images in training.
    lr : float or "auto", default=3e-4
        The learning rate of the head, which is the highest. It rises over the first tenth of the
        steps and then falls to zero along a cosine. "auto" chooses it by a range test before the
        training. See :class:`FineTuneClassifier`.
    layer_decay : float, default=0.8
        Ratio between the learning rates of a layer and the layer after it, in (0, 1].
    weight_decay : float, default=0.01
        Weight decay of AdamW.
    weight_averaging : float, default=0.5
        After the training, each weight becomes the average of the trained one and the one before
        the training, in which the trained one has this share, in (0, 1]. The average is rarely
        worse than either, and often better: a training on few images cannot lose much. 1.0 keeps
        the trained weights. With early stopping, they are also kept if the average has a higher
        validation loss. Callbacks and `history_` see the trained weights.
    batch_size : int, default=32
        Number of images per training step, and the maximum number of images that go through the
        frozen layers at once.
    augment : "standard", callable or None, default=None
        How training images are varied at random in each epoch. See :class:`FineTuneClassifier`. A
        crop can change what is to be predicted, such as a count.
    early_stopping : bool, splitter or list of (train, test), default=False
        True holds out a part of the images, stops when the loss on that part no longer falls, and
        keeps the weights of the best epoch. A splitter, or a list of positions, says which images
        are held out. See :class:`FineTuneClassifier`.
    validation_fraction : float, default=0.1
        Share of the images that is held out, drawn at random. Neither the layers nor the head are
        fitted on the held-out images.
    n_iter_no_change : int, default=3
        Number of epochs without a lower validation loss after which the training stops.
    image_size : int, (height, width), "native" or None, default=None
        Size of the network's input in pixels. None is the size at which the weights were trained.
    resize_mode : {"crop", "pad", "squash", "tiles"}, default="crop"
        How a wide or tall image becomes as large as the input. See :class:`ConvFeatureExtractor`.
        "tiles" needs ``unfreeze=None``.
    image_shape : (height, width), (height, width, channels), "strip" or None, default=None
        How to read the rows of a two-dimensional `X`. See :class:`ConvFeatureExtractor`.
    value_range : (black, white) or None, default=None
        The numbers that stand for black and white, in arrays and in files with 16 or 32 bits or
        floating-point numbers. See :class:`ConvFeatureExtractor`.
    channels : tuple of int or None, default=None
        The channels that are read, counted from 0, in this order. See
        :class:`ConvFeatureExtractor`.
    page : int, "mean", "max" or None, default=None
        Which page of a file is read. See :class:`ConvFeatureExtractor`.
    loader : callable or None, default=None
        Turns an item of `X` into an image. See :class:`ConvFeatureExtractor`.
    max_pixels : int or None, default=89478485
        The largest number of pixels to which a file is decoded. None means no limit.
    draft : bool, default=True
        Whether large JPEG files are decoded at a reduced scale. See :class:`ConvFeatureExtractor`.
    cache : "memory", path or None, default="memory"
        Where the outputs of frozen layers are kept. See :class:`FineTuneClassifier`.
    device : str or torch.device, default="auto"
        "auto" is a GPU (CUDA, then Apple's) if there is one, and otherwise the CPU.
    precision : {"auto", "float32", "bfloat16"}, default="float32"
        Precision in which the network is computed and trained. The head always uses float32. See
        :class:`FineTuneClassifier`.
    engine : {"auto", "torch", "openvino"}, default="torch"
        What runs frozen layers on a CPU. See :class:`ConvFeatureExtractor`.
    callbacks : list or None, default=None
        Callbacks for skorch, in addition to those of the recipe. See :class:`FineTuneClassifier`.
    net_params : dict or None, default=None
        Further parameters of :class:`skorch.NeuralNetRegressor`, such as ``optimizer``,
        ``criterion`` or ``iterator_train__num_workers``. They take precedence over the recipe.
    warm_start : bool, default=False
        True continues in `fit` with the weights of the fit before, and with the mean and the scale
        of its targets. See :class:`FineTuneClassifier`.
    random_state : int, RandomState instance or None, default=None
        Decides which images are held out, the order of the images, augmentation, dropout, and the
        initial weights of a head that a function makes. See :class:`FineTuneClassifier`.
    verbose : int, default=0
        1 shows a progress bar for frozen layers and one for the epochs. 2 prints one line per epoch
        in place of the second bar.

    Attributes
    ----------
    lr_ : float
        The learning rate of the head in the training: `lr`, or the choice of ``lr="auto"``. Only
        set if layers were trained.
    net_ : skorch.NeuralNetRegressor
        The trained net: ``net_.module_`` is the unfrozen layers with the head, whose outputs are
        standardised targets. After unpickling it is rebuilt without the optimizer's state.
    history_ : skorch.history.History
        One dict per epoch with ``train_loss`` (of standardised targets), ``train_r2``, ``lr`` (of
        the head at the end of the epoch), ``lr_lowest``, ``dur`` (seconds) and, with early
        stopping, ``valid_loss`` and ``valid_r2``. Empty if only a linear head was fitted.
    head_history_ : skorch.history.History
        The same for the training of a head alone, before layers are unfrozen. Only set if a
        function made the head and layers were unfrozen.
    target_names_ : ndarray of shape (n_targets,)
        The names of the targets. Only set if `y` is a table.
    backbone_fingerprint_ : str
        SHA-256 of the architecture and the pretrained weights. A pickle contains this fingerprint
        and not the network.
    n_features_in_ : int
        Number of features of flat rows or of a table. Only set for those.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns if `X` is a table. Only set for tables.

    See Also
    --------
    FineTuneClassifier : The same for classes and labels.
    ConvFeatureExtractor : Embeddings of the frozen network, for any model of scikit-learn.

    Notes
    -----
    What the notes of :class:`FineTuneClassifier` say about `X`, `set_params`, pickles, threads and
    Ctrl-C also holds here. A price or a count that spans powers of ten is better learned as its
    logarithm: see :class:`sklearn.compose.TransformedTargetRegressor`.

    Examples
    --------
    The target is the mean brightness of each image:

    >>> from sklearn_tl import FineTuneRegressor
    >>> from sklearn_tl.datasets import load_photo_patches
    >>> images = load_photo_patches().images[::4]
    >>> brightness = images.mean(axis=(1, 2, 3))
    >>> regressor = FineTuneRegressor(unfreeze=None)
    >>> regressor = regressor.fit(images[::2], brightness[::2])
    >>> bool(regressor.score(images[1::2], brightness[1::2]) > 0.6)
    True
    """

    _parameter_constraints = FineTuningEstimator._parameter_constraints | {
        "head_alpha": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "loss": [StrOptions(set(LOSSES))],
    }
    _task: Regression

    def __init__(
        self,
        backbone: str | nn.Module | Callable[[], nn.Module] = "efficientnet_lite0",
        *,
        weights: str | os.PathLike | None = "default",
        unfreeze: int | str | None = "all",
        head: str | Callable[[int, int], nn.Module] = "linear",
        head_alpha: float | str = "auto",
        loss: str = "squared_error",
        max_epochs: int = 5,
        lr: float | str = 3e-4,
        layer_decay: float = 0.8,
        weight_decay: float = 0.01,
        weight_averaging: float = 0.5,
        batch_size: int = 32,
        augment: str | Callable | None = None,
        early_stopping: Any = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 3,
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
        callbacks: Sequence | None = None,
        net_params: dict | None = None,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.backbone = backbone
        self.weights = weights
        self.unfreeze = unfreeze
        self.head = head
        self.head_alpha = head_alpha
        self.loss = loss
        self.max_epochs = max_epochs
        self.lr = lr
        self.layer_decay = layer_decay
        self.weight_decay = weight_decay
        self.weight_averaging = weight_averaging
        self.batch_size = batch_size
        self.augment = augment
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
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
        self.callbacks = callbacks
        self.net_params = net_params
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    @fork_safe
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, groups: Any = None) -> Self:
        """Fit the head, then train it and the layers that `unfreeze` names.

        Parameters
        ----------
        X : images
            See the notes of the class.
        y : array-like of shape (n_images,) or (n_images, n_targets)
            Numbers. None takes ``X.targets``, which datasets may have.
        sample_weight : array-like of shape (n_images,), default=None
            Weights of the images. An image of weight 2 counts as two images in the linear head, and
            is drawn twice as often in training. An image of weight 0 is left out.
        groups : array-like of shape (n_images,), default=None
            Images with equal values belong together, such as the frames of a film. Early stopping
            validates on other groups than it trains on, and ``head_alpha="auto"`` leaves out each
            group in turn.

        Returns
        -------
        self : FineTuneRegressor
            The fitted regressor.

        Raises
        ------
        ValueError, TypeError
            If a parameter is wrong, if an image or a target is missing or cannot be read, if all
            values of a target are equal, if a weight is negative, or if the training diverges.
        OSError
            If the weights are not on this machine and cannot be downloaded, or a file of `X`
            cannot be read.
        """
        with self._kept_if_it_fails():
            return self._fit(X, y, sample_weight, groups)

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

    def _fitted_outputs(self) -> dict[str, Any]:
        return {} if self._task.names is None else {"target_names_": self._task.names}

    def _image_weights(
        self, targets: Sequence[np.ndarray], weights: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        return list(weights)

    def _linear_head(
        self, rows: np.ndarray, targets: np.ndarray, weight: np.ndarray, groups: np.ndarray | None
    ) -> nn.Linear:
        alpha = None if isinstance(self.head_alpha, str) else float(self.head_alpha)
        return ridge_head(rows, targets, weight, alpha, groups)

    def _objective(self) -> Objective:
        return of_numbers(self._loss)

    def _plan(self) -> None:
        super()._plan()
        self._loss = self.loss  # as fitted

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
