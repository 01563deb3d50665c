"""`FineTuneClassifier`: a pretrained network, trained on with a new head, as a classifier."""

import os
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from math import ceil
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import torch
from scipy.special import softmax
from sklearn.base import ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNetClassifier
from skorch.dataset import Dataset
from torch import nn

from sklearn_tl._base import BackboneEstimator
from sklearn_tl._utils import (
    Interval,
    StrOptions,
    encode_labels,
    fit_context,
    hold_out,
    kind_of,
    resolve_device,
    resolve_precision,
)
from sklearn_tl.embedding import EMBEDDING, FirstPass, embed
from sklearn_tl.finetuning import TrainingImages, as_augmentation, training
from sklearn_tl.finetuning import surgery as tuning

HEAD_STEPS, HEAD_LR = 500, 3e-3  # for the head of a factory, alone on the embeddings
HEAD_ADVICE = "The new head cannot learn from embeddings as they are: normalise them in it"
CHUNK = 2048  # images whose activations are in memory at once, when predicting
OWN_PARAMS = (
    {
        name: f"set {name} of FineTuneClassifier itself"
        for name in ("lr", "max_epochs", "batch_size", "device", "verbose", "callbacks")
    }
    | {"train_split": "set early_stopping and validation_fraction of FineTuneClassifier"}
    | {"module": "the module is made from the backbone and the head"}
    | {"compile": "compiling renames the parameters, so that all layers would learn alike"}
)


class FineTuneClassifier(
    ClassNamePrefixFeaturesOutMixin, ClassifierMixin, TransformerMixin, BackboneEstimator
):
    """Classify images with a pretrained network, of which a part is trained on.

    The network's own classifier is replaced by a head for the classes of `y`. The head is fitted
    first, on the embeddings of the frozen network [1]_. Then the layers that `unfreeze` names are
    trained together with the head, for a few epochs and at small learning rates, which fall from
    layer to layer towards the input [2]_: the weights are good already, and early layers are the
    most general. With ``unfreeze=None`` nothing but the head is fitted, and the classifier is a
    logistic regression on the rows of :class:`ConvFeatureExtractor`.

    BatchNorm keeps its pretrained statistics, in trained layers too. What is frozen stays bit for
    bit as it was.

    Parameters
    ----------
    backbone : str, torch.nn.Module or callable, default="efficientnet_lite0"
        The network: a name from :func:`list_backbones`; a module of your own, which is copied;
        or a function without arguments that returns one. See :class:`ConvFeatureExtractor`.
    weights : str, path or None, default="default"
        "default"; a name such as "IMAGENET1K_V1"; the path of a state dict (``.pth`` or
        ``.safetensors``); or None for random weights.
    unfreeze : "all", int, str or None, default="all"
        What is trained besides the head: all layers; that many of the last ones (of those that
        have weights); a layer's name for it and all after it, as
        ``list_backbones(name, layers=True)`` lists them; or None for nothing. Without
        augmentation, the layers before are run once for each image, not once an epoch.
    head : "linear" or callable, default="linear"
        "linear" is a linear layer that starts as a logistic regression. A function
        ``(n_features, n_classes) -> torch.nn.Module`` makes another head that returns logits; it
        is first trained alone, on the embeddings, in at least 500 steps at a learning rate of
        0.003. That is all with ``unfreeze=None``, where `lr` and `max_epochs` are not used.
    head_C : float or "auto", default="auto"
        Inverse strength of the logistic regression's regularisation. "auto" is 1.0 with
        ``unfreeze=None`` and 0.1 before layers are trained: a head that is sure of all its images
        hardly says what to change in them.
    max_epochs : int, default=5
        How many times the training goes over the images.
    lr : float, default=3e-4
        Learning rate of the head, the highest. It rises over the first tenth of the steps, then
        falls to zero as a cosine does.
    layer_decay : float, default=0.8
        Factor on the learning rate from a layer to the one before it, in (0, 1]. The last layer
        learns at ``lr * layer_decay``.
    weight_decay : float, default=0.01
        Of AdamW.
    batch_size : int, default=32
        Number of images in a training step, and the most that go through frozen layers at once.
    augment : "standard", callable or None, default=None
        How images are varied at random in training, anew in each epoch. "standard": a crop of 35
        to 100 % of the image, and a flip from left to right in half of the cases. A callable,
        such as those of ``torchvision.transforms.v2``, gets each image scaled so that it covers
        the input, as a PIL image (where it has more than 8 bits, as a float tensor), and returns
        an image or a tensor (3, height, width), which is then cropped at its centre and
        normalised. Every image then goes through the whole network in every epoch. Not used with
        ``unfreeze=None``.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes: how often an epoch draws the images of each. "balanced" makes them
        inverse to how frequent a class is.
    early_stopping : bool, default=False
        Hold out a part of the images, stop when the loss on it no longer falls, and take the
        weights of the best epoch. Without effect where only a linear head is fitted.
    validation_fraction : float, default=0.1
        Share of the images that is held out, stratified by class. Nothing, the head neither, is
        fitted on it.
    n_iter_no_change : int, default=3
        Number of epochs without a lower validation loss after which the training stops.
    image_size : int, (height, width), "native" or None, default=None
        Size of the network's input in pixels; None is the size that the weights were trained at.
        With "native", layers can only be trained on images of one size.
    image_shape : (height, width), (height, width, channels), "strip" or None, default=None
        How to read the rows of a two-dimensional `X`.
    value_range : (black, white) or None, default=None
        The numbers in arrays and in 16-bit, 32-bit and floating-point files that stand for black
        and white.
    draft : bool, default=True
        Whether JPEG files much larger than the network's input are decoded at a half, a quarter or
        an eighth of their size, but not below twice what is needed. That is faster, and moves
        features by up to 2 % of the largest. False decodes all of them in full.
    cache : "memory", path or None, default="memory"
        Where the outputs of frozen layers are kept, see :class:`ConvFeatureExtractor`. With a part
        of the network frozen these are whole activation maps, some ten times as long as an
        embedding. Where those of one fit take more than 1 GiB, they lie in a temporary file (in
        the folder that TMPDIR names) until it ends, and not in "memory".
    device : str or torch.device, default="auto"
        "auto" takes a GPU (CUDA, then Apple's) where there is one, else the CPU.
    precision : {"auto", "float32", "bfloat16"}, default="float32"
        In which the network is computed and trained; the head is in float32. bfloat16 is faster
        where the processor or GPU computes in it, and "auto" takes it there and nowhere else.
    engine : {"auto", "torch", "openvino"}, default="torch"
        What runs frozen layers on a CPU. OpenVINO, an extra, is faster and takes some
        seconds to begin; its features are equal to 1e-4 of the largest. "auto" is OpenVINO where
        it is installed. Where it cannot run a network, torch does, with a warning.
    callbacks : list or None, default=None
        Callbacks for skorch, besides those that make up the recipe. Each fit takes copies, which
        are then in ``net_.callbacks_``. A
        :class:`skorch.callbacks.LRScheduler` among them replaces ours.
    net_params : dict or None, default=None
        Further parameters of :class:`skorch.NeuralNetClassifier`, such as ``optimizer``,
        ``criterion`` or ``iterator_train__num_workers``. They win over the recipe.
    random_state : int, RandomState instance or None, default=None
        Decides what is held out, the order of the images, augmentation, dropout and the start of
        a factory's head. Pass an int for the same result at every call, on a CPU bit for bit,
        whatever was fitted before and whatever `n_jobs` is.
    verbose : int, default=0
        With 1, show a progress bar for frozen layers and one over the epochs. With 2, print a line
        an epoch in its place.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    net_ : skorch.NeuralNetClassifier
        What was trained: ``net_.module_`` is the head behind the layers set free. After
        unpickling it is put together again and has no optimizer's state.
    history_ : skorch.history.History
        A dict an epoch, with ``train_loss``, ``train_acc``, ``lr`` (of the head at the end of the
        epoch), ``lr_lowest``, ``dur`` (seconds) and, with early stopping, ``valid_loss`` and
        ``valid_acc``. Empty if only a linear head was fitted.
    head_history_ : skorch.history.History
        The same of a factory's head, when it was trained alone before layers were set free. Only
        set for those.
    backbone_fingerprint_ : str
        SHA-256 over the architecture and the pretrained weights, which a pickle does not hold.
    n_features_in_ : int
        Number of features of flat rows or of a table. Only set for those.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if `X` is a table. Only set for those.

    See Also
    --------
    ConvFeatureExtractor : Embeddings of the frozen network, for any model of scikit-learn.
    list_backbones : The names that `backbone` takes, and their layers.

    Notes
    -----
    All forms of `X` that :class:`ConvFeatureExtractor` takes are taken here.

    A pickle holds the head and the tensors that training changed; the backbone is loaded again
    and verified. Gradients are clipped at a norm of 1.

    Training takes `joblib.cpu_count()` threads, since their number would show in the last bits; the
    environment variable LOKY_MAX_CPU_COUNT lowers it.

    Ctrl-C during training raises KeyboardInterrupt and leaves the classifier not fitted. With
    early stopping, and after the first epoch, it ends the training with a warning instead, and the
    best weights so far are kept.

    References
    ----------
    .. [1] Kumar et al., "Fine-Tuning can Distort Pretrained Features and Underperform
       Out-of-Distribution", ICLR 2022.
    .. [2] Howard & Ruder, "Universal Language Model Fine-tuning for Text Classification",
       ACL 2018.

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
    """

    _parameter_constraints = BackboneEstimator._parameter_constraints | {
        "unfreeze": [Interval(Integral, 1, None, closed="left"), str, None],
        "head": [StrOptions({"linear"}), callable],
        "head_C": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "layer_decay": [Interval(Real, 0, 1, closed="right")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "augment": [StrOptions({"standard"}), callable, None],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "callbacks": [list, tuple, None],
        "net_params": [dict, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        backbone: str | nn.Module | Callable[[], nn.Module] = "efficientnet_lite0",
        *,
        weights: str | os.PathLike | None = "default",
        unfreeze: int | str | None = "all",
        head: str | Callable[[int, int], nn.Module] = "linear",
        head_C: float | str = "auto",
        max_epochs: int = 5,
        lr: float = 3e-4,
        layer_decay: float = 0.8,
        weight_decay: float = 0.01,
        batch_size: int = 32,
        augment: str | Callable | None = None,
        class_weight: dict | str | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 3,
        image_size: int | tuple[int, int] | str | None = None,
        image_shape: tuple[int, ...] | str | None = None,
        value_range: tuple[float, float] | None = None,
        draft: bool = True,
        cache: str | os.PathLike | None = "memory",
        device: str | torch.device = "auto",
        precision: str = "float32",
        engine: str = "torch",
        callbacks: Sequence | None = None,
        net_params: dict | None = None,
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
        self.batch_size = batch_size
        self.augment = augment
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.image_size = image_size
        self.image_shape = image_shape
        self.value_range = value_range
        self.draft = draft
        self.cache = cache
        self.device = device
        self.precision = precision
        self.engine = engine
        self.callbacks = callbacks
        self.net_params = net_params
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any) -> Self:
        """Fit the head, then train it and the layers that `unfreeze` names.

        Parameters
        ----------
        X : images
            See the notes of the class.
        y : array-like of shape (n_images,)
            One label an image: strings, numbers or booleans.

        Returns
        -------
        self : FineTuneClassifier
            The fitted classifier.

        Raises
        ------
        ValueError, TypeError
            If a parameter is wrong, an image or a label is missing or cannot be read, there is
            only one class, or the training diverges.
        OSError
            If the weights are not on this machine and cannot be downloaded, or a file of `X`
            cannot be read.
        """
        for name in ("classes_", "history_", "head_history_", "_net", "_whole", "_tensors"):
            vars(self).pop(name, None)  # of an earlier fit: an interrupted one leaves nothing
        images = self._check_images(X, reset=True)
        _check_net_params(self.net_params)
        classes, codes = encode_labels(y, len(images))
        generator = check_random_state(self.random_state)
        split_seed, seed = (int(seed) for seed in generator.randint(2**31 - 1, size=2))
        # Before anything is fitted, so that nothing leaks into what is held out.
        parts = [np.arange(len(codes))]
        if self.early_stopping and not (self.unfreeze is None and self.head == "linear"):
            parts = hold_out(classes, codes, self.validation_fraction, split_seed)

        backbone = self._load_backbone()
        self._plan(backbone)
        tail = self._new_tail()
        images, codes = [images.take(part) for part in parts], [codes[part] for part in parts]
        weight = compute_class_weight(self.class_weight, classes=classes, y=classes[codes[0]])
        datasets, rows = self._prepare(tail, images, codes)
        with training.reproducible(seed, resolve_device(self.device)):
            net = self._fit_tail(tail, datasets, rows, codes[0], weight)

        self._tensors = tuning.changed_state(tail, backbone)
        self._net, self._whole = net, None
        if self._boundary is None:
            self.tuned_backbone()
        self.history_ = net.history
        self.classes_ = classes  # the last, since it is what makes the classifier a fitted one
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each image.

        Parameters
        ----------
        X : images
            See the notes of the class.

        Returns
        -------
        y : ndarray of shape (n_images,)
            Labels, as `fit` got them.

        Raises
        ------
        ValueError, TypeError, OSError
            If an image cannot be read; the message names its position in `X`, and its path.
        NotFittedError
            If `fit` was not called.
        """
        chosen = self._logits(X).argmax(axis=1)
        return self.classes_[chosen]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : images
            See the notes of the class.

        Returns
        -------
        probabilities : ndarray of shape (n_images, n_classes)
            In the order of `classes_`; float64.
        """
        return softmax(self._logits(X), axis=1)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the logits, whose softmax is `predict_proba`.

        Parameters
        ----------
        X : images
            See the notes of the class.

        Returns
        -------
        logits : ndarray of shape (n_images, n_classes), or (n_images,) for two classes
            For two classes the second logit less the first; float64.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def transform(self, X: Any) -> np.ndarray:
        """Return the embeddings of the fine-tuned network, for any other model.

        Parameters
        ----------
        X : images
            See the notes of the class.

        Returns
        -------
        X_out : ndarray of shape (n_images, n_features_out)
            What the head gets; float32.
        """
        check_is_fitted(self)
        return self._embeddings(self.read_images(X))

    @property
    def net_(self) -> NeuralNetClassifier:
        """The fitted skorch net."""
        check_is_fitted(self)
        if self._net is None:  # unpickled
            tail = self._new_tail()
            with torch.random.fork_rng(devices=[]):
                tail.head = self._new_head(len(self.classes_))
            tuning.restore(tail, self._tensors)
            self._net = training.new_net(tail, len(self.classes_), **self._net_settings())
            self._net.history = self.history_
        return self._net

    def _plan(self, backbone):
        """Decide what is trained and at which layer the frozen part hands over to it.

        `_boundary` holds the features of the frozen pass and their shape for an image; it is None
        where the images themselves are the input.
        """
        if isinstance(self.unfreeze, bool):
            raise TypeError(
                f'unfreeze={self.unfreeze} should be "all", a number of layers or None.'
            )
        if isinstance(self.head, nn.Module):
            raise TypeError(
                f"head is a {type(self.head).__name__}, but should be a function (n_features, "
                "n_classes) that returns one: the number of classes is known in fit."
            )
        self._n_features_out = sum(self.frozen_pass(EMBEDDING).lengths())
        self._head = self.head  # as fitted, whatever set_params does later
        if self.unfreeze is None:
            self._tuned, self._boundary = None, (EMBEDDING, (self._n_features_out,))
            return
        self._tuned = tuning.layers_to_tune(backbone, self.unfreeze)
        self._boundary = None
        crop = self._preprocessing.crop
        if self.augment is None and crop is not None:
            self._boundary = tuning.find_boundary(backbone, self._tuned, crop)
        if self._boundary is None:
            tuning.check_whole(backbone, self._tuned, crop or backbone.preprocessing.crop)

    def _prepare(self, tail, images, codes):
        """Return the datasets to train and validate on, and the embeddings of the first."""
        if self._boundary is not None:
            inputs = [self._activations(some) for some in images]
            datasets = [Dataset(x, y) for x, y in zip(inputs, codes, strict=True)]
            return datasets, self._embed_rows(tail, inputs[0])
        datasets = [
            TrainingImages(some, y, self._preprocessing)
            for some, y in zip(images, codes, strict=True)
        ]
        datasets[0].augment = as_augmentation(self.augment, self._preprocessing)
        return datasets, self._rows(images[0], self.frozen_pass(EMBEDDING), self.cache)

    def _fit_tail(self, tail, datasets, rows, codes, weight):
        """Fit the head on the frozen rows, then train it together with the layers set free."""
        n_classes = len(weight)
        if self.head == "linear":
            C = self.head_C
            if C == "auto":
                C = 1.0 if self._tuned is None else 0.1
            tail.head = tuning.linear_head(rows, codes, C=C, class_weight=dict(enumerate(weight)))
            if self._tuned is None:
                return training.new_net(tail, n_classes, **self._net_settings())
        else:
            tail.head = self._new_head(n_classes)
            if self._tuned is not None:
                alone = tuning.Tail(None, tail.head)
                first = self._train(alone, [Dataset(rows, codes)], weight, first=True)
                self.head_history_ = first.history
        return self._train(tail, datasets, weight)

    def _train(self, tail, datasets, weight, first=False):
        """Train a tail. The first of two trainings knows nothing of the user's callbacks."""
        train_set, valid_set = datasets if len(datasets) == 2 else (*datasets, None)
        if tail.network is None:
            epochs = max(20, ceil(HEAD_STEPS / ceil(len(train_set) / self.batch_size)))
            lr, advice = HEAD_LR, HEAD_ADVICE
        else:
            epochs, lr = self.max_epochs, self.lr
            advice = f"Try a smaller lr than {lr:g}"
        params = {
            "max_epochs": epochs,
            "lr": lr,
            "optimizer__param_groups": tuning.learning_rate_groups(
                tail, self._tuned, lr, self.layer_decay
            ),
            "optimizer__weight_decay": self.weight_decay,
        }
        return training.train(
            tail,
            len(weight),
            train_set,
            valid_set,
            class_weight=None if self.class_weight is None else weight,
            patience=self.n_iter_no_change,
            callbacks=() if first else self.callbacks or (),
            advice=advice,
            show_progress=self.verbose == 1 and not first,
            **self._net_settings() | params | ({"verbose": 0} if first else self.net_params or {}),
        )

    def _net_settings(self):
        device = resolve_device(self.device)
        settings = {
            "batch_size": self.batch_size,
            "device": device,
            "verbose": max(0, self.verbose - 1),
        }
        if kind_of(device) == "cuda":
            settings["iterator_train__pin_memory"] = settings["iterator_valid__pin_memory"] = True
        return settings

    def _new_tail(self):
        """Return the part that is trained, as pretrained, still without a head."""
        backbone = self._pretrained()
        maps = backbone.channels_last_maps
        if self._tuned is None:
            return tuning.Tail(None, None, maps)
        network = tuning.cut_network(backbone, self._tuned, keep_frozen=self._boundary is None)
        precision = resolve_precision(self.precision, resolve_device(self.device))
        return tuning.Tail(network, None, maps, precision)

    def _new_head(self, n_classes):
        if self._head == "linear":
            return nn.Linear(self._n_features_out, n_classes)
        head = deepcopy(self._head(self._n_features_out, n_classes))  # it may be one for all fits
        tuning.check_head(head, self._n_features_out, n_classes)
        return head

    def _logits(self, X):
        check_is_fitted(self)
        rows = self._embeddings(self.read_images(X))
        return tuning.logits(self.net_.module_.head, rows)

    def _embeddings(self, images):
        """Return the fine-tuned embeddings."""
        if self._boundary is None:
            # By torch, since compiling takes as long as some hundred images.
            frozen = replace(
                self.frozen_pass(EMBEDDING), backbone=self.tuned_backbone(), engine="torch"
            )
            # In memory even where the cache is a file: nobody else will ever have these weights.
            return self._rows(images, frozen, cache=self.cache and "memory")
        tail, parts = self.net_.module_, []
        for start in range(0, len(images), CHUNK):
            some = images.take(range(start, min(start + CHUNK, len(images))))
            parts.append(self._embed_rows(tail, self._activations(some)))
        return np.concatenate(parts)

    def _embed_rows(self, tail, activations):
        return tuning.embed_rows(tail, activations, self.frozen_pass(EMBEDDING).chunk_size)

    def tuned_backbone(self):
        if self._whole is None:
            self._whole = tuning.tuned_backbone(self._pretrained(), self._tensors)
        return self._whole

    def _activations(self, images):
        """Return what the frozen part hands to the rest of the network."""
        features, shape = self._boundary
        frozen = self.frozen_pass(features)
        rows = self._rows(images, frozen, self.cache, large_in_file=True)
        return rows.reshape(len(images), *shape)

    def first_pass(self, X):
        """Return what `fit` will hand to `embed`."""
        images = self._check_images(X, reset=True)
        self._plan(self._load_backbone())
        # Without a boundary the head begins with the embeddings.
        features, _ = self._boundary or (EMBEDDING, None)
        return FirstPass(images, self.frozen_pass(features), self.cache)

    def _rows(self, images, frozen, cache, **options):
        return embed(images, frozen, cache=cache, verbose=self.verbose, **options)

    def __getstate__(self):
        # Of the networks only the tensors that training changed, and no optimizer.
        state = super().__getstate__()
        return state | {name: None for name in ("_net", "_whole") if name in state}

    def __sklearn_is_fitted__(self):
        return "classes_" in vars(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # float32 whatever comes in
        return tags


def _check_net_params(net_params):
    for name in net_params or ():
        if name in OWN_PARAMS:
            raise ValueError(
                f"net_params={{{name!r}: ...}}: {OWN_PARAMS[name]}. net_params is for what "
                "skorch.NeuralNetClassifier has besides, such as 'optimizer'."
            )
