"""Raw pixels as rows: what embeddings must beat, and what copies of an image are told by."""

import numpy as np
import torch

from sklearn_tl.embedding.frozen_pass import ROWS_VERSION
from sklearn_tl.images import Preprocessing

SIDE = 32  # pixels; larger images make a linear classifier slower and no better


class PixelPass:
    """The `RowPass` whose rows are the pixels themselves: no network runs."""

    name = "raw pixels"
    batch_size = chunk_size = 32
    on_cpu = True

    def __init__(self, n_channels: int = 3) -> None:
        mean, std = (0.0,) * n_channels, (1.0,) * n_channels
        self.preprocessing = Preprocessing((SIDE, SIDE), (SIDE, SIDE), mean, std, draft=True)

    @property
    def settings(self) -> tuple:
        """Everything that a row depends on, except the image."""
        return ROWS_VERSION, self.preprocessing

    def keys(self) -> list[bytes]:
        """Return a list of one key, which contains all settings."""
        return [repr((self.name, *self.settings)).encode()]

    def lengths(self) -> list[int]:
        """Return the number of features, in a list."""
        return [self.preprocessing.n_channels * SIDE**2]

    def prepare(self) -> None:
        """Do nothing, since no network has to be compiled."""

    def compute_rows(self, levels: torch.Tensor) -> np.ndarray:
        """Return images, levels (n, height, width, n_channels), as rows of numbers from 0 to 1."""
        return levels.flatten(1).numpy().astype(np.float32) / 255
