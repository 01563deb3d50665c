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
from PIL import Image, ImageOps
from scipy import sparse

FORMS = (
    "a list, array or table column of file paths, PIL images or arrays; a numeric array "
    "(n, height, width[, channels]); a torch tensor (n, channels, height, width); or a dataset "
    "whose items are images or (image, label) pairs"
)
CHANNELS = (1, 3, 4)
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
                item, value_range = _from_pil(item, value_range, where)
        if isinstance(item, str | os.PathLike):
            return _ImageFile(item, value_range, f"{where} ({os.fspath(item)!r})")
        array = _as_array(item, where)
        return _Pixels(_to_pixels(array, value_range, where))

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
        self.digest = _sha256(f"file {value_range}", self._data)

    def decode(self):
        try:
            image = Image.open(io.BytesIO(self._data))
        except Exception as error:
            raise _unreadable(error, self._where) from error
        with image:
            array, value_range = _from_pil(image, self._value_range, self._where)
        return _to_pixels(array, value_range, self._where)


class _Pixels:
    """An image that came decoded."""

    def __init__(self, pixels):
        self._pixels = pixels
        self.digest = _sha256(f"pixels {pixels.dtype} {pixels.shape}", pixels)

    def decode(self):
        return self._pixels


def _sha256(header, data):
    digest = hashlib.sha256(header.encode())
    digest.update(data)
    return digest.digest()


def _read_file(path, where):
    try:
        with open(path, "rb") as file:
            data = file.read()
    except IsADirectoryError as error:
        raise IsADirectoryError(f"{where} is a directory. Give the files in it: {GLOB}.") from error
    except FileNotFoundError as error:
        hint = (
            f"Patterns are not expanded: {GLOB}."
            if "*" in os.fspath(path)
            else ("Strings are read as file paths: correct this one, or make it absolute.")
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


# --- containers ---------------------------------------------------------------------------------


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


# --- single images ------------------------------------------------------------------------------


def _as_array(item, where):
    """Return the numbers of one item that is no path."""
    if isinstance(item, torch.Tensor):
        return _from_tensor(item, where)
    try:
        array = np.asarray(item)
    except ValueError as error:
        raise ValueError(f"{where} is no array of pixels ({error}).") from error
    if array.ndim == 0:
        is_missing = str(item) in ("None", "nan", "<NA>", "NaT")
        raise TypeError(
            f"{where} is {item!r:.60}, which is "
            f"{'a missing value' if is_missing else 'no image and no path'}. Leave it out, or look "
            f"whether this is the right column. X should be {FORMS}."
        )
    return _from_objects(array, where) if array.dtype == object else array


def _to_pixels(array, value_range, where):
    """Check the numbers of one image and bring them to the form that all images end in."""
    if array.dtype.kind == "c":
        raise ValueError(
            f"{where} has dtype {array.dtype}. Complex data not supported: pass absolute values."
        )
    if array.dtype.kind not in "buif":
        raise TypeError(f"{where} has dtype {array.dtype}, which is no number: {array!r:.60}.")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in CHANNELS):
        hint = (
            " It looks channels first: pass image.transpose(1, 2, 0)."
            if array.ndim == 3 and array.shape[0] in CHANNELS
            else ""
        )
        raise ValueError(
            f"{where} has shape {array.shape}, but an image is (height, width) or (height, width, "
            f"channels) with 1, 3 or 4 channels.{hint}"
        )
    if 0 in array.shape:
        raise ValueError(f"{where} has shape {array.shape}: it holds no pixel. Leave it out.")
    levels = _to_levels(array, value_range, where)
    return np.require(_to_rgb(levels), requirements=["C", "W"])


def _from_objects(array, where):
    try:
        return np.array(array.tolist())
    except ValueError as error:
        raise TypeError(f"{where} is an array of objects that are no numbers: {error}") from error


def _from_tensor(tensor, where):
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:  # numpy has no such type
        tensor = tensor.float()
    if tensor.ndim == 3:
        if tensor.shape[0] not in CHANNELS:
            raise ValueError(
                f"{where} is a torch tensor of shape {tuple(tensor.shape)}, but an image is "
                "(channels, height, width) with 1, 3 or 4 channels."
            )
        tensor = tensor.permute(1, 2, 0)
    return tensor.numpy()


def _from_pil(image, value_range, where):
    """Return the pixels and the range that applies: 8-bit images always have their own."""
    try:
        is_png = image.format == "PNG"
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16") or image.mode in ("I", "F"):
            array = np.asarray(image)
            # Older Pillow versions open 16-bit PNG files as 32-bit integers.
            array = array.astype(np.uint16) if image.mode == "I" and is_png else array
            return array, value_range
        if image.mode == "La":  # which converts to nothing else
            image = image.convert("LA")
        return np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB")), None
    except Exception as error:
        raise _unreadable(error, where) from error


def _unreadable(error, where):
    """Return the error for whatever PIL raised: OSError, SyntaxError, struct.error, ..."""
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return ValueError(
            f"{where} was refused before decoding: {error} If you trust the file, raise "
            "PIL.Image.MAX_IMAGE_PIXELS or shrink the image."
        )
    text = str(error) or "no reason given"
    if "cannot identify image file" in text:  # and then the address of a buffer
        text = "unknown format"
    return ValueError(
        f"{where} is no image that can be read ({type(error).__name__}: {text}). Replace the file "
        "or leave it out; JPEG, PNG, GIF, BMP, TIFF and WebP are read."
    )


def _to_levels(array, value_range, where):
    """Return uint8 levels where the numbers are such, otherwise float32 in [0, 1]."""
    kind = array.dtype.kind
    if kind == "f" or value_range is not None:
        low, high = array.min(), array.max()
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError(
                f"{where} contains NaN or infinity. Replace such pixels, by np.nan_to_num(X) say."
            )
    if value_range is not None:
        low, high = value_range
        scaled = (array.astype(np.float64) - low) / (high - low)
    elif array.dtype == np.uint8:
        return array
    elif kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    elif kind == "u" and array.dtype.itemsize == 2:
        scaled = array / 65535
    elif kind == "f" and low >= 0 and high <= 1:
        scaled = array
    else:
        low, high = array.min(), array.max()
        guess = "(0, 255)" if low >= 0 and 1 < high <= 255 else f"({low:g}, {high:g})"
        raise ValueError(
            f"{where} has dtype {array.dtype} and values from {low:g} to {high:g}, but without "
            "value_range an image is uint8, uint16, bool, or a float in [0, 1]. Set "
            f"value_range=(black, white), {guess} say."
        )
    # One image must give one row in whatever form it comes, so 8-bit levels go the 8-bit way.
    levels = scaled * 255
    rounded = np.rint(levels)
    if rounded.min() >= 0 and rounded.max() <= 255 and np.abs(levels - rounded).max() < 1e-3:
        return rounded.astype(np.uint8)
    return scaled.astype(np.float32)


def _to_rgb(levels):
    """Repeat grey three times and lay a transparent image over white."""
    if levels.ndim == 2:
        levels = levels[..., None]
    if levels.shape[2] == 1:
        return np.repeat(levels, 3, axis=2)
    if levels.shape[2] == 3:
        return levels
    if levels.dtype == np.uint8:
        rgb, alpha = levels[..., :3].astype(np.uint32), levels[..., 3:].astype(np.uint32)
        return ((rgb * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    rgb, alpha = levels[..., :3], levels[..., 3:]
    return rgb * alpha + (1 - alpha)


def _a(name):
    return f"an {name}" if name[0].lower() in "aeiou" else f"a {name}"
