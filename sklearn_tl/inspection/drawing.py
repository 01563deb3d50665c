"""Colours that everyone can tell apart, labels that fit, and small pictures of images."""

import textwrap
from typing import Any

import numpy as np
from PIL import Image

from sklearn_tl.images import to_uint8

# Okabe & Ito, "Color Universal Design" (2008), with the dark colours first. With more than seven
# classes the colours repeat, but with other markers, which also differ in a black-and-white print.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*", "p")


def colour(i: int) -> str:
    """Return the colour of class or strategy `i`."""
    return COLOURS[i % len(COLOURS)]


def marker(i: int) -> str:
    """Return the marker of class or strategy `i`."""
    return MARKERS[i % len(MARKERS)]


def shortened(name: Any, width: int = 28) -> str:
    """Return a label of at most `width` characters, which leaves room for the picture."""
    name = str(name)
    whole_words = textwrap.shorten(name, width, placeholder="…")
    return (
        whole_words
        if len(whole_words) > width // 2 or len(name) <= width
        else f"{name[: width - 1]}…"
    )


def thumbnail(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return a small picture of an image, to draw.

    Parameters
    ----------
    pixels : ndarray of shape (height, width, n_channels), uint8 or float32
        One image as `ImageSequence` returns it. Of more channels the first three are drawn.
    side : int
        The longest that a side may be, in pixels. Smaller images keep their size.

    Returns
    -------
    picture : ndarray of shape (height, width, 3), uint8
        In the proportions of the image. A single line of pixels ("strip") is an exception: it
        becomes a band a quarter as high as it is wide, because nobody would see the line.
    """
    levels = to_uint8(pixels)
    if levels.shape[2] < 3:  # of the user's choice of channels; a screen has three colours
        levels = np.repeat(levels[..., :1], 3, axis=2)
    image = Image.fromarray(np.ascontiguousarray(levels[..., :3]))
    if image.height == 1 and image.width > 1:
        image = image.resize((image.width, -(-image.width // 4)), Image.Resampling.NEAREST)
    scale = side / max(image.size)
    if scale < 1:
        width, height = (max(1, round(scale * length)) for length in image.size)
        image = image.resize((width, height))
    return np.asarray(image)
