"""Weights of images."""

import math
import warnings
from numbers import Real
from typing import Any

import numpy as np


def check_class_weights(class_weight: Any, zero: bool) -> None:
    """Raise a ValueError unless the values of a `class_weight` are weights.

    Parameters
    ----------
    class_weight : dict
    zero : bool
        Whether a weight may be zero.
    """
    for label, value in class_weight.items():
        if not isinstance(value, Real) or not 0 <= float(value) < math.inf:
            raise ValueError(
                f"class_weight has {value!r} for {label!r}, but a weight must be "
                f"{'0 or ' if zero else ''}a positive number."
            )
        if value == 0 and not zero:
            raise ValueError(
                f"class_weight has 0 for {label!r}, but with several labels per image a weight "
                "must be a positive number: nothing can be learned from images that all have a "
                "label, or all lack it."
            )


def check_weights(sample_weight: Any, n_images: int) -> np.ndarray:
    """Return one weight per image, as float64.

    Parameters
    ----------
    sample_weight : array-like of shape (n_images,), float or None
        None and a single number give every image the same weight.
    n_images : int

    Raises
    ------
    ValueError
        If there is not one weight per image, or a weight is negative or not a finite number, or
        all weights are zero.
    """
    if sample_weight is None:
        return np.ones(n_images)
    try:
        weight = np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"sample_weight must be numbers: {error}.") from error
    if weight.ndim == 0:
        weight = np.full(n_images, weight)
    if weight.shape != (n_images,):
        raise ValueError(
            f"Found sample_weight of shape {weight.shape}. Sample weights must be 1D array or "
            f"scalar: expected one weight for each of the {n_images} images."
        )
    for i in np.flatnonzero(~(np.isfinite(weight) & (weight >= 0))):
        raise ValueError(
            f"sample_weight[{i}] is {weight[i]:g}, but a weight must be 0 or a positive number. "
            "A weight of 0 leaves an image out."
        )
    if not weight.any():
        raise ValueError(
            f"All {n_images} weights in sample_weight are zero. Expected a positive weight for at "
            "least one image."
        )
    return weight


def check_weights_of_fit(sample_weight: Any, n_images: int) -> np.ndarray:
    """Return one weight per image, as `check_weights` does, and warn if they are shares."""
    weight = check_weights(sample_weight, n_images)
    total, n_used = weight.sum(), np.count_nonzero(weight)
    if total < n_used / 10:
        warnings.warn(
            f"The weights of the {n_used} images sum to {total:.3g}. A weight of 1 stands for one "
            f"image, so the model is regularised as for {total:.3g} images. If the weights are "
            "shares, pass sample_weight / sample_weight.mean().",
            stacklevel=6,  # where the user calls fit
        )
    return weight
