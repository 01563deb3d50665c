"""The features of several layers as one matrix, in which earlier layers count less."""

from collections.abc import Sequence

import numpy as np


def layer_scales(n_layers: int, layer_decay: float) -> np.ndarray:
    """Return the factors (n_layers,) on the normalised features of each layer.

    The squares of the features of a layer sum to `layer_decay` times those of the next layer, and
    those of all layers to 1. So a regularization strength means the same for any `layer_decay`.
    """
    shares = layer_decay ** np.arange(n_layers - 1.0, -1.0, -1.0)
    return np.sqrt(shares / shares.sum())


def scaled_layers(rows: np.ndarray, lengths: Sequence[int], layer_decay: float) -> np.ndarray:
    """Return rows in which earlier layers count less, as float64.

    Parameters
    ----------
    rows : ndarray of shape (n_images, n_features)
        The normalised features of several layers side by side, from input to output.
    lengths : sequence of int
        The number of features per layer.
    layer_decay : float
        0 returns the features of the last layer alone.
    """
    if layer_decay == 0:
        return rows[:, -lengths[-1] :].astype(np.float64)
    return rows * np.repeat(layer_scales(len(lengths), layer_decay), lengths)
