"""Anything that a user calls images, as one lazy sequence of pixels.

`as_images` checks the container only. An item is read on request. Every item, in whatever form it
came, becomes the same thing: a C-contiguous (height, width, 3) array, uint8 if the source has
8-bit levels, and float32 from 0 to 1 if it has more.
"""

import os
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from sklearn_tl.images.containers import as_array, as_items, unflatten
from sklearn_tl.images.decoding import ImageFile, from_pil, sha256
from sklearn_tl.images.pixels import to_pixels

# Images are read in threads, but PIL images and users' datasets may not be safe in threads. Files
# are opened and decoded outside of the lock, so that paths lose nothing. The lock is reentrant
# since a dataset may contain another one.
_ONE_AT_A_TIME = threading.RLock()


class DecodedImage:
    """An image that came as pixels; it has the interface of `ImageFile`."""

    def __init__(self, pixels: np.ndarray) -> None:
        self._pixels = pixels

    @property
    def digest(self) -> bytes:
        """A digest of the pixels, their dtype and their shape."""
        return sha256(f"pixels {self._pixels.dtype} {self._pixels.shape}", self._pixels.data)

    def decode(self, at_least: int | None = None) -> np.ndarray:
        """Return the pixels at their full size."""
        return self._pixels


class ImageSequence:
    """Images that are read on request; made by `as_images`.

    ``images[i]`` is the array of pixels of image `i`, and ``len(images)`` the number of images.
    """

    def __init__(
        self,
        items: Any,
        value_range: tuple[float, float] | None = None,
        positions: Sequence[int] | None = None,
    ) -> None:
        self._items = items
        self._value_range = value_range
        self._positions = range(len(items)) if positions is None else positions

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, i: int) -> np.ndarray:
        return self.open(i).decode()

    def open(self, i: int) -> ImageFile | DecodedImage:
        """Read image `i` as far as its digest needs: the bytes of a file, or the pixels.

        Raises
        ------
        OSError
            If the image is a file that cannot be read.
        TypeError
            If the item is not an image.
        ValueError
            If the item is not an image that can be read.
        """
        position = self.position(i)
        where, value_range = f"X[{position}]", self._value_range
        with _ONE_AT_A_TIME:
            try:
                item = self._items[position]
            except Exception as error:  # of a user's dataset
                error.add_note(f"while reading {where}")
                raise
            if isinstance(item, tuple) and item:  # (image, label, ...), as datasets return
                item = item[0]
            if isinstance(item, Image.Image):
                name = getattr(item, "filename", "")
                where += f" ({name!r})" if name else ""
                item, value_range = from_pil(item, value_range, where)
        if isinstance(item, str | os.PathLike):
            return ImageFile(item, value_range, f"{where} ({os.fspath(item)!r})")
        array = as_array(item, where)
        return DecodedImage(to_pixels(array, value_range, where))

    def position(self, i: int) -> int:
        """Return the position of image `i` in the user's X, which error messages name."""
        return int(self._positions[i])

    def take(self, indices: Iterable[int]) -> "ImageSequence":
        """Return the images at `indices`; their errors still name the position in X."""
        positions = [self.position(i) for i in indices]
        return ImageSequence(self._items, self._value_range, positions)

    def __getstate__(self) -> dict[str, Any]:
        # A worker process gets only the images that it works on.
        state = self.__dict__.copy()
        if isinstance(self._items, list | np.ndarray):
            state["_items"] = {p: self._items[p] for p in self._positions}
        elif isinstance(self._items, torch.Tensor):  # a view would be pickled with all of them
            state["_items"] = {p: self._items[p].clone() for p in self._positions}
        return state


def as_images(
    X: Any,
    *,
    image_shape: tuple[int, ...] | str | None = None,
    value_range: tuple[float, float] | None = None,
) -> ImageSequence:
    """Return `X` as an `ImageSequence`, or raise an error that says what is wrong with it.

    Parameters
    ----------
    X : images
        In any of the forms that the page of this folder lists. An `ImageSequence` is returned as
        it is.
    image_shape : tuple or "strip", default=None
        How the rows of a 2-D array are read: (height, width), (height, width, channels), or
        "strip" for one line of pixels. A 2-D array is an error without it.
    value_range : (black, white), default=None
        The numbers that stand for black and white. None means that the dtype says it.

    Returns
    -------
    images : ImageSequence
        None of the images has been read yet.

    Raises
    ------
    TypeError
        If `X` is not a container of images.
    ValueError
        If `X` is empty, or has a shape that images cannot have.

    Examples
    --------
    >>> import numpy as np
    >>> images = as_images([np.zeros((2, 4), dtype=bool), np.ones((3, 5, 3))])
    >>> len(images), images[0].shape, images[1].dtype
    (2, (2, 4, 3), dtype('uint8'))
    """
    if isinstance(X, ImageSequence):
        return X
    if image_shape is not None:
        X = unflatten(X, image_shape)
    items = as_items(X)
    if len(items) == 0:
        raise ValueError(
            "X is empty: found 0 samples, while a minimum of 1 is required. "
            "If it came from a folder listing, check the pattern and the folder."
        )
    return ImageSequence(items, value_range)
