"""Colours that everyone can tell apart, labels that fit, thumbnails of images, and heat maps."""

import os
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
    """Return a label of at most `width` characters, which leaves room for the picture.

    matplotlib draws the text between two dollar signs as a formula, unless they are escaped.
    """
    name = str(name)
    whole_words = textwrap.shorten(name, width, placeholder="…")
    short = (
        whole_words
        if len(whole_words) > width // 2 or len(name) <= width
        else f"{name[: width - 1]}…"
    )
    return short.replace("$", r"\$")


def short_path(path: str, width: int = 28) -> str:
    """Return the name of a file, of at most `width` characters: the middle is left out.

    Names often differ in their last characters alone.

    Examples
    --------
    >>> short_path("photos/cat/1.jpg"), short_path("photos/2026-11-26 holiday 0123.jpg", 20)
    ('1.jpg', '2026-11-2…y 0123.jpg')
    """
    name = os.path.basename(path) or path
    if len(name) <= width:
        return name
    end = width // 2
    return f"{name[: width - end - 1]}…{name[-end:]}"


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


def draw_map(axes: Any, values: np.ndarray, box: Any, height: int, width: int) -> None:
    """Lay a map over its part of a picture, and make the rest of the picture pale."""
    from matplotlib.patches import Rectangle

    # For matplotlib the first pixel of a picture is centred at 0 and begins at -0.5.
    left, top, right, bottom = np.multiply(box, (width, height, width, height)) - 0.5
    axes.imshow(
        values,
        cmap="inferno",
        alpha=0.5,
        extent=(left, right, bottom, top),
        interpolation="bilinear",
    )
    end_x, end_y = width - 0.5, height - 0.5
    for x0, y0, x1, y1 in (
        (-0.5, -0.5, end_x, top),
        (-0.5, bottom, end_x, end_y),
        (-0.5, top, left, bottom),
        (right, top, end_x, bottom),
    ):
        if x1 > x0 and y1 > y0:
            pale = Rectangle((x0, y0), x1 - x0, y1 - y0, facecolor="white", alpha=0.65, linewidth=0)
            axes.add_patch(pale)
    axes.set(xlim=(-0.5, end_x), ylim=(end_y, -0.5))  # imshow has set those of the map
