"""The numbers of one image become pixels: an array (height, width, 3), uint8 or float32."""

import numpy as np


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
