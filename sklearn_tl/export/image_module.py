"""`to_module`: a fitted model as one module of torch, with its preprocessing."""

from typing import Any

import torch
from torch import nn

from sklearn_tl.export.geometry import TensorPreprocessing
from sklearn_tl.export.linear_steps import layers_of
from sklearn_tl.export.network import Network
from sklearn_tl.export.parts import take_apart


def to_module(model: Any) -> nn.Module:
    """Return a fitted model as one module, from RGB levels to logits.

    The module does not know this package's estimators: it can be saved, moved to a GPU, and passed
    to :func:`torch.export.export` or :func:`torch.compile`.

    Parameters
    ----------
    model : estimator
        A fitted :class:`FineTuneClassifier`, :class:`FineTuneRegressor`,
        :class:`TransferClassifier`, :class:`TransferRegressor` or :class:`ConvFeatureExtractor`, or
        a pipeline of a :class:`ConvFeatureExtractor` and linear steps, such as a StandardScaler, a
        PCA and a LogisticRegression. Of a search, the best estimator is taken.

    Returns
    -------
    module : torch.nn.Module
        In evaluation mode, on the CPU, in float32. It takes images of shape (n, height, width, 3):
        levels from 0 to 255, as uint8 or floats. With `channels` or `value_range`, the images have
        as many channels and such numbers as the model was fitted on. It returns

        - for classes, logits of shape (n, n_classes), whose softmax is `predict_proba`
        - for several labels per image, logits of shape (n, n_labels), whose sigmoid is it
        - for numbers, the values of shape (n, n_targets), in their units
        - for a ConvFeatureExtractor alone, the rows of shape (n, n_features)

    Raises
    ------
    TypeError
        If the model does not take images, or a step is not linear. The message names the step.
    NotFittedError
        If `fit` was not called.

    See Also
    --------
    export_onnx : A file for programs without Python, with any estimator of scikit-learn.

    Examples
    --------
    >>> import torch
    >>> from sklearn_tl import TransferClassifier
    >>> from sklearn_tl.datasets import load_photo_patches
    >>> from sklearn_tl.export import to_module
    >>> patches = load_photo_patches()
    >>> X, y = patches.images[::8], patches.target[::8]
    >>> classifier = TransferClassifier(image_size=96).fit(X, y)
    >>> module = to_module(classifier)
    >>> logits = module(torch.from_numpy(X[:2]))
    >>> bool((classifier.classes_[logits.argmax(1)] == classifier.predict(X[:2])).all())
    True
    """
    parts = take_apart(model)
    network = Network(parts, layers_of(parts) if parts.head is None else parts.head)
    reading, preprocessing = parts.reading, parts.frozen.preprocessing
    return ImageModule(network, preprocessing, reading.channels, reading.value_range)


class ImageModule(nn.Module):
    """A network with the preprocessing that it needs.

    Parameters
    ----------
    network : torch.nn.Module
        Takes levels (n, n_channels, height, width) from 0 to 255.
    preprocessing : Preprocessing
    channels : tuple of int or None
        The channels that are read.
    value_range : (black, white) or None
        The numbers that stand for black and white. None: 0 and 255.
    """

    def __init__(
        self,
        network: nn.Module,
        preprocessing: Any,
        channels: tuple[int, ...] | None,
        value_range: tuple[float, float] | None,
    ) -> None:
        super().__init__()
        self.network = network
        self.preprocessing = TensorPreprocessing.of(preprocessing)
        self.channels, self.value_range = channels, value_range
        self.eval()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits, the values or the rows of images (n, height, width, n_channels)."""
        n_channels = self.preprocessing.n_channels
        if images.ndim != 4 or (self.channels is None and images.shape[-1] != n_channels):
            raise ValueError(
                f"Found images of shape {tuple(images.shape)}, expected (n, height, width, "
                f"{n_channels}): the channels come last."
            )
        if self.channels is not None:
            images = images[..., list(self.channels)]
        if self.value_range is not None:
            black, white = self.value_range
            images = (images.to(torch.float32) - black) / (white - black)
        elif images.dtype != torch.uint8:
            images = images.to(torch.float32) / 255
        if self.preprocessing.crop_mode == "tiles":
            boxes = self.preprocessing.boxes(*images.shape[1:3])
            tiles = [self._levels(images[:, t:b, left:r]) for t, b, left, r in boxes]
            return self.network(torch.stack(tiles, dim=1))
        return self.network(self._levels(images))

    def _levels(self, images: torch.Tensor) -> torch.Tensor:
        return self.preprocessing.levels(images).movedim(-1, -3).to(torch.float32)  # type: ignore[arg-type]
