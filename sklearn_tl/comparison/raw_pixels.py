"""Raw pixels as rows: the floor, which embeddings have to beat."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from sklearn_tl.embedding import ROWS_VERSION, embed
from sklearn_tl.images import Preprocessing, as_images

SIDE = 32  # pixels; larger images make a linear classifier slower and no better


class PixelPass:
    """What `embedding.FrozenPass` is to a network, for the pixels themselves."""

    preprocessing = Preprocessing((SIDE, SIDE), (SIDE, SIDE), (0,) * 3, (1,) * 3, draft=True)
    name = "raw pixels"
    batch_size = chunk_size = 32
    on_cpu = True

    @property
    def settings(self):
        """Everything besides the image that a row depends on."""
        return ROWS_VERSION, self.preprocessing

    def keys(self):
        """Name what a row depends on, in a list."""
        return [repr((self.name, *self.settings)).encode()]

    def lengths(self):
        """Return the number of features, in a list."""
        return [3 * SIDE**2]

    def rows(self, batch):
        """Return images, levels (n, height, width, 3), as rows of numbers from 0 to 1."""
        return batch.flatten(1).numpy().astype(np.float32) / 255


class RawPixels(TransformerMixin, BaseEstimator):
    """Turn images into rows of 32 x 32 RGB pixels from 0 to 1.

    Parameters
    ----------
    cache : "memory", path or None, default="memory"
        Where rows are kept, see :class:`sklearn_tl.ConvFeatureExtractor`.
    """

    def __init__(self, cache: Any = "memory") -> None:
        self.cache = cache

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the form of `X`."""
        as_images(X)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the pixels of `X`, of shape (n_images, 3072) and dtype float32."""
        images, pixels, cache = self.first_pass(X)
        return embed(images, pixels, cache=cache)

    def first_pass(self, X):
        """Return what `transform` hands to `embed`."""
        return as_images(X), PixelPass(), self.cache

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags
