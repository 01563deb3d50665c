"""The numbers of one image become pixels: an array (height, width, 3) of uint8 or float32."""

from collections.abc import Callable, Iterator

import numpy as np

CHANNELS = (1, 3, 4)
PIECE = 2**17  # pixels that are worked on at a time


def to_pixels(array: np.ndarray, value_range: tuple[float, float] | None, where: str) -> np.ndarray:
    """Check the numbers of one image and return them as pixels.

    Parameters
    ----------
    array : ndarray of shape (height, width) or (height, width, channels)
        The numbers of the image, with 1, 3 or 4 channels.
    value_range : (black, white) or None
        The numbers that stand for black and white. None means that the dtype says it.
    where : str
        The name of the image in error messages, for example ``"X[3]"``.

    Returns
    -------
    pixels : ndarray of shape (height, width, 3), uint8 or float32
        C-contiguous and writeable. uint8 if the image has levels of 8 bits, otherwise float32
        with 0 for black and 1 for white.

    Raises
    ------
    TypeError
        If the array is not numeric.
    ValueError
        If the shape is not that of an image, or the numbers do not fit `value_range`.
    """
    if array.dtype.kind == "c":
        raise ValueError(
            f"{where} has dtype {array.dtype}. Complex data not supported: pass absolute values."
        )
    if array.dtype.kind not in "buif":
        raise TypeError(f"{where} has dtype {array.dtype}, expected numbers: {array!r:.60}.")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in CHANNELS):
        looks_channels_first = array.ndim == 3 and array.shape[0] in CHANNELS
        raise ValueError(
            f"{where} has shape {array.shape}, expected (height, width) or "
            "(height, width, channels) with 1, 3 or 4 channels."
            + " The channels seem to come first: pass image.transpose(1, 2, 0)."
            * looks_channels_first
        )
    if 0 in array.shape:
        raise ValueError(f"{where} is empty: its shape is {array.shape}. Leave it out.")
    levels = _to_levels(array, value_range, where)
    pixels = np.require(_to_rgb(levels), requirements=["C", "W"])
    # Numpy ignores the stride along an axis of one pixel, so a reversed axis passes as
    # contiguous with a negative stride, which torch refuses.
    return pixels.copy() if min(pixels.strides) < 0 else pixels


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


def _to_levels(
    array: np.ndarray, value_range: tuple[float, float] | None, where: str
) -> np.ndarray:
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
    raise ValueError(
        f"{where} has dtype {array.dtype} and values from {low:g} to {high:g}. Without "
        "value_range, an image must be uint8, uint16, bool, or floats from 0 to 1. Set "
        f"value_range=(black, white), for example value_range={guess}."
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


def _pieces(array: np.ndarray) -> Iterator[np.ndarray]:
    """Yield an array piece by piece, so that intermediate results stay small."""
    return (array[i : i + PIECE] for i in range(0, len(array), PIECE))


def _to_rgb(levels: np.ndarray) -> np.ndarray:
    """Repeat grey three times and lay transparent pixels over white."""
    if levels.ndim == 2:
        levels = levels[..., None]
    if levels.shape[2] == 1:
        return np.repeat(levels, 3, axis=2)
    if levels.shape[2] == 3:
        return levels
    pieces = [_over_white(piece) for piece in _pieces(levels.reshape(-1, 4))]
    return np.concatenate(pieces).reshape(*levels.shape[:2], 3)


def _over_white(pixels: np.ndarray) -> np.ndarray:
    rgb, alpha = pixels[:, :3], pixels[:, 3:]
    if pixels.dtype != np.uint8:
        return rgb * alpha + (1 - alpha)
    rgb, alpha = rgb.astype(np.uint16), alpha.astype(np.uint16)  # 255 * 255 + 127 fits
    return ((rgb * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
