"""Anything that a user calls images, as one lazy sequence of pixels.

`as_images` checks the container only. An item is read on request. Every item, in whatever form it
came, becomes the same thing: a C-contiguous (height, width, channels) array, uint8 if the source
has 8-bit levels, and float32 from 0 to 1 if it has more.
"""

import hashlib
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageFile

from sklearn_tl.images.containers import as_items, unflatten
from sklearn_tl.images.decoding import decode, from_pil
from sklearn_tl.images.files import read_file, read_object
from sklearn_tl.images.items import as_array, is_file_object, path_of, unwrapped
from sklearn_tl.images.notices import Notices
from sklearn_tl.images.pixels import Numbers, to_pixels
from sklearn_tl.images.preprocessing import Preprocessing
from sklearn_tl.images.reading import Reading, say_whose_limit

# Images are read in threads, but PIL images, users' datasets and their loaders may not be safe in
# threads. Files are opened and decoded outside of the lock, so that paths lose nothing. The lock
# is reentrant since a dataset may contain another one.
_ONE_AT_A_TIME = threading.RLock()
PLAIN = Reading()


class EncodedImage:
    """The bytes of an image file, which are decoded on request: a digest needs no pixels."""

    def __init__(
        self, data: bytes, reading: Reading, where: str, position: int, notices: Notices
    ) -> None:
        self._data, self._reading = data, reading
        self._where, self._position, self._notices = where, position, notices

    @property
    def nbytes(self) -> int:
        """The memory that it takes."""
        return len(self._data)

    @property
    def digest(self) -> bytes:
        """A digest of the bytes, and of how they are read."""
        how = self._reading
        return _sha256(f"file {how.value_range} {how.channels} {how.page}", self._data)

    def decode(self, at_least: int | None = None) -> np.ndarray:
        """Return the pixels; a large file may be decoded at a part of its size.

        Parameters
        ----------
        at_least : int, default=None
            The size in pixels that both sides keep at least. None means the full size.

        Returns
        -------
        pixels : ndarray of shape (height, width, n_channels), uint8 or float32
            As `to_pixels` returns them.

        Raises
        ------
        ValueError
            If the file cannot be decoded, or is too large.
        """
        numbers = self.numbers(at_least)
        return to_pixels(numbers, self._reading, self._where, self._position, self._notices)

    def numbers(self, at_least: int | None = None) -> Numbers:
        """Return what the file holds, before it becomes pixels. As for `decode`."""

        def notice(kind: str) -> None:
            self._notices.add(kind, self._position, self._where)

        return decode(self._data, self._reading, at_least, self._where, notice)


class DecodedImage:
    """An image that came as pixels; it has the interface of `EncodedImage`."""

    def __init__(self, pixels: np.ndarray) -> None:
        self._pixels = pixels

    @property
    def nbytes(self) -> int:
        """The memory that it takes."""
        return self._pixels.nbytes

    @property
    def digest(self) -> bytes:
        """A digest of the pixels, their dtype and their shape."""
        return _sha256(f"pixels {self._pixels.dtype} {self._pixels.shape}", self._pixels.data)

    def decode(self, at_least: int | None = None) -> np.ndarray:
        """Return the pixels at their full size."""
        return self._pixels


class Contents(NamedTuple):
    """What one item of `X` holds: the bytes of a file, or numbers."""

    where: str  # the name of the image in error messages
    path: str | None
    found: bytes | Numbers


class ImageSequence:
    """Images that are read on request; made by `as_images`.

    ``images[i]`` is the array of pixels of image `i`, and ``len(images)`` the number of images.

    Attributes
    ----------
    notices : Notices
        What reading has left out or guessed so far, shared by all parts of the sequence.
    """

    def __init__(
        self,
        items: Any,
        reading: Reading,
        positions: Sequence[int] | None = None,
        notices: Notices | None = None,
    ) -> None:
        self._items = items
        self._reading = reading
        self._positions = range(len(items)) if positions is None else positions
        self._opened: dict[int, DecodedImage | EncodedImage] = {}
        self.notices = Notices() if notices is None else notices

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, i: int) -> np.ndarray:
        return self.open(i).decode()

    def open(self, i: int) -> EncodedImage | DecodedImage:
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
        if position in self._opened:
            return self._opened[position]
        where, _, found = self.contents(i)
        if isinstance(found, bytes):
            return EncodedImage(found, self._reading, where, position, self.notices)
        return DecodedImage(to_pixels(found, self._reading, where, position, self.notices))

    def contents(self, i: int) -> Contents:
        """Return the bytes of the file of image `i`, or the numbers of an image without a file.

        The errors are those of `open`.
        """
        position = self.position(i)
        where, reading, notices = f"X[{position}]", self._reading, self.notices
        with _ONE_AT_A_TIME:
            item = self._item(position)
            path = path_of(item)
            where += f" ({path!r})" if path else ""
            if reading.loader is not None:
                item = self._loaded(item, where)
            item = unwrapped(item, where)
            if isinstance(item, Image.Image):

                def notice(kind: str) -> None:
                    notices.add(kind, position, where)

                return Contents(where, path, from_pil(item, reading, where, notice))
            if is_file_object(item):
                return Contents(where, path, read_object(item, where))
        if isinstance(item, str | os.PathLike):
            return Contents(where, path, read_file(item, where))
        if isinstance(item, bytes | bytearray | memoryview):
            return Contents(where, path, bytes(item))
        array = as_array(item, where, any_channels=reading.channels is not None)
        return Contents(where, path, Numbers(array, is_deep=True))

    def numbers(self, i: int, at_least: int | None = None) -> tuple[Numbers, str | None]:
        """Return what image `i` holds, which must make valid pixels, and its path."""
        position, (where, path, found) = self.position(i), self.contents(i)
        if isinstance(found, bytes):
            image = EncodedImage(found, self._reading, where, position, self.notices)
            found = image.numbers(at_least)
        to_pixels(found, self._reading, where, position, self.notices)
        return found, path

    def path(self, i: int) -> str | None:
        """Return the path of image `i`, or None if it has none, or if its item cannot be read."""
        try:
            return path_of(self._item(self.position(i)))
        except Exception:  # of a user's dataset
            return None

    def position(self, i: int) -> int:
        """Return the position of image `i` in the user's X, which error messages name."""
        return int(self._positions[i])

    def take(self, indices: Iterable[int]) -> "ImageSequence":
        """Return the images at `indices`; their errors still name the position in X."""
        positions = [self.position(i) for i in indices]
        return ImageSequence(self._items, self._reading, positions, self.notices)

    @property
    def is_slow(self) -> bool:
        """Whether opening an image runs code of the user: a dataset's, or a loader."""
        plain = isinstance(self._items, list | np.ndarray | torch.Tensor)
        return self._reading.loader is not None or not plain

    def in_parts(self, n_bytes: int) -> Iterator["ImageSequence"]:
        """Yield consecutive parts whose images have been opened, and stay open.

        Parameters
        ----------
        n_bytes : int
            The memory after which a part ends, in bytes.
        """
        start = 0
        while start < len(self):
            opened, size = {}, 0
            while start < len(self) and size <= n_bytes:
                image = self.open(start)
                opened[self.position(start)] = image
                size += image.nbytes
                start += 1
            part = ImageSequence(self._items, self._reading, list(opened), self.notices)
            part._opened = opened
            yield part

    def notice_lost(self, i: int, size: Sequence[int], preprocessing: Preprocessing) -> None:
        """Remember it if a preprocessing loses much of image `i`, of a size (height, width)."""
        in_tiles = preprocessing.crop_mode == "tiles"
        if preprocessing.visible_share(*size) < (1.0 if in_tiles else 0.5):
            position = self.position(i)
            path = None if self.is_slow else self.path(i)
            where = f"X[{position}] ({path!r})" if path else f"X[{position}]"
            self.notices.add("gaps" if in_tiles else "cropped", position, where)

    def find_bad(self, seconds: float) -> tuple[dict[int, Exception], bool]:
        """Read all images, and say whether there was time for all of them.

        Parameters
        ----------
        seconds : float
            After this time no further image is read.

        Returns
        -------
        errors : dict of int to Exception
            Position in `X` of each image that cannot be read → the error of reading it.
        is_complete : bool
        """
        errors: dict[int, Exception] = {}
        began = time.perf_counter()
        for i in range(len(self)):
            if time.perf_counter() - began > seconds:
                return errors, False
            try:
                self.numbers(i)
            except Exception as error:  # of any type, if the code of a user raises it
                errors[self.position(i)] = error
        return errors, True

    def _item(self, position: int) -> Any:
        try:
            return self._items[position]
        except Exception as error:  # of a user's dataset
            error.add_note(f"while reading X[{position}]")
            raise

    def _loaded(self, item: Any, where: str) -> Any:
        try:
            return self._reading.loader(item)  # type: ignore[misc]
        except Exception as error:
            error.add_note(f"in the loader, which was called for {where}")
            raise

    def __getstate__(self) -> dict[str, Any]:
        # A worker process gets only the images that it works on.
        state = self.__dict__ | {"notices": Notices(), "_opened": {}}
        if isinstance(self._items, list | np.ndarray):
            state["_items"] = {p: self._items[p] for p in self._positions}
        elif isinstance(self._items, torch.Tensor):  # a view would be pickled with all of them
            state["_items"] = {p: self._items[p].clone() for p in self._positions}
        return state | {"_truncated": ImageFile.LOAD_TRUNCATED_IMAGES}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # The only switch of PIL that decides whether and how a file is read.
        ImageFile.LOAD_TRUNCATED_IMAGES = state.pop("_truncated")
        self.__dict__.update(state)


def as_images(X: Any, reading: Reading = PLAIN) -> ImageSequence:
    """Return `X` as an `ImageSequence`, or raise an error that says what is wrong with it.

    Parameters
    ----------
    X : images
        In any of the forms that the page of this folder lists. An `ImageSequence` is returned as
        it is.
    reading : Reading, default=PLAIN
        How items become pixels; the default has no settings. A 2-D array is an error unless
        ``reading.image_shape`` is set.

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
    say_whose_limit(reading.max_pixels)
    if reading.image_shape is not None:
        X = unflatten(X, reading.image_shape)
    items = as_items(X, any_channels=reading.channels is not None)
    if len(items) == 0:
        raise ValueError(
            "X is empty: found 0 samples, while a minimum of 1 is required. "
            "If it came from a folder listing, check the pattern and the folder."
        )
    return ImageSequence(items, reading)


def _sha256(header: str, data: bytes | memoryview) -> bytes:
    """Return the digest of some data, and of a header that says how they are read."""
    digest = hashlib.sha256(header.encode())
    digest.update(data)
    return digest.digest()
