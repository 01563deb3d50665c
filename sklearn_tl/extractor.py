"""`ConvFeatureExtractor`: embeddings of a frozen network, as a scikit-learn transformer."""

import os
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_tl._base import BackboneEstimator
from sklearn_tl._utils import check_option, fit_context
from sklearn_tl.backbones import POOLINGS
from sklearn_tl.embedding import FirstPass, embed


class ConvFeatureExtractor(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BackboneEstimator):
    """Turn images into the embeddings of a frozen, pretrained convolutional network.

    Put it in front of a linear classifier: with few labelled images that is the form of transfer
    learning that overfits least. The rows need no ``StandardScaler``, which costs accuracy with few
    images. Each image is run through the network once; the rows are cached by the content of the
    image and by every setting that they depend on, so that folds, clones and candidates of a
    search share them.

    `fit` looks at no pixel values and learns nothing from the data. It checks the parameters and
    the form of `X`, and loads the backbone. (Flat rows, see `image_shape`, are also checked for
    NaN and infinity then, as scikit-learn does.)

    Parameters
    ----------
    backbone : str, torch.nn.Module or callable, default="efficientnet_lite0"
        The network: a name from :func:`list_backbones`; a module of your own, which is copied;
        or a function without arguments that returns one. The default needs no network access.
        A network of your own gets RGB images normalised as torchvision's ImageNet weights want
        them, unless it has an attribute `transforms` that holds another
        preset, such as ``ResNet18_Weights.DEFAULT.transforms()``.
    weights : str, path or None, default="default"
        "default"; a name such as "IMAGENET1K_V1"; the path of a state dict (``.pth`` or
        ``.safetensors``), of which nothing but tensors is read; or None for random weights, the
        same each time. ResNet-50's newer weights, which are its default, classify ImageNet better
        and transfer worse than "IMAGENET1K_V1" [1]_.
    layer : str, sequence of str or None, default=None
        The layer whose activations are the features, or several whose features are put side by
        side. None is the embedding that the network hands to its own classifier. Layers after
        the last one asked for are not run. ``list_backbones(name, layers=True)`` lists them.
    pooling : {"avg", "max", "avgmax", "flatten"}, default="avg"
        How an activation map becomes a vector: its mean, its maximum, both, or all of it. With
        `layer=None` and another pooling than "avg", the last layer of the list is taken, since
        the embedding has been through the network's own pooling.
    image_size : int, (height, width), "native" or None, default=None
        Size of the network's input in pixels: an image is scaled and cropped at the centre. None
        is the size that the weights were trained at. "native" leaves each image at its own size;
        lower `batch_size` then for large photographs, of which some batches are in memory at once.
    image_shape : (height, width), (height, width, channels), "strip" or None, default=None
        How to read the rows of a two-dimensional `X`. "strip" reads each row as one line of
        pixels (a spectrum, a time series), which is stretched over the whole input.
    value_range : (black, white) or None, default=None
        The numbers in arrays and in 16-bit, 32-bit and floating-point files that stand for black
        and white. None: 0 to 255 for uint8, 0 to 65535 for uint16, False and True, and 0 to 1 for
        floats, where other numbers are an error. An explicit range is applied as a linear map and
        not checked.
    draft : bool, default=True
        Whether JPEG files much larger than the network's input are decoded at a half, a quarter or
        an eighth of their size, but not below twice what is needed. That is faster, and moves
        features by up to 2 % of the largest. False decodes all of them in full.
    cache : "memory", path or None, default="memory"
        Where rows are kept: in the process's memory (at most 1 GiB, least recently used first
        out), in a file that processes and sessions share, or nowhere. A path of a folder means a
        file in it. Use a path with searches that have ``n_jobs`` > 1.
    batch_size : int, default=32
        The most images that go through the network at once. A CPU takes fewer, and as many of
        these chunks at the same time as it has cores: 4 images at 224 x 224 pixels, 32 at 64 x 64.
        A GPU without the memory for so many gets half of them, with a warning.
    device : str or torch.device, default="auto"
        "auto" takes a GPU (CUDA, then Apple's) where there is one, else the CPU.
    precision : {"auto", "float32", "bfloat16"}, default="float32"
        bfloat16 is up to twice as fast where the processor or GPU computes in it, and moves an
        embedding: of the default backbone by some 4 % of its length, of ResNets by 0.5 %. "auto"
        takes it there and nowhere else.
    engine : {"auto", "torch", "openvino"}, default="torch"
        What runs the network on a CPU. OpenVINO, an extra, is faster and takes some
        seconds to begin; its features are equal to 1e-4 of the largest. "auto" is OpenVINO where
        it is installed. Where it cannot run a network, torch does, with a warning.
    n_jobs : int or None, default=None
        Number of processes among which :meth:`transform` divides the images that are not cached.
        None is 1 unless in a :func:`joblib.parallel_config` context.
    verbose : int, default=0
        With 1, show a progress bar, which also says how many rows came from the cache.

    Attributes
    ----------
    backbone_fingerprint_ : str
        SHA-256 over the architecture and the weights. A pickled extractor holds this and not the
        network; it raises a ValueError if what loads later is another.
    n_features_in_ : int
        Number of features of flat rows or of a table. Only set for those.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if `X` is a table. Only set for those.

    See Also
    --------
    list_backbones : The names that `backbone` takes, and their layers.
    clear_cache : Forget the rows.

    Notes
    -----
    Accepted as `X`: a list, object array, series or one-column table of file paths, PIL images
    and arrays, also mixed; numeric arrays of shape (n, height, width) or (n, height, width,
    channels); torch tensors (n, channels, height, width); flat rows with `image_shape`; any
    dataset with a length whose items are images or (image, label) pairs. Of an animation the
    first frame is read; what is transparent lies on white.

    References
    ----------
    .. [1] Kornblith, Shlens & Le, "Do Better ImageNet Models Transfer Better?", CVPR 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tl import ConvFeatureExtractor
    >>> images = np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), dtype=np.uint8)
    >>> ConvFeatureExtractor().fit_transform(images).shape
    (2, 1280)
    >>> ConvFeatureExtractor(layer=["blocks.2", "blocks.4"]).fit_transform(images).shape
    (2, 152)
    """

    _parameter_constraints = BackboneEstimator._parameter_constraints | {
        "layer": [str, list, tuple, None],
        "pooling": [str],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        backbone: str | nn.Module | Callable[[], nn.Module] = "efficientnet_lite0",
        *,
        weights: str | os.PathLike | None = "default",
        layer: str | Sequence[str] | None = None,
        pooling: str = "avg",
        image_size: int | tuple[int, int] | str | None = None,
        image_shape: tuple[int, ...] | str | None = None,
        value_range: tuple[float, float] | None = None,
        draft: bool = True,
        cache: str | os.PathLike | None = "memory",
        batch_size: int = 32,
        device: str | torch.device = "auto",
        precision: str = "float32",
        engine: str = "torch",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.backbone = backbone
        self.weights = weights
        self.layer = layer
        self.pooling = pooling
        self.image_size = image_size
        self.image_shape = image_shape
        self.value_range = value_range
        self.draft = draft
        self.cache = cache
        self.batch_size = batch_size
        self.device = device
        self.precision = precision
        self.engine = engine
        self.n_jobs = n_jobs
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters and the form of `X`, and load the backbone.

        Parameters
        ----------
        X : images
            See the notes of the class. No pixel is looked at.
        y : None
            Ignored, present for the API of scikit-learn.

        Returns
        -------
        self : ConvFeatureExtractor
            The fitted extractor.

        Raises
        ------
        ValueError, TypeError
            If a parameter is wrong or `X` is no container of images.
        OSError
            If the weights are not on this machine and cannot be downloaded.
        """
        self._check_images(X, reset=True)
        check_option("pooling", self.pooling, POOLINGS)
        if self.pooling == "flatten" and self.image_size == "native":
            raise ValueError(
                'pooling="flatten" makes rows as long as the image is large, so that it needs one '
                'image_size for all. Take pooling="avg", or set image_size.'
            )
        backbone = self._load_backbone()
        layers = backbone.resolve_layers(self.layer)
        if not layers and self.pooling != "avg":
            layers = (backbone.layers[-1],)
        # As fitted, whatever set_params does later.
        self._features = tuple((layer, self.pooling) for layer in layers or (None,))
        self._n_features_out = sum(self.frozen_pass(self._features).lengths())
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the embeddings of `X`.

        Parameters
        ----------
        X : images
            See the notes of the class.

        Returns
        -------
        X_out : ndarray of shape (n_images, n_features_out)
            C-contiguous, of dtype float32.

        Raises
        ------
        ValueError, TypeError, OSError
            If an image cannot be read; the message names its position in `X`, and its path.
        NotFittedError
            If `fit` was not called.
        """
        check_is_fitted(self)
        images = self.read_images(X)
        return embed(
            images,
            self.frozen_pass(self._features),
            cache=self.cache,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
        )

    def first_pass(self, X):
        """Return what `transform` will hand to `embed`."""
        images = self.fit(X).read_images(X)
        return FirstPass(images, self.frozen_pass(), self.cache)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # float32 whatever comes in
        return tags
