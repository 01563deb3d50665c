"""Raw pixels as rows: the lowest score that embeddings must beat."""

import os
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_array

from sklearn_tl._choices import MAX_PIXELS
from sklearn_tl._utils import fit_context
from sklearn_tl.embedding import FirstPass, PixelPass, embed
from sklearn_tl.images import CONSTRAINTS, ImageSequence, Reading, as_images


class RawPixels(TransformerMixin, BaseEstimator):
    """Turn images into rows of 32 x 32 RGB pixels from 0 to 1.

    Each image is scaled and cropped at the centre. A linear classifier on these rows shows how much
    can be learned without any network.

    Parameters
    ----------
    cache : "memory", path or None, default="memory"
        Where rows are kept. See :class:`sklearn_tl.ConvFeatureExtractor`.
    image_shape : (height, width), (height, width, channels), "strip" or None, default=None
        How to read the rows of a two-dimensional `X`.
    value_range : (black, white) or None, default=None
        The numbers in arrays and in 16-bit, 32-bit and floating-point files that stand for black
        and white.
    channels : tuple of int or None, default=None
        The channels that are read, counted from 0, in this order. See
        :class:`sklearn_tl.ConvFeatureExtractor`.
    page : int, "mean", "max" or None, default=None
        Which page of a file is read. See :class:`sklearn_tl.ConvFeatureExtractor`.
    loader : callable or None, default=None
        Turns an item of `X` into an image. See :class:`sklearn_tl.ConvFeatureExtractor`.
    max_pixels : int or None, default=89478485
        The largest number of pixels to which a file is decoded. None means no limit.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tl.comparison import RawPixels
    >>> RawPixels().fit_transform(np.zeros((2, 48, 64, 3), dtype=np.uint8)).shape
    (2, 3072)
    """

    _parameter_constraints = {
        "cache": [str, os.PathLike, None],
        **CONSTRAINTS,
    }

    def __init__(
        self,
        cache: str | os.PathLike | None = "memory",
        *,
        image_shape: tuple[int, ...] | str | None = None,
        value_range: tuple[float, float] | None = None,
        channels: tuple[int, ...] | None = None,
        page: int | str | None = None,
        loader: Callable[[Any], Any] | None = None,
        max_pixels: int | None = MAX_PIXELS,
    ) -> None:
        self.cache = cache
        self.image_shape = image_shape
        self.value_range = value_range
        self.channels = channels
        self.page = page
        self.loader = loader
        self.max_pixels = max_pixels

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters and the form of `X`. Nothing is learned.

        Parameters
        ----------
        X : images
            In any form that :class:`sklearn_tl.ConvFeatureExtractor` takes.
        y : None
            Not used.

        Returns
        -------
        self : RawPixels

        Raises
        ------
        ValueError, TypeError
            If a parameter is wrong, or `X` is empty or not a collection of images.
        """
        self.read_images(X)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the pixels of each image.

        Parameters
        ----------
        X : images
            In any form that :class:`sklearn_tl.ConvFeatureExtractor` takes.

        Returns
        -------
        X_out : ndarray of shape (n_images, 1024 * n_channels)
            Numbers from 0 to 1; float32.

        Raises
        ------
        ValueError, TypeError, OSError
            If an image cannot be read. The message names its position in `X`, and its path.
        """
        images, pixels, cache = self.first_pass(X)
        return embed(images, pixels, cache=cache)

    def read_images(self, X: Any) -> ImageSequence:
        """Return `X` as this transformer reads it."""
        if self.image_shape is not None:
            X = check_array(X, allow_nd=True)
        return as_images(X, Reading.of(self.get_params(deep=False)))

    def first_pass(self, X: Any) -> FirstPass:
        """Return what `transform` passes to `embed`."""
        n_channels = Reading.of(self.get_params(deep=False)).n_channels
        return FirstPass(self.read_images(X), PixelPass(n_channels), self.cache)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.two_d_array = self.image_shape is not None
        tags.input_tags.three_d_array = self.image_shape is None
        tags.input_tags.string = self.image_shape is None
        return tags
