"""Class weights in training: how often an epoch draws the images of each class."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn


class DrawByWeight(torch.utils.data.Sampler):
    """Draws each image as often per epoch as its weight says; chance decides about fractions.

    As factors on the loss, large weights are of little use: few batches contain an image of a rare
    class, and the gradients of those batches are clipped. With equal weights this is a shuffle.

    Parameters
    ----------
    weights : ndarray of shape (n_images,)
    """

    def __init__(self, weights: np.ndarray) -> None:
        self.weights = torch.from_numpy(weights / weights.mean())

    def __len__(self) -> int:
        return len(self.weights)

    def __iter__(self) -> Iterator[int]:
        n = len(self)
        order = torch.randperm(n)
        ends = self.weights[order].cumsum(0)
        drawn = torch.searchsorted(ends, torch.arange(n) + torch.rand(1, dtype=ends.dtype))
        return iter(order[drawn.clamp(max=n - 1)][torch.randperm(n)].tolist())


class ValidationWeighted(nn.CrossEntropyLoss):
    """Weights the loss of held-out images only, since those are not drawn by weight."""

    def forward(self, logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the mean loss."""
        weight, smoothing = None if self.training else self.weight, self.label_smoothing
        return nn.functional.cross_entropy(logits, y, weight, label_smoothing=smoothing)
