"""Weights in training: how often an epoch draws each image."""

from collections.abc import Iterator

import numpy as np
import torch


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
