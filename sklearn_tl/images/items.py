"""One item of X: whatever holds an image becomes bytes of a file, a PIL image, or numbers."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image

from sklearn_tl._utils import is_missing
from sklearn_tl.images.pixels import CHANNELS, MAX_BANDS

FORMS = (
    "a file path, a PIL image, an array, the bytes of an image file, an open file, or a dict with "
    '"bytes", "path" or "image"'
)
KEYS = ("bytes", "image", "path")


def unwrapped(item: Any, where: str) -> Any:
    """Return the image in an item that is a dict, or an (image, label) pair.

    Raises
    ------
    TypeError
        If a dict has no image.
    """
    if isinstance(item, tuple) and item:  # (image, label, ...), as datasets return
        item = item[0]
    while isinstance(item, Mapping):  # as libraries of datasets return
        found = [item[key] for key in KEYS if item.get(key) is not None]
        if not found:
            raise TypeError(
                f"{where} is a dict with the keys {list(item)!r:.200}, expected one of "
                f"{', '.join(map(repr, KEYS))}. Name the image by a loader."
            )
        item = found[0]
    return item


def path_of(item: Any) -> str | None:
    """Return the path that an item names, or None if it does not name one."""
    if isinstance(item, tuple) and item:
        item = item[0]
    if isinstance(item, Mapping):
        item = item.get("path")
    if isinstance(item, Image.Image):
        item = getattr(item, "filename", None) or None
    if not isinstance(item, str | os.PathLike):
        return None
    path = os.fspath(item)
    return str(path) if isinstance(path, str) else path  # numpy's text has another repr


def is_file_object(item: Any) -> bool:
    """Tell whether an item is an open file. Arrays and images of other libraries are not."""
    return hasattr(item, "read") and hasattr(item, "seek") and not hasattr(item, "__array__")


def as_array(item: Any, where: str, any_channels: bool = False) -> np.ndarray:
    """Return the numbers of one item of `X`, which is neither a file nor a PIL image.

    Parameters
    ----------
    item : array-like or torch.Tensor
    where : str
        The name of the image in error messages.
    any_channels : bool, default=False
        Whether a tensor may have other numbers of channels than 1, 3 and 4.

    Raises
    ------
    TypeError
        If the item is not an image.
    ValueError
        If the item is nested lists of different lengths, or a tensor that is not an image.
    """
    if isinstance(item, torch.Tensor):
        return _from_tensor(item, where, any_channels)
    try:
        array = np.asarray(item)
    except ValueError as error:
        raise ValueError(f"{where} is not an array of pixels ({error}).") from error
    if array.ndim == 0:
        kind = "a missing value" if is_missing(item) else "not an image and not a path"
        raise TypeError(
            f"{where} is {item!r:.60}, which is {kind}. Leave it out, or check whether this is the "
            f"right column. Expected {FORMS}."
        )
    return _from_objects(array, where) if array.dtype == object else array


def _from_objects(array: np.ndarray, where: str) -> np.ndarray:
    try:
        return np.array(array.tolist())
    except ValueError as error:
        raise TypeError(f"{where} is an array of objects that are not numbers: {error}") from error


def _from_tensor(tensor: torch.Tensor, where: str, any_channels: bool) -> np.ndarray:
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:  # numpy has no such type
        tensor = tensor.float()
    if tensor.ndim == 3:
        if not any_channels and tensor.shape[0] not in CHANNELS:
            raise ValueError(
                f"{where} is a torch tensor of shape {tuple(tensor.shape)}, expected "
                "(channels, height, width) with 1, 3 or 4 channels. If it has more channels, "
                "choose among them, for example channels=(0, 1, 2)."
            )
        if any_channels and tensor.shape[2] <= MAX_BANDS < min(tensor.shape[:2]):
            raise ValueError(
                f"{where} is a torch tensor of shape {tuple(tensor.shape)}, expected (channels, "
                "height, width). The channels seem to come last: pass tensor.permute(2, 0, 1)."
            )
        tensor = tensor.permute(1, 2, 0)
    return tensor.numpy()
