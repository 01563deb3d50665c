"""`FineTuneClassifier`: a pretrained network, fine-tuned with a new head, as a classifier."""

import os
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, Self

import numpy as np
import torch
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from torch import nn

from sklearn_tl._choices import MAX_PIXELS
from sklearn_tl._finetuner import FineTuningEstimator
from sklearn_tl._utils import Interval, StrOptions, fit_context, fork_safe
from sklearn_tl.finetuning import Objective, logistic_head, logistic_heads, of_classes, of_labels
from sklearn_tl.targets import Multiclass, Multilabel, Task, read_labels


class FineTuneClassifier(ClassifierMixin, FineTuningEstimator):
    """Classify images by fine-tuning a pretrained network.

    The network's own classifier is replaced by a new head for the classes in `y`. The head is
    fitted first, on the embeddings of the frozen network [1]_. Then the layers that `unfreeze`
    names are trained together with the head, for a few epochs. The learning rates are small, since
    the weights are already good. They fall from layer to layer towards the input [2]_, since early
    layers are the most general. With ``unfreeze=None`` only the head is fitted: the classifier is a
    logistic regression on the embeddings that :class:`ConvFeatureExtractor` returns.

    BatchNorm keeps its pretrained statistics, in trained layers too. Training leaves frozen layers
    exactly as they are.

    Parameters
    ----------
    backbone : str, torch.nn.Module or callable, default="efficientnet_lite0"
        The network: a name from :func:`list_backbones`, your own module, which is copied, or a
        function that takes no arguments and returns a module. See :class:`ConvFeatureExtractor`.
    weights : str, path or None, default="default"
        "default"; a name such as "IMAGENET1K_V1"; the path of a state dict (``.pth`` or
        ``.safetensors``); or None for random weights.
    unfreeze : "all", int, str or None, default="all"
        The layers that are trained in addition to the head. "all" trains all layers. A number n
        trains the last n blocks: layers that have weights, each together with the norm that
        follows it. A layer's name trains that layer and all layers
        after it; ``list_backbones(name, layers=True)`` lists the names. None trains only the head.
        Without augmentation, the frozen layers run once per image and not once per epoch.
    head : "linear" or callable, default="linear"
        "linear" is a linear layer that starts as a logistic regression. A function
        ``(n_features, n_classes) -> torch.nn.Module`` makes another head, which returns logits.
        Such a head is first trained alone on the embeddings, in one thread and at a learning rate
        of 0.003. The training ends after 500 steps or 20 epochs, whichever is later, or earlier if
        its loss has converged: if the loss of an epoch fell by less than 0.001 in 50 steps. With
        ``unfreeze=None`` that is the whole training, and `lr` and `max_epochs` are not used.
    head_C : float or "auto", default="auto"
        Inverse regularization strength of the logistic regression. "auto" is 1.0 with
        ``unfreeze=None``. If layers are trained it is 0.1: a head that is already certain about
        every image gives the layers little to learn from.
    max_epochs : int, default=5
        Number of passes over the images in training.
    lr : float or "auto", default=3e-4
        The learning rate of the head, which is the highest. It rises over the first tenth of the
        steps and then falls to zero along a cosine. "auto" chooses it by a range test [4]_ before
        the training: a copy of the layers and the head is trained while the rate rises tenfold in
        10 steps, from 1e-5. The choice is a tenth of the rate at which the loss on up to 64 of the
        training images is more than about 10 % above that at the start. The test usually takes as
        long as about 40 steps of the training. If no rate up to 10 raises the loss that far, `fit`
        warns and takes 3e-4.
        If a training ends far above the loss at its start, on up to 64 of the training images,
        `fit` warns, restores the start (the fitted head on the network as it was), and names a
        smaller rate.
    layer_decay : float, default=0.8
        Ratio between the learning rates of a layer and the layer after it, in (0, 1]. The last
        layer learns at ``lr * layer_decay``.
    weight_decay : float, default=0.01
        Weight decay of AdamW.
    weight_averaging : float, default=0.5
        After the training, each weight becomes the average of the trained one and the one before
        the training [3]_, in which the trained one has this share, in (0, 1]. The average is rarely
        worse than either, and often better: a training on few images cannot lose much. 1.0 keeps
        the trained weights. With early stopping, they are also kept if the average has a higher
        validation loss. Callbacks and `history_` see the trained weights.
    batch_size : int, default=32
        Number of images per training step, and the maximum number of images that go through the
        frozen layers at once.
    augment : "standard", callable or None, default=None
        How training images are varied at random in each epoch. "standard" takes a random crop of
        35 to 100 % of the image and flips half of the images from left to right. A callable, for
        example one from ``torchvision.transforms.v2``, gets each image scaled to cover the input:
        a PIL image, or a tensor if the image has more than 8 bits or not 3 channels. It returns an
        image or a tensor (channels, height, width), which is then cropped and normalised. With
        augmentation every image goes through the whole network in every epoch. Not used with
        ``unfreeze=None``.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes. "balanced" gives each class a weight that is inversely proportional
        to its frequency. The weights act in two ways. In the linear head they are factors on the
        loss, as in :class:`sklearn.linear_model.LogisticRegression`. In training they are the
        frequencies at which an epoch draws the images of each class, since large factors on the
        loss would be lost to gradient clipping. With several labels per image, a dict has the keys
        0 (without a label) and 1 (with it), "balanced" is per label, and the weights are factors on
        the loss in training, too, unless `net_params` has another ``criterion``.
    early_stopping : bool, splitter or list of (train, test), default=False
        True holds out a part of the images, stops when the loss on that part no longer falls, and
        keeps the weights of the best epoch. A splitter such as
        :class:`sklearn.model_selection.GroupShuffleSplit`, or a list of two lists of positions in
        `X`, says which images are held out; the first split is taken, and a splitter gets the
        `groups` of `fit`. For your own validation set, put its images into `X` as well and pass a
        :class:`sklearn.model_selection.PredefinedSplit`. In a search or a cross-validation, `X` is
        a part of the images, so use a splitter that draws the positions. No effect if only a linear
        head is fitted.
    validation_fraction : float, default=0.1
        Share of the images that is held out, stratified by class or by the rarest label. Neither
        the layers nor the head are fitted on the held-out images.
    n_iter_no_change : int, default=3
        Number of epochs without a lower validation loss after which the training stops.
    image_size : int, (height, width), "native" or None, default=None
        Size of the network's input in pixels. None is the size at which the weights were trained.
        With "native", layers can only be trained on images of one size.
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
        Where the outputs of frozen layers are kept. See :class:`ConvFeatureExtractor`. If only the
        last layers are trained, these outputs are whole activations, about ten times as long as an
        embedding. If the activations of one fit take more than 1 GiB, they are kept in a
        temporary file (in the folder that TMPDIR names) until the fit ends, and not in "memory".
    device : str or torch.device, default="auto"
        "auto" is a GPU (CUDA, then Apple's) if there is one, and otherwise the CPU.
    precision : {"auto", "float32", "bfloat16"}, default="float32"
        Precision in which the network is computed and trained. The head always uses float32.
        bfloat16 is faster on hardware that supports it, and "auto" uses it only there. On a CPU
        networks with depthwise convolutions and BatchNorms, such as MobileNets and EfficientNets,
        are trained more slowly in bfloat16, so that "auto" trains them in float32.
    engine : {"auto", "torch", "openvino"}, default="torch"
        What runs frozen layers on a CPU. See :class:`ConvFeatureExtractor`.
    callbacks : list or None, default=None
        Callbacks for skorch, in addition to those of the recipe: instances, classes, or pairs of a
        name and one of the two. Each fit uses copies, which are then in ``net_.callbacks_``, so no
        fit sees what a callback noted in another one. The copies of a callback that cannot be
        copied as a whole, for example because it holds an open file or the writer of TensorBoard,
        share what it holds. A :class:`skorch.callbacks.LRScheduler` in the list replaces the
        recipe's schedule.
    net_params : dict or None, default=None
        Further parameters of the skorch net, such as ``optimizer``,
        ``criterion`` or ``iterator_train__num_workers``. They take precedence over the recipe.
    warm_start : bool, default=False
        True continues in `fit` with the head and the weights of the fit before, for example for
        more epochs, or with more layers unfrozen (``set_params(unfreeze=3)``). Each fit has its own
        schedule of learning rates, and its epochs are appended to `history_`. The backbone, the
        kind of head and the labels in `y` must be the same, and layers that were trained cannot be
        frozen again. With early stopping, an int as `random_state` holds out the same images in
        each fit to the same `X`. A linear head without layers is fitted anew. If a fit fails, the
        model stays as it was.
    random_state : int, RandomState instance or None, default=None
        Decides which images are held out, the order of the images, augmentation, dropout, and the
        initial weights of a head that a function makes. An int gives the same result in every call:
        on a CPU the same bits, whatever was fitted before and whatever `n_jobs` is.
    verbose : int, default=0
        1 shows a progress bar for frozen layers and one for the epochs. 2 prints one line per epoch
        in place of the second bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,) or (n_labels, 2)
        The labels, sorted. With several labels per image, a row ``[0, 1]`` for each label.
    target_names_ : ndarray of shape (n_labels,)
        The names of the labels. Only set if `y` is a table with several columns.
    temperature_ : float
        What the logits are divided by. 1.0 after `fit`. A larger number, which you may set, makes
        the probabilities less sure and leaves the predictions as they are.
    lr_ : float
        The learning rate of the head in the training: `lr`, or the choice of ``lr="auto"``. With
        the same `random_state`, a fit with this rate gives the same result as one with "auto". Only
        set if layers were trained.
    net_ : skorch.NeuralNetClassifier, or skorch.NeuralNet with several labels per image
        The trained net: ``net_.module_`` is the unfrozen layers with the head. After unpickling it
        is rebuilt without the optimizer's state.
    history_ : skorch.history.History
        One dict per epoch with ``train_loss``, ``train_acc``, ``lr`` (of the head at the end of the
        epoch), ``lr_lowest``, ``dur`` (seconds) and, with early stopping, ``valid_loss`` and
        ``valid_acc``. With several labels per image, the accuracy is the share of the labels that
        are right. Empty if only a linear head was fitted.
    head_history_ : skorch.history.History
        The same for the training of a head alone, before layers are unfrozen. Only set if a
        function made the head and layers were unfrozen.
    backbone_fingerprint_ : str
        SHA-256 of the architecture and the pretrained weights. A pickle contains this fingerprint
        and not the network.
    n_features_in_ : int
        Number of features of flat rows or of a table. Only set for those.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns if `X` is a table. Only set for tables.

    See Also
    --------
    FineTuneRegressor : The same for numbers.
    ConvFeatureExtractor : Embeddings of the frozen network, for any model of scikit-learn.
    list_backbones : The names that `backbone` accepts, and their layers.

    Notes
    -----
    `X` may have any form that :class:`ConvFeatureExtractor` accepts.

    If `y` is an indicator matrix of shape (n_images, n_labels), each image may have several labels
    or none. Each label then has a logit of its own, whose sigmoid is its probability, and its own
    logistic regression in the linear head. :class:`sklearn.preprocessing.MultiLabelBinarizer` makes
    such a matrix of lists of tags.

    Parameters changed by `set_params` after `fit` wait for the next fit, except for `cache`,
    `batch_size`, `device`, `engine`, `max_pixels` and `verbose`, which take effect at once.

    A pickle contains the head and the tensors that training changed. The backbone is loaded again
    and verified. Gradients are clipped at a norm of 1.

    Training uses `joblib.cpu_count()` threads, since their number affects the last bits of the
    result. The environment variable LOKY_MAX_CPU_COUNT lowers this number.

    Ctrl-C during training raises KeyboardInterrupt and leaves the classifier unfitted. With early
    stopping, and after the first epoch, Ctrl-C ends the training with a warning instead, and
    the best weights so far are kept.

    References
    ----------
    .. [1] Kumar et al., "Fine-Tuning can Distort Pretrained Features and Underperform
       Out-of-Distribution", ICLR 2022.
    .. [2] Howard & Ruder, "Universal Language Model Fine-tuning for Text Classification",
       ACL 2018.
    .. [3] Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022.
    .. [4] Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tl import FineTuneClassifier
    >>> images = np.random.default_rng(0).integers(0, 128, (6, 48, 48, 3), dtype=np.uint8)
    >>> images[::2] += 127
    >>> labels = ["light", "dark"] * 3
    >>> classifier = FineTuneClassifier(unfreeze=1, random_state=0).fit(images, labels)
    >>> classifier.predict(images[:2]).tolist()
    ['light', 'dark']
    >>> classifier.predict_proba(images[:2]).shape
    (2, 2)

    Each image may have several labels. The labels of these patches of photographs are "bright" and
    "reddish":

    >>> from sklearn_tl.datasets import load_photo_patches
    >>> patches = load_photo_patches().images[::4]
    >>> red, green, blue = patches.mean(axis=(1, 2)).T
    >>> labels = np.column_stack([red + green + blue > 360, red > blue + 20]).astype(int)
    >>> classifier = FineTuneClassifier(unfreeze=None, image_size=96)
    >>> predicted = classifier.fit(patches[::2], labels[::2]).predict(patches[1::2])
    >>> bool((predicted == labels[1::2]).mean() > 0.75)
    True
    """

    _parameter_constraints = FineTuningEstimator._parameter_constraints | {
        "head_C": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    classes_: Any
    temperature_: float
    _task: Multiclass | Multilabel
    _FITTED = (*FineTuningEstimator._FITTED, "classes_", "temperature_", "_class_weights")

    def __init__(
        self,
        backbone: str | nn.Module | Callable[[], nn.Module] = "efficientnet_lite0",
        *,
        weights: str | os.PathLike | None = "default",
        unfreeze: int | str | None = "all",
        head: str | Callable[[int, int], nn.Module] = "linear",
        head_C: float | str = "auto",
        max_epochs: int = 5,
        lr: float | str = 3e-4,
        layer_decay: float = 0.8,
        weight_decay: float = 0.01,
        weight_averaging: float = 0.5,
        batch_size: int = 32,
        augment: str | Callable | None = None,
        class_weight: dict | str | None = None,
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
        self.head_C = head_C
        self.max_epochs = max_epochs
        self.lr = lr
        self.layer_decay = layer_decay
        self.weight_decay = weight_decay
        self.weight_averaging = weight_averaging
        self.batch_size = batch_size
        self.augment = augment
        self.class_weight = class_weight
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
        y : array-like of shape (n_images,) or (n_images, n_labels)
            One label per image: strings, numbers or booleans. Or an indicator matrix, in which 1
            means that the image has the label, and 0 that it has not. None takes ``X.targets``,
            which datasets such as torchvision's ImageFolder have.
        sample_weight : array-like of shape (n_images,), default=None
            Weights of the images. An image of weight 2 counts as two images in the linear head, and
            is drawn twice as often in training. An image of weight 0 is left out.
        groups : array-like of shape (n_images,), default=None
            Images with equal values belong together, such as the frames of a film. Early stopping
            validates on other groups than it trains on.

        Returns
        -------
        self : FineTuneClassifier
            The fitted classifier.

        Raises
        ------
        ValueError, TypeError
            If a parameter is wrong, if an image or a label is missing or cannot be read, if there
            is only one class, if a weight is negative, or if the training diverges.
        OSError
            If the weights are not on this machine and cannot be downloaded, or a file of `X`
            cannot be read.
        """
        with self._kept_if_it_fails():
            return self._fit(X, y, sample_weight, groups)

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
        outputs = self._outputs(X) / self.temperature_
        return expit(outputs) if isinstance(self._task, Multilabel) else softmax(outputs, axis=1)

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
        is_binary = not isinstance(self._task, Multilabel) and logits.shape[1] == 2
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
        return read_labels(y, n_images)

    def _fitted_outputs(self) -> dict[str, Any]:
        if not isinstance(self._task, Multilabel):
            return {"temperature_": 1.0, "classes_": self._task.classes}
        # One pair per label: scorers of scikit-learn see from its form what the task is.
        classes = np.tile([0, 1], (self._task.n_labels, 1))
        names = {} if self._task.names is None else {"target_names_": self._task.names}
        return {"temperature_": 1.0, "classes_": classes, **names}

    def _image_weights(
        self, targets: Sequence[np.ndarray], weights: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        self._class_weights = self._task.class_weights(self.class_weight, targets[0], weights[0])
        if isinstance(self._task, Multilabel):  # an image can be rare in one label alone
            return list(weights)
        return [w * self._class_weights[codes] for codes, w in zip(targets, weights, strict=True)]

    def _linear_head(
        self, rows: np.ndarray, targets: np.ndarray, weight: np.ndarray, groups: np.ndarray | None
    ) -> nn.Linear:
        C = self._recipe.head_c if self.head_C == "auto" else float(self.head_C)
        if isinstance(self._task, Multilabel):
            without, with_label = self._class_weights.T
            weights = weight[:, None] * np.where(targets > 0, with_label, without)
            return logistic_heads(rows, targets, weights, C)
        return logistic_head(rows, targets, weight, C)

    def _objective(self) -> Objective:
        if isinstance(self._task, Multilabel):
            return of_labels(self._class_weights)
        return of_classes(self._task.n_outputs)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
