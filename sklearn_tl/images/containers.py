"""The container X: checked, or refused with an error that says what to pass."""

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy import sparse

from sklearn_tl.images.files import GLOB
from sklearn_tl.images.lazy import files_of_folder
from sklearn_tl.images.pixels import CHANNELS

FORMS = (
    "a list, array or table column of file paths, PIL images, arrays or bytes of files; a numeric "
    "array (n, height, width[, channels]); a torch tensor (n, channels, height, width); or a "
    "dataset whose items are images or (image, label) pairs"
)


def as_items(X: Any, any_channels: bool = False) -> Any:
    """Return `X` as something with a length whose integer positions are single images.

    Parameters
    ----------
    X : images
    any_channels : bool, default=False
        Whether arrays may have other numbers of channels than 1, 3 and 4.

    Raises
    ------
    TypeError
        If `X` is not a container of images.
    ValueError
        If `X` has a shape that images cannot have.
    """
    if isinstance(X, str | bytes | os.PathLike | Image.Image):
        kind = "image" if isinstance(X, Image.Image) else "path"
        raise TypeError(
            f"Expected several images, got a single {kind} ({X!r:.80}) instead. Pass [{kind}], or "
            f"the files of a folder: {GLOB}."
        )
    if sparse.issparse(X):
        raise TypeError(
            f"Expected dense images, got a sparse {type(X).__name__} of shape {X.shape} instead. "
            "Pass X.toarray(), and set image_shape to say how a row is read."
        )
    if hasattr(X, "columns") and hasattr(X, "shape"):  # a pandas or polars table
        if 0 in X.shape:
            return []
        if X.shape[1] != 1:
            raise ValueError(
                f"Expected a table of one column, got {X.shape[1]} columns instead. Pass the "
                f"column that has the images, for example X[{str(X.columns[0])!r}]. If the "
                f"columns are pixels, set image_shape. {_plausible_shapes(X.shape[1])}"
            )
        return list(X[X.columns[0]])
    if isinstance(X, torch.Tensor):
        return _check_tensor(X, any_channels)
    files = files_of_folder(X)
    if files is not None:
        return files
    if hasattr(X, "iloc") or isinstance(X, tuple):  # a pandas Series is indexed by label
        return list(X)
    if isinstance(getattr(X, "dtype", None), np.dtype) and hasattr(X, "__getitem__"):
        return _check_array(X, any_channels)  # numpy's, or one that stays on disk (HDF5, zarr)
    if isinstance(X, Mapping | set | frozenset) or not (
        hasattr(X, "__len__") and hasattr(X, "__getitem__")
    ):
        if hasattr(X, "__array__"):
            return as_items(np.asarray(X), any_channels)
        hint = " Pass list(X)." if hasattr(X, "__iter__") else ""
        raise TypeError(f"Expected {FORMS}; got {_a(type(X).__name__)} instead.{hint}")
    return X


def unflatten(X: Any, image_shape: Any) -> Any:
    """Return the rows of a 2-D numeric array as images (n, height, width, channels).

    Raises
    ------
    ValueError
        If `X` is not 2-D, or its rows do not have as many numbers as `image_shape` needs.
    """
    if X.ndim != 2:
        raise ValueError(
            f"X has shape {X.shape}, but image_shape={image_shape!r} reads the rows of a 2-D "
            "array. Leave image_shape out if X is images already."
        )
    shape = (1, X.shape[1]) if image_shape == "strip" else tuple(image_shape)
    if math.prod(shape) != X.shape[1]:
        raise ValueError(
            f"X has {X.shape[1]} features per row, but image_shape={image_shape!r} needs "
            f"{math.prod(shape)}. {_plausible_shapes(X.shape[1])}"
        )
    return X.reshape(len(X), *shape, *((1,) if len(shape) == 2 else ()))


def _check_tensor(X: torch.Tensor, any_channels: bool) -> torch.Tensor:
    if X.ndim == 4 and (any_channels or X.shape[1] in CHANNELS):
        return X
    if X.ndim == 4 and X.shape[3] in CHANNELS:
        hint = "The channels seem to come last: pass X.permute(0, 3, 1, 2)."
    elif X.ndim == 2:
        hint = "For flattened images, pass X.numpy() and set image_shape."
    else:
        hint = "For grey images add the channel: X[:, None]. For a single image pass X[None]."
    raise ValueError(
        f"X is a torch tensor of shape {tuple(X.shape)}, expected (n, channels, height, width) "
        f"with 1, 3 or 4 channels. {hint}"
    )


def _check_array(X: Any, any_channels: bool) -> Any:
    shape, ndim = X.shape, len(X.shape)
    if X.dtype.kind in "OUS":
        if ndim == 2 and shape[1] == 1:  # one column, as ColumnTransformer passes it
            return X[:, 0]
        if ndim == 1:
            return X
        if ndim > 2:
            raise ValueError(
                f"X is an array of dtype {X.dtype} and shape {shape}. Numpy makes such an array "
                "of images of one size, whose own dtype is lost. Pass np.stack(images), or "
                "X.astype(np.uint8) if that was their dtype."
            )
        raise ValueError(
            f"X is an array of dtype {X.dtype} and shape {shape}. Paths, and images of different "
            f"sizes, must come in one dimension or one column. {_flat_hint(shape)}"
        )
    if X.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: X has dtype {X.dtype}. Pass abs(X).")
    if X.dtype.kind not in "buif":
        raise TypeError(f"Expected {FORMS}; got an array of dtype {X.dtype} instead.")
    if ndim == 4 and (any_channels or shape[3] in CHANNELS):
        return X
    looks_single = ndim == 3 and shape[2] in (3, 4) and shape[1] > 4
    if (ndim == 3 and not looks_single) or (ndim > 0 and len(X) == 0):
        return X
    if ndim == 4 and shape[1] in CHANNELS:
        hint = "The channels seem to come first: pass X.transpose(0, 2, 3, 1)."
    elif ndim == 4:
        hint = f"Choose among the {shape[3]} channels, for example channels=(0, 1, 2)."
    elif ndim == 3:
        hint = (
            "This seems to be a single colour image: pass X[None]. If it is a stack of grey "
            "images, pass X[..., None]."
        )
    else:
        hint = _flat_hint(shape)
    raise ValueError(
        f"X is a numeric array of shape {shape}, expected (n, height, width) or "
        f"(n, height, width, channels) with 1, 3 or 4 channels. {hint}"
    )


def _flat_hint(shape: Sequence[int]) -> str:
    if len(shape) == 2:
        return f"If the rows are flattened images, set image_shape. {_plausible_shapes(shape[1])}"
    return "Pass a list even for a single image: [image]."


def _plausible_shapes(n_features: int) -> str:
    shapes = []
    for channels in (1, 3):
        side = round((n_features / channels) ** 0.5)
        if side > 1 and side * side * channels == n_features:
            shapes.append(f"({side}, {side})" if channels == 1 else f"({side}, {side}, 3)")
    shapes.append('"strip" (one line of pixels)')
    return f"With {n_features} features it could be {' or '.join(shapes)}."


def _a(name: str) -> str:
    return f"an {name}" if name[0].lower() in "aeiou" else f"a {name}"
