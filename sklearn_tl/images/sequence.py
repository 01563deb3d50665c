"""Anything that a user calls images, as one lazy sequence of pixels.

`as_images` looks at the container only. An item is read when it is asked for, and every item, in
whatever form it came, ends as the same thing: a C-contiguous (height, width, 3) array, uint8 where
the source holds 8-bit levels and float32 in [0, 1] where it holds more.
"""

import hashlib
import io
import os
import threading
from collections.abc import Mapping

import numpy as np
import torch
from PIL import Image
from scipy import sparse

from sklearn_tl.images.decoding import (
    CHANNELS,
    FORMATS,
    FORMS,
    as_array,
    from_pil,
    to_pixels,
    unreadable,
)

GLOB = "sorted(pathlib.Path(folder).glob('**/*.jpg'))"
# Images are read in threads, but neither a PIL image nor a user's dataset need bear that. Paths,
# whose files are opened and decoded outside, lose nothing. (Reentrant: datasets may nest.)
_ONE_AT_A_TIME = threading.RLock()


def as_images(X, *, image_shape=None, value_range=None):
    """Wrap `X` as an `ImageSequence`, or say what is wrong with it.

    Parameters
    ----------
    X : images in any of the forms that the README lists
    image_shape : tuple or "strip", default=None
        How to read the rows of a 2-D array. Without it a 2-D array is an error.
    value_range : (low, high), default=None
        The numbers that stand for black and white. By default the dtype says.

    Raises
    ------
    TypeError
        If `X` is no container of images.
    ValueError
        If `X` is empty or has a shape that is none of images.
    """
    if isinstance(X, ImageSequence):
        return X
    if image_shape is not None:
        X = _unflatten(X, image_shape)
    items = _as_items(X)
    if len(items) == 0:
        raise ValueError(
            "X holds no image (0 samples, while a minimum of 1 is required). "
            "If it came from a folder listing, look at the pattern and the folder."
        )
    return ImageSequence(items, value_range)


class ImageSequence:
    """Images that are read when asked for. Make one with `as_images`."""

    def __init__(self, items, value_range=None, positions=None):
        self._items = items
        self._value_range = value_range
        self._positions = range(len(items)) if positions is None else positions

    def __len__(self):
        return len(self._positions)

    def __getitem__(self, i):
        return self.open(i).decode()

    def open(self, i):
        """Read image `i` as far as its digest needs it: a file's bytes, an array's pixels."""
        position = self.position(i)
        where, value_range = f"X[{position}]", self._value_range
        with _ONE_AT_A_TIME:
            try:
                item = self._items[position]
            except Exception as error:  # a dataset's own
                error.add_note(f"while reading {where}")
                raise
            if isinstance(item, tuple) and item:  # (image, label, ...), as datasets give
                item = item[0]
            if isinstance(item, Image.Image):
                name = getattr(item, "filename", "")
                where += f" ({name!r})" if name else ""
                item, value_range = from_pil(item, value_range, where)
        if isinstance(item, str | os.PathLike):
            return _ImageFile(item, value_range, f"{where} ({os.fspath(item)!r})")
        array = as_array(item, where)
        return _Pixels(to_pixels(array, value_range, where))

    def position(self, i):
        """Return where image `i` stands in the user's X."""
        return int(self._positions[i])

    def take(self, indices):
        """Return the images at `indices`; their errors go on naming the position in X."""
        positions = [self.position(i) for i in indices]
        return ImageSequence(self._items, self._value_range, positions)

    def __getstate__(self):
        # A worker process gets the images that it works on and not the others.
        state = self.__dict__.copy()
        if isinstance(self._items, list | np.ndarray):
            state["_items"] = {p: self._items[p] for p in self._positions}
        elif isinstance(self._items, torch.Tensor):  # a view would take all of it along
            state["_items"] = {p: self._items[p].clone() for p in self._positions}
        return state


class _ImageFile:
    """The bytes of a file; decoded on demand, since a digest needs no pixels."""

    def __init__(self, path, value_range, where):
        self._value_range, self._where = value_range, where
        self._data = _read_file(path, where)

    @property
    def digest(self):
        return _sha256(f"file {self._value_range}", self._data)

    def decode(self, at_least=None):
        """Return the pixels, of a JPEG file at a half, quarter or eighth of its size.

        But not smaller than `at_least` pixels on each side; None is the full size.
        """
        try:
            image = Image.open(io.BytesIO(self._data), formats=FORMATS)
            if at_least is not None:
                image.draft(None, (at_least, at_least))  # without effect on other formats
            limit = Image.MAX_IMAGE_PIXELS  # of which PIL itself allows twice as much
            if limit is not None and image.width * image.height > limit:
                raise Image.DecompressionBombError(
                    f"{image.width} x {image.height} pixels are over the limit of {limit}."
                )
        except Exception as error:
            raise unreadable(error, self._where) from error
        with image:
            array, value_range = from_pil(image, self._value_range, self._where)
        del image  # its pixels are as large as the array
        return to_pixels(array, value_range, self._where)


class _Pixels:
    """An image that came decoded."""

    def __init__(self, pixels):
        self._pixels = pixels

    @property
    def digest(self):
        return _sha256(f"pixels {self._pixels.dtype} {self._pixels.shape}", self._pixels)

    def decode(self, at_least=None):
        """Return the pixels."""
        return self._pixels


def _sha256(header, data):
    digest = hashlib.sha256(header.encode())
    digest.update(data)
    return digest.digest()


def _read_file(path, where):
    try:
        with open(path, "rb", buffering=0) as file:
            data = file.read()
    except IsADirectoryError as error:
        raise IsADirectoryError(f"{where} is a directory. Give the files in it: {GLOB}.") from error
    except FileNotFoundError as error:
        hint = (
            f"Patterns are not expanded: {GLOB}."
            if "*" in os.fspath(path)
            else "Strings are read as file paths: correct this one, or make it absolute."
        )
        raise FileNotFoundError(
            f"{where} does not exist, seen from {os.getcwd()!r}. {hint}"
        ) from error
    except OSError as error:
        raise type(error)(f"{where} could not be read ({error.strerror}).") from error
    except ValueError as error:  # a path with a zero byte
        raise ValueError(f"{where} is no file path: {error}.") from error
    if not data:
        raise ValueError(f"{where} is empty (0 bytes). Replace the file or leave it out.")
    return data


def _as_items(X):
    """Return `X` as something with a length whose integer positions are single images."""
    if isinstance(X, str | bytes | os.PathLike | Image.Image):
        kind = "image" if isinstance(X, Image.Image) else "path"
        raise TypeError(
            f"X is a single {kind} ({X!r:.80}), and several images are wanted: pass [{kind}], or "
            f"for the files of a folder {GLOB}."
        )
    if sparse.issparse(X):
        raise TypeError(
            f"X is a sparse {type(X).__name__} of shape {X.shape}, and images are dense: pass "
            "X.toarray(), with image_shape to say how a row is read."
        )
    if hasattr(X, "columns") and hasattr(X, "shape"):  # a pandas or polars table
        if 0 in X.shape:
            return []
        if X.shape[1] != 1:
            raise ValueError(
                f"X is a table of {X.shape[1]} columns; pass the one that holds the images, "
                f"X[{str(X.columns[0])!r}] say. If the columns are pixels, set image_shape. "
                + _plausible_shapes(X.shape[1])
            )
        return list(X[X.columns[0]])
    if isinstance(X, torch.Tensor):
        return _check_tensor(X)
    if hasattr(X, "iloc") or isinstance(X, tuple):  # a pandas Series is indexed by label
        return list(X)
    if isinstance(getattr(X, "dtype", None), np.dtype) and hasattr(X, "__getitem__"):
        return _check_array(X)  # numpy's, or one that stays on disk (HDF5, zarr)
    if isinstance(X, Mapping | set | frozenset) or not (
        hasattr(X, "__len__") and hasattr(X, "__getitem__")
    ):
        hint = " Pass list(X)." if hasattr(X, "__iter__") else ""
        raise TypeError(f"X is {_a(type(X).__name__)}, but images come as {FORMS}.{hint}")
    return X


def _check_tensor(X):
    if X.ndim != 4 or X.shape[1] not in CHANNELS:
        raise ValueError(
            f"X is a torch tensor of shape {tuple(X.shape)}, but a tensor of images is "
            "(n, channels, height, width) with 1, 3 or 4 channels. "
            + (
                "This one looks channels last: pass X.permute(0, 3, 1, 2)."
                if X.ndim == 4 and X.shape[3] in CHANNELS
                else "For flattened images, pass X.numpy() and set image_shape."
                if X.ndim == 2
                else "For grey images add the channel: X[:, None]; for one image: X[None]."
            )
        )
    return X


def _check_array(X):
    shape, ndim = X.shape, len(X.shape)
    if X.dtype.kind in "OUS":
        if ndim == 2 and shape[1] == 1:  # one column, as ColumnTransformer passes it
            return X[:, 0]
        if ndim == 1:
            return X
        if ndim > 2:
            raise ValueError(
                f"X is an array of dtype {X.dtype} and shape {shape}: numpy makes that of images "
                "of one size, and their own dtype is lost. Pass np.stack(images), or "
                "X.astype(np.uint8) if it was that."
            )
        raise ValueError(
            f"X is an array of dtype {X.dtype} and shape {shape}; paths and images of different "
            "sizes come in one dimension or one column. " + _flat_hint(shape)
        )
    if X.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: X has dtype {X.dtype}; pass abs(X).")
    if X.dtype.kind not in "buif":
        raise TypeError(f"X is an array of dtype {X.dtype}, which is no number: pass {FORMS}.")
    if ndim == 4 and shape[3] in CHANNELS:
        return X
    looks_single = ndim == 3 and shape[2] in (3, 4) and shape[1] > 4
    if (ndim == 3 and not looks_single) or (ndim > 0 and len(X) == 0):
        return X
    if ndim == 4:
        hint = (
            "This one looks channels first: pass X.transpose(0, 2, 3, 1)."
            if shape[1] in CHANNELS
            else f"{shape[3]} channels cannot be shown to a network of photographs: choose one "
            "or three of them."
        )
    elif ndim == 3:
        hint = (
            "This one looks like a single colour image: pass X[None]. If it is a stack of grey "
            "images, pass X[..., None]."
        )
    else:
        hint = _flat_hint(shape)
    raise ValueError(
        f"X is a numeric array of shape {shape}, but images are (n, height, width) or "
        f"(n, height, width, channels) with 1, 3 or 4 channels. {hint}"
    )


def _flat_hint(shape):
    if len(shape) == 2:
        return f"If the rows are flattened images, set image_shape. {_plausible_shapes(shape[1])}"
    return "Pass a list even for one image: [image]."


def _plausible_shapes(n_features):
    shapes = []
    for channels in (1, 3):
        side = round((n_features / channels) ** 0.5)
        if side > 1 and side * side * channels == n_features:
            shapes.append(f"({side}, {side})" if channels == 1 else f"({side}, {side}, 3)")
    shapes.append('"strip" (one line of pixels)')
    return f"With {n_features} features it could be {' or '.join(shapes)}."


def _unflatten(X, image_shape):
    """Turn the rows of a 2-D numeric array into images."""
    if X.ndim != 2:
        raise ValueError(
            f"X has shape {X.shape}, but image_shape={image_shape!r} reads the rows of a 2-D "
            "array. Leave image_shape out if X holds images already."
        )
    shape = (1, X.shape[1]) if image_shape == "strip" else tuple(image_shape)
    if np.prod(shape) != X.shape[1]:
        raise ValueError(
            f"X has rows of {X.shape[1]} features, but image_shape={image_shape!r} needs "
            f"{np.prod(shape)}. {_plausible_shapes(X.shape[1])}"
        )
    return X.reshape(len(X), *shape, *((1,) if len(shape) == 2 else ()))


def _a(name):
    return f"an {name}" if name[0].lower() in "aeiou" else f"a {name}"
