"""The numbers of one image become pixels: (height, width, channels) of uint8 or float32."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from sklearn_tl.images.notices import Notices
from sklearn_tl.images.reading import Reading

CHANNELS = (1, 3, 4)  # grey, RGB, and RGB with alpha
MAX_BANDS = 16  # in images whose channels may come first by mistake
PIECE = 2**17  # pixels that are worked on at a time

Range = tuple[float, float]  # the numbers that stand for black and white


class Numbers(NamedTuple):
    """The numbers of one image, and what its source says of them.

    Parameters
    ----------
    array : ndarray of shape (height, width) or (height, width, channels)
    is_deep : bool, default=False
        Whether they may have another range than that of 8 bits: only then `value_range` applies.
    white : int or None, default=None
        The number that a file says is white. None means that the dtype says it.
    is_inverted : bool, default=False
        Whether black and white are exchanged.
    has_alpha : bool or None, default=None
        Whether the last channel is transparency. None means that the source does not say it.
    """

    array: np.ndarray
    is_deep: bool = False
    white: int | None = None
    is_inverted: bool = False
    has_alpha: bool | None = None


def to_pixels(
    numbers: Numbers, reading: Reading, where: str, position: int, notices: Notices
) -> np.ndarray:
    """Check the numbers of one image and return them as pixels.

    Parameters
    ----------
    numbers : Numbers
    reading : Reading
    where : str
        The name of the image in error messages, for example ``"X[3]"``.
    position : int
        Of the image in `X`.
    notices : Notices
        Is told what is guessed or left out.

    Returns
    -------
    pixels : ndarray of shape (height, width, n_channels), uint8 or float32
        C-contiguous and writeable. uint8 if the image has levels of 8 bits, otherwise float32
        with 0 for black and 1 for white. There are 3 channels, or those of ``reading.channels``.

    Raises
    ------
    TypeError
        If the array is not numeric.
    ValueError
        If the shape is not that of an image, a channel is missing, or the numbers do not fit
        the range.
    """
    array = numbers.array
    if array.dtype.kind == "c":
        raise ValueError(
            f"{where} has dtype {array.dtype}. Complex data not supported: pass absolute values."
        )
    if array.dtype.kind not in "buif":
        raise TypeError(f"{where} has dtype {array.dtype}, expected numbers: {array!r:.60}.")
    if 0 in array.shape:
        raise ValueError(f"{where} is empty: its shape is {array.shape}. Leave it out.")
    numbers = _with_channels(numbers, reading, where)
    if reading.channels is None and numbers.array.shape[2] == 4:
        if numbers.has_alpha is False:
            notices.add("bands", position, where)
        elif numbers.has_alpha is None and array[..., 3].min() < _white(array.dtype):
            notices.add("alpha", position, where)
    value_range = reading.value_range if numbers.is_deep else None
    if reading.value_range is not None and not numbers.is_deep:
        notices.add("8 bits", position, where)
    if value_range is None and numbers.is_deep and numbers.white is None:
        _watch(numbers, position, notices)
    if value_range is None and numbers.white is not None:
        value_range = (0, numbers.white)
    if numbers.is_inverted:
        value_range = (value_range or (0, _white(numbers.array.dtype)))[::-1]
    array = numbers.array
    with_alpha = reading.channels is None and array.shape[2] in (2, 4)
    if with_alpha and numbers.has_alpha is not False and value_range is not None:
        # The range of the numbers is that of the colours. Alpha often uses the whole of its dtype.
        opaque = max(value_range)
        alpha_range = (0, opaque if array[..., -1].max() <= opaque else _white(array.dtype))
        parts = [
            _to_levels(array[..., :-1], value_range, where),
            _to_levels(array[..., -1:], alpha_range, where),
        ]
        levels = np.concatenate([_as_float(part) for part in parts], axis=2)
        levels[..., -1].clip(0, 1, out=levels[..., -1])
    else:
        levels = _to_levels(array, value_range, where)
    if reading.channels is None:
        levels = _to_rgb(levels, numbers.has_alpha is not False)
    pixels = np.require(levels, requirements=["C", "W"])
    # Numpy ignores the stride along an axis of one pixel, so a reversed axis passes as
    # contiguous with a negative stride, which torch refuses.
    return pixels.copy() if min(pixels.strides) < 0 else pixels


def without_alpha(numbers: Numbers, value_range: Range | None) -> Numbers:
    """Return numbers whose transparent pixels have been laid over white."""
    if not numbers.has_alpha:
        return numbers
    dtype, opaque = numbers.array.dtype, _white(numbers.array.dtype)
    white = value_range[1] if value_range and numbers.is_deep else numbers.white or opaque
    colours, alpha = numbers.array[..., :-1], numbers.array[..., -1:] / opaque
    flat = colours * alpha + white * (1 - alpha)
    flat = flat if dtype.kind == "f" else np.rint(flat)
    return numbers._replace(array=flat.astype(dtype), has_alpha=False)


def to_uint8(pixels: np.ndarray) -> np.ndarray:
    """Return pixels as 8-bit levels, for a screen, a file or a small picture.

    Parameters
    ----------
    pixels : ndarray of shape (height, width, 3), uint8 or float32
        One image as `ImageSequence` returns it. Floats are 0 for black and 1 for white.

    Returns
    -------
    levels : ndarray of shape (height, width, 3), uint8
        `pixels` itself if it is uint8 already. Floats are rounded to the nearest level, and
        values below 0 or above 1 (which a narrow `value_range` makes) are clipped first.

    Examples
    --------
    >>> import numpy as np
    >>> to_uint8(np.array([[[-0.5, 0.5, 1.5]]], dtype=np.float32))
    array([[[  0, 128, 255]]], dtype=uint8)
    """
    if pixels.dtype == np.uint8:
        return pixels
    return np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)


def _with_channels(numbers: Numbers, reading: Reading, where: str) -> Numbers:
    """Return the numbers as (height, width, channels), with the channels that are read."""
    array, channels = numbers.array, reading.channels
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3:
        raise ValueError(
            f"{where} has shape {array.shape}, expected (height, width) or "
            "(height, width, channels) with 1, 3 or 4 channels."
        )
    n_channels = array.shape[2]
    if channels is not None and array.shape[0] <= MAX_BANDS < min(array.shape[1:]):
        raise ValueError(
            f"{where} has shape {numbers.array.shape}, expected (height, width, channels). The "
            "channels seem to come first: pass image.transpose(1, 2, 0)."
        )
    if channels is None:
        with_alpha = n_channels == 2 and numbers.has_alpha
        if n_channels not in CHANNELS and not with_alpha:
            first_or_last = (
                "The channels seem to come first: pass image.transpose(1, 2, 0)."
                if array.shape[0] in CHANNELS
                else "Choose some of them, for example channels=(0, 1, 2)."
            )
            raise ValueError(
                f"{where} has shape {numbers.array.shape}, expected (height, width) or "
                f"(height, width, channels) with 1, 3 or 4 channels. {first_or_last}"
            )
        return numbers._replace(array=array)
    if max(channels) >= n_channels:
        raise ValueError(
            f"{where} has {n_channels} channels, but channels={channels} asks for "
            f"{max(channels)}. Channels are counted from 0: set numbers from 0 to "
            f"{n_channels - 1}, or leave the image out."
        )
    return numbers._replace(array=array[..., list(channels)], has_alpha=False)


def _watch(numbers: Numbers, position: int, notices: Notices) -> None:
    """Note the largest number, by which images of 10 to 14 bits are recognised."""
    array, white = numbers.array, _white(numbers.array.dtype)
    is_16_bit = array.dtype.kind == "u" and array.dtype.itemsize == 2  # in any byte order
    if is_16_bit or array.dtype.kind == "f":
        if numbers.has_alpha is not False and array.shape[2] in (2, 4):
            array = array[..., :-1]
        notices.add_peak(float(array.max()), white, position)


def _white(dtype: np.dtype) -> float:
    """Return the number that stands for white if nothing else is said."""
    return 1 if dtype.kind in "fb" else np.iinfo(dtype).max


def _to_levels(array: np.ndarray, value_range: Range | None, where: str) -> np.ndarray:
    """Return uint8 if the numbers are levels of 8 bits, otherwise float32 from 0 to 1."""
    kind = array.dtype.kind
    if kind == "f" or value_range is not None:
        low, high = array.min(), array.max()
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError(
                f"{where} contains NaN or infinity. Replace such pixels, for example with "
                "np.nan_to_num(X)."
            )
    if value_range is not None:
        black, white = value_range
        return _scaled(array, lambda piece: (piece.astype(np.float64) - black) / (white - black))
    if array.dtype == np.uint8:
        return array
    if kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if kind == "u" and array.dtype.itemsize == 2:
        return _scaled(array, lambda piece: piece / 65535)
    if kind == "f" and low >= 0 and high <= 1:
        return _scaled(array, lambda piece: piece)
    low, high = array.min(), array.max()
    guess = "(0, 255)" if low >= 0 and 1 < high <= 255 else f"({low:g}, {high:g})"
    normalised = (
        "If it was normalised for a network, leave that step (Normalize) out, since the package "
        "does it. Otherwise set"
    )
    raise ValueError(
        f"{where} has dtype {array.dtype} and values from {low:g} to {high:g}. Without "
        "value_range, an image must be uint8, uint16, bool, or floats from 0 to 1. "
        f"{normalised if kind == 'f' and low < 0 else 'Set'} value_range=(black, white), for "
        f"example value_range={guess}."
    )


def _scaled(array: np.ndarray, scale: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return uint8 if `scale` turns the array into levels of 8 bits, otherwise its float32."""
    # One image must give one row in whatever form it comes. So an image of 8-bit levels must
    # become uint8, even if it came as floats or as 16 bits.
    numbers, pieces = array.reshape(-1), []
    for piece in _pieces(numbers):
        levels = scale(piece) * 255
        rounded = np.rint(levels)
        if rounded.min() < 0 or rounded.max() > 255 or np.abs(levels - rounded).max() >= 1e-3:
            pieces = [scale(piece).astype(np.float32) for piece in _pieces(numbers)]
            break
        pieces.append(rounded.astype(np.uint8))
    return np.concatenate(pieces).reshape(array.shape)


def _as_float(levels: np.ndarray) -> np.ndarray:
    return levels / np.float32(255) if levels.dtype == np.uint8 else levels


def _pieces(array: np.ndarray) -> Iterator[np.ndarray]:
    """Yield an array piece by piece, so that intermediate results stay small."""
    return (array[i : i + PIECE] for i in range(0, len(array), PIECE))


def _to_rgb(levels: np.ndarray, with_alpha: bool) -> np.ndarray:
    """Repeat grey three times, and lay transparent pixels over white."""
    n_channels = levels.shape[2]
    if n_channels == 4 and not with_alpha:
        return levels[..., :3]
    if n_channels == 2:
        levels = levels[..., [0, 0, 0, 1]]
    if n_channels == 1:
        return np.repeat(levels, 3, axis=2)
    if n_channels == 3:
        return levels
    pieces = [_over_white(piece) for piece in _pieces(levels.reshape(-1, 4))]
    return np.concatenate(pieces).reshape(*levels.shape[:2], 3)


def _over_white(pixels: np.ndarray) -> np.ndarray:
    rgb, alpha = pixels[:, :3], pixels[:, 3:]
    if pixels.dtype != np.uint8:
        return rgb * alpha + (1 - alpha)
    rgb, alpha = rgb.astype(np.uint16), alpha.astype(np.uint16)  # 255 * 255 + 127 fits
    return ((rgb * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
