"""Rows are brought to one length, layer by layer, before a linear model sees them."""

import numpy as np

from sklearn_tl.embedding.frozen_pass import FrozenPass

NORMALIZATIONS = ("l2", "power")


def normalize_parts(rows: np.ndarray, frozen: FrozenPass, normalization: str | None) -> None:
    """Normalise the features of each layer in place.

    "power" is the signed square root, followed by "l2": Perronnin et al., "Improving the Fisher
    Kernel for Large-Scale Image Classification" (ECCV 2010).

    Parameters
    ----------
    rows : ndarray of shape (n_images, n_features)
        The features of several layers side by side.
    frozen : FrozenPass
        The pass that made the rows. The means and the maxima of a layer are normalised separately.
    normalization : {"l2", "power"} or None
        "l2" divides the features of a layer by their Euclidean norm. "power" takes their square
        roots first and keeps the signs, so that a few large features do not outweigh the others.
        None leaves the rows as they are.
    """
    if normalization is None:
        return
    lengths: list[int] = []
    for (_, pooling), length in zip(frozen.features, frozen.lengths(), strict=True):
        lengths += [length // 2] * 2 if pooling == "avgmax" else [length]
    stops = np.cumsum(lengths)
    for start, stop in zip(stops - lengths, stops, strict=True):
        part = rows[:, start:stop]
        if normalization == "power":
            np.copysign(np.sqrt(np.abs(part)), part, out=part)
        norms = np.linalg.norm(part, axis=1, keepdims=True)
        np.divide(part, norms, out=part, where=norms > 0)
