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
from sklearn_tl._choices import MAX_PIXELS
from sklearn_tl._utils import StrOptions, check_option, fit_context, fork_safe
from sklearn_tl.backbones import POOLINGS
from sklearn_tl.embedding import (
    NORMALIZATIONS,
    FirstPass,
    all_features,
    embed,
    image_reader,
    normalize_parts,
)


class ConvFeatureExtractor(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BackboneEstimator):
    """Turn images into the embeddings of a frozen, pretrained network.

    Put the extractor in front of a linear classifier: with few labelled images, this is the form of
    transfer learning that overfits least. Leave out ``StandardScaler``, which lowers the accuracy
    if there are few images. Each image goes through the network once. The rows are cached by the
    content of the image and by every setting that they depend on, so folds, clones and candidates
    of a search share them.

    `fit` learns nothing from the images and does not read their pixels. It checks the parameters
    and the form of `X`, and loads the backbone. Flat rows (see `image_shape`) are also checked for
    NaN and infinity, as in scikit-learn.

    Parameters
    ----------
    backbone : str, torch.nn.Module or callable, default="efficientnet_lite0"
        The network: a name from :func:`list_backbones`, your own module, which is copied, or a
        function that takes no arguments and returns a module. The default needs no network access.
        Your own network gets RGB images normalised for torchvision's ImageNet weights, unless it
        has an attribute `transforms` with another preset, such as
        ``ResNet18_Weights.DEFAULT.transforms()``.
    weights : str, path or None, default="default"
        "default"; a name such as "IMAGENET1K_V1"; the path of a state dict (``.pth`` or
        ``.safetensors``), from which only tensors are read; or None for random weights, which
        are the same each time. For ResNet-50, "IMAGENET1K_V1" transfers better than the default
        weights, although the default weights classify ImageNet better [1]_.
    layer : str, sequence of str, "all" or None, default=None
        The layer whose activations become the features, or several layers whose features are put
        side by side. "all" is every layer that ``list_backbones(name, layers=True)`` lists, and the
        embedding. None is the embedding alone: what the network passes to its own classifier.
        Layers after the last requested one do not run.
    pooling : {"avg", "max", "avgmax", "flatten", "cls", "patch", "cls+patch"}, default="avg"
        How an activation becomes a vector: by its mean, its maximum, both, or as a whole. The last
        three are for the tokens of a transformer: the class token, the mean of the tokens of image
        patches, or both side by side. Tokens that stand for no patch do not count in means and
        maxima. With `layer=None` and a pooling other than "avg", the last layer that
        `list_backbones` lists is used, since the embedding has already gone through the network's
        own pooling.
    normalization : {"l2", "power"} or None, default=None
        How the features of each layer are scaled before they are put side by side. "l2" divides
        them by their Euclidean norm, which makes all layers count equally; with
        ``pooling="avgmax"``, the means and the maxima are scaled separately. "power" takes the
        square root of each feature first and keeps its sign [2]_, so that a few large features do
        not outweigh the others. Rows are cached before they are normalised, so both share a pass.
    image_size : int, (height, width), "native" or None, default=None
        Size of the network's input in pixels. An image is scaled to cover it and cropped at the
        centre; for a few networks of timm it is stretched or framed instead, as their weights
        need. The positions of timm's transformers are resampled for another size. None is the size
        at which the weights were trained. "native" keeps each image at its own size. If these
        images are large, lower `batch_size`, since several batches are in memory at once.
    resize_mode : {"crop", "pad", "squash", "tiles"}, default="crop"
        How a wide or tall image becomes as large as the input. "crop" is the preprocessing of the
        weights: the network sees the centre. "pad" scales the image to fit into the input, and the
        rest has the mean colour. "squash" stretches it to the input. "tiles" covers the image with
        as many inputs as it takes, at most 16, and the embedding is the mean of their embeddings;
        the time grows with their number. A line of pixels (see `image_shape`) is always stretched.
    image_shape : (height, width), (height, width, channels), "strip" or None, default=None
        How to read the rows of a two-dimensional `X`. "strip" reads each row as one line of pixels
        (a spectrum or a time series), which is stretched over the whole input.
    value_range : (black, white) or None, default=None
        The numbers that stand for black and white, in arrays and in files with 16 or 32 bits or
        floating-point numbers. With None, uint8 runs from 0 to 255, uint16 from 0 to 65535, bool
        from False to True, and floats from 0 to 1; other numbers are an error. An explicit
        range is applied as a linear map, without a check.
    channels : tuple of int or None, default=None
        The channels that are read, counted from 0, in this order, for example ``(3, 0, 1)``. None
        reads grey and RGB, and lays transparent pixels over white. If their number is not 3, the
        first convolution of a named network is adapted to it; your own network must take it.
    page : int, "mean", "max" or None, default=None
        Which page of a TIFF file, or frame of an animation, is read: its number from 0, or the mean
        or the maximum of all. None is the first, with a warning if there are others.
    loader : callable or None, default=None
        A function that turns an item of `X` into an image, in any form of an item. It runs in
        every call, even if the row is in the cache.
    max_pixels : int or None, default=89478485
        Files that would be decoded to more pixels are refused before they are decoded. None reads
        files of any size. ``PIL.Image.MAX_IMAGE_PIXELS`` is not used.
    draft : bool, default=True
        Whether JPEG files that are much larger than the network's input are decoded at a half, a
        quarter or an eighth of their size, but not below twice the required size. This is faster
        and changes features by up to 2 % of the largest absolute value in a row. False decodes all
        files in full.
    cache : "memory", path or None, default="memory"
        Where rows are kept: in memory (at most 1 GiB per process; the least recently used rows are
        dropped first), in a file that processes and sessions share, or nowhere. If the path is a
        folder, the file is created in it. Use a path for searches with ``n_jobs`` > 1.
    batch_size : int, default=32
        The maximum number of images that go through the network at once. On a CPU each core takes
        smaller chunks: 4 images of 224 x 224 pixels, 32 of 64 x 64. If a GPU has too little
        memory for a batch, the batch is halved, with a warning.
    device : str or torch.device, default="auto"
        "auto" is a GPU (CUDA, then Apple's) if there is one, and otherwise the CPU.
    precision : {"auto", "float32", "bfloat16"}, default="float32"
        bfloat16 is up to twice as fast on hardware that supports it. It changes the embeddings of
        the default backbone by about 4 % of their length, and those of ResNets by about 0.5 %.
        "auto" uses it only on hardware that supports it.
    engine : {"auto", "torch", "openvino"}, default="torch"
        What runs the network on a CPU. OpenVINO, an extra, is faster but takes several seconds to
        start; its features differ by up to 1e-4 of the largest absolute value in a row. "auto" is
        OpenVINO if it is installed. If OpenVINO cannot run a network, torch runs it, with a
        warning.
    n_jobs : int or None, default=None
        Number of processes in :meth:`transform` that share the images that are not cached. None is
        1 unless in a :func:`joblib.parallel_config` context.
    verbose : int, default=0
        1 shows a progress bar, which also says how many rows came from the cache.

    Attributes
    ----------
    backbone_fingerprint_ : str
        SHA-256 of the architecture and the weights. A pickled extractor contains this fingerprint
        and not the network. If a different network is loaded later, a ValueError is raised.
    n_features_in_ : int
        Number of features of flat rows or of a table. Only set for those.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns if `X` is a table. Only set for tables.

    See Also
    --------
    list_backbones : The names that `backbone` accepts, and their layers.
    clear_cache : Remove the rows.

    Notes
    -----
    `X` may be a list, object array, series or one-column table of file paths, PIL images and
    arrays, or a mixture of them; a numeric array of shape (n_images, height, width) or (n_images,
    height, width, channels); a torch tensor of shape (n_images, channels, height, width); flat rows
    with `image_shape`; or any dataset with a length whose items are images or (image, label) pairs.
    Items may also be the bytes of files, open files, URLs, or dicts with "bytes", "path" or
    "image". What is guessed or left out comes as an :class:`ImageWarning`, once per call.

    Parameters changed by `set_params` after `fit` wait for the next fit, except for `cache`,
    `batch_size`, `device`, `engine`, `max_pixels`, `n_jobs` and `verbose`, which take effect at
    once.

    References
    ----------
    .. [1] Kornblith, Shlens & Le, "Do Better ImageNet Models Transfer Better?", CVPR 2019.
    .. [2] Perronnin, Sánchez & Mensink, "Improving the Fisher Kernel for Large-Scale Image
       Classification", ECCV 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tl import ConvFeatureExtractor
    >>> images = np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), dtype=np.uint8)
    >>> ConvFeatureExtractor().fit_transform(images).shape
    (2, 1280)
    >>> ConvFeatureExtractor(layer=["blocks.2", "blocks.4"]).fit_transform(images).shape
    (2, 152)
    >>> ConvFeatureExtractor(layer="all", normalization="power").fit_transform(images).shape
    (2, 2096)
    """

    _normalization: str | None = None  # of a model file that is older than this attribute
    _parameter_constraints = BackboneEstimator._parameter_constraints | {
        "layer": [str, list, tuple, None],
        "pooling": [str],
        "normalization": [StrOptions(set(NORMALIZATIONS)), None],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        backbone: str | nn.Module | Callable[[], nn.Module] = "efficientnet_lite0",
        *,
        weights: str | os.PathLike | None = "default",
        layer: str | Sequence[str] | None = None,
        pooling: str = "avg",
        normalization: str | None = None,
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
        self.normalization = normalization
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
        self.batch_size = batch_size
        self.device = device
        self.precision = precision
        self.engine = engine
        self.n_jobs = n_jobs
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    @fork_safe
    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters and the form of `X`, and load the backbone.

        Parameters
        ----------
        X : images
            See the notes of the class. No pixel is read.
        y : None
            Ignored. It exists for compatibility with scikit-learn.

        Returns
        -------
        self : ConvFeatureExtractor
            The fitted extractor.

        Raises
        ------
        ValueError, TypeError
            If a parameter is wrong or `X` is not a container of images.
        OSError
            If the weights are not on this machine and cannot be downloaded.
        """
        self._begin_fit(X)
        check_option("pooling", self.pooling, POOLINGS)
        if self.pooling == "flatten" and self.image_size == "native":
            raise ValueError(
                'pooling="flatten" needs one image_size, since the length of a row follows from '
                'the size of the image. Set pooling="avg", or set image_size.'
            )
        backbone = self._pretrained()
        if self.layer == "all":
            self._features = all_features(self.frozen_pass(), self.pooling)
        else:
            layers: tuple[str | None, ...] = backbone.resolve_layers(self.layer)
            if not layers and self.pooling != "avg":
                layers = (backbone.layers[-1],)
            self._features = tuple((layer, self.pooling) for layer in layers or (None,))
        self._normalization = self.normalization
        self._n_features_out = sum(self.frozen_pass().lengths())
        return self

    @fork_safe
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
            If an image cannot be read. The message names its position in `X` and its path.
        NotFittedError
            If `fit` was not called.
        """
        check_is_fitted(self)
        images, frozen = self.read_images(X), self.frozen_pass()
        rows = embed(images, frozen, cache=self.cache, n_jobs=self.n_jobs, verbose=self.verbose)
        normalize_parts(rows, frozen, self._normalization)
        return rows

    def first_pass(self, X: Any) -> FirstPass:
        """Fit on `X` and return the frozen pass of `transform`, to fill a cache beforehand.

        Parameters
        ----------
        X : images
            See the notes of the class.

        Returns
        -------
        first : FirstPass
            The images of `X`, the pass, and the cache.
        """
        images = self.fit(X).read_images(X)
        return FirstPass(images, self.frozen_pass(), self.cache)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # float32, whatever the input is
        return tags


def extractor_of(model: Any) -> ConvFeatureExtractor | None:
    """Return an extractor with the backbone of a model, and its way of reading images.

    Parameters
    ----------
    model : estimator

    Returns
    -------
    extractor : ConvFeatureExtractor or None
        Not fitted. None if the model has no backbone, for example if it learns from raw pixels.
    """
    reader: Any = image_reader(model)
    known = ConvFeatureExtractor().get_params(deep=False)
    given = {} if reader is None else reader.get_params(deep=False)
    if "backbone" not in given:
        return None
    return ConvFeatureExtractor(**{name: given[name] for name in given if name in known})
