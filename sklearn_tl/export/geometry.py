"""The package's preprocessing for tensors, which need not be in memory as arrays."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import torch

from sklearn_tl.images import Preprocessing

LONGEST = 4  # times its other side, in units of the input: more of an image is cut off


@dataclass(frozen=True)
class TensorPreprocessing(Preprocessing):
    """`Preprocessing` that takes tensors, on any device and under `torch.export`."""

    @classmethod
    def of(cls, preprocessing: Preprocessing) -> Self:
        """Return the same preprocessing for tensors."""
        return cls(**{f.name: getattr(preprocessing, f.name) for f in fields(preprocessing)})

    def scale(self, pixels: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Return images (n, height, width, n_channels) as (n, n_channels, height, width)."""
        image = pixels.movedim(-1, -3)
        if self.crop is None:
            return image
        height, width = image.shape[-2:]
        if height == 1:  # one line is stretched
            return self.resized(image, self.crop)
        kept = kept_size(self, height, width)
        top, left = (round((n - k) / 2) for n, k in zip((height, width), kept, strict=True))
        image = image[..., top : top + kept[0], left : left + kept[1]]
        return self.resized(image, self.scaled_size(kept, self.resize))

    def boxes(self, height: int, width: int) -> list[tuple[int, int, int, int]]:
        """Return the tiles (top, bottom, left, right) of an image."""
        # The tiles of an image of numbers that count its pixels say where they lie.
        numbers = np.arange(height * width).reshape(height, width, 1)
        boxes = []
        for tile in self.tiles(numbers):
            top, left = divmod(int(tile[0, 0, 0]), width)
            boxes.append((top, top + tile.shape[0], left, left + tile.shape[1]))
        return boxes


def kept_size(preprocessing: Preprocessing, height: int, width: int) -> tuple[int, int]:
    """Return how much of a very long image is kept before it is scaled."""
    if preprocessing.crop_mode != "center":
        return height, width
    target_height, target_width = preprocessing.resize
    tallest = LONGEST * width * target_height // target_width
    widest = LONGEST * height * target_width // target_height
    return min(height, max(tallest, 1)), min(width, max(widest, 1))
