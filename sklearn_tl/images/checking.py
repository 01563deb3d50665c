"""`check_images`: reads every image once and says what each is, and what is wrong with it."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from sklearn_tl._choices import MAX_PIXELS
from sklearn_tl._utils import tqdm
from sklearn_tl.images.pixels import Numbers
from sklearn_tl.images.reading import Reading
from sklearn_tl.images.sequence import ImageSequence, as_images


class Check(NamedTuple):
    """What one image is, or what is wrong with it."""

    position: int
    path: str | None
    problem: str | None
    height: int | None = None
    width: int | None = None
    mode: str | None = None
    low: float = np.nan
    high: float = np.nan


def check_images(
    X: Any,
    *,
    image_shape: tuple[int, ...] | str | None = None,
    value_range: tuple[float, float] | None = None,
    channels: tuple[int, ...] | None = None,
    page: int | str | None = None,
    loader: Callable[[Any], Any] | None = None,
    max_pixels: int | None = MAX_PIXELS,
    verbose: int = 0,
) -> dict[str, np.ndarray]:
    """Read every image of `X` once, and list what each is and what is wrong with it.

    Use it before a long computation: `fit` and `transform` stop at the first image that cannot be
    read. As there, what all images have in common and may be wrong comes as a warning.

    Parameters
    ----------
    X : images
        In any form that :class:`ConvFeatureExtractor` takes.
    image_shape : (height, width), (height, width, channels), "strip" or None, default=None
        This parameter and the next five are those of :class:`ConvFeatureExtractor`.
    value_range : (black, white) or None, default=None
        The numbers that stand for black and white.
    channels : tuple of int or None, default=None
        The channels that are read.
    page : int, "mean", "max" or None, default=None
        Which page of a file is read.
    loader : callable or None, default=None
        Turns an item of `X` into an image.
    max_pixels : int or None, default=89478485
        The largest number of pixels to which a file is decoded.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    table : dict of str to ndarray of shape (n_images,)
        ``pandas.DataFrame(table)`` makes a table of it. The columns are: position (in `X`), path
        (or None), problem (a sentence, or None), height and width (in pixels), mode (for example
        "uint8 RGB"), and low and high (the smallest and the largest number). The columns after
        the problem are None or NaN if there is one.

    Raises
    ------
    ValueError, TypeError
        If a parameter is wrong, or `X` is empty or not a collection of images.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tl import check_images
    >>> table = check_images([np.zeros((20, 30, 3), dtype=np.uint8), "missing.jpg"])
    >>> table["mode"].tolist()
    ['uint8 RGB', None]
    >>> table["problem"][1].split(" (the current")[0]
    "X[1] ('missing.jpg') does not exist"
    """
    reading = Reading.of(
        {
            "image_shape": image_shape,
            "value_range": value_range,
            "channels": channels,
            "page": page,
            "loader": loader,
            "max_pixels": max_pixels,
        }
    )
    images = as_images(X, reading)
    checks = check_each(images, progress=bool(verbose))
    images.notices.warn()
    kinds = {"position": np.intp, "low": float, "high": float}
    columns = {}
    for name, values in zip(Check._fields, zip(*checks, strict=True), strict=True):
        columns[name] = np.array(values, dtype=kinds.get(name, object))
    return columns


def check_each(
    images: ImageSequence, at_least: int | None = None, *, progress: bool | None = False
) -> list[Check]:
    """Read each image in threads and keep nothing of it.

    Parameters
    ----------
    images : ImageSequence
    at_least : int or None, default=None
        The size in pixels that both sides of a JPEG file keep. Its height and width are then
        those of the reduced image.
    progress : bool or None, default=False
        Whether to show a progress bar. None shows it in a terminal.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda i: _check(images, i, at_least), range(len(images)))
        hidden = None if progress is None else not progress
        return list(tqdm(results, "reading", len(images), unit="image", disable=hidden))


def _check(images: ImageSequence, i: int, at_least: int | None) -> Check:
    position = images.position(i)
    try:
        numbers, path = images.numbers(i, at_least)
    except Exception as error:  # of any type, if the code of a user raises it
        return Check(position, images.path(i), _problem(position, error))
    array = numbers.array
    height, width = array.shape[:2]
    return Check(
        position, path, None, height, width, _mode(numbers), float(array.min()), float(array.max())
    )


def _problem(position: int, error: Exception) -> str:
    text = str(error)
    if text.startswith(f"X[{position}]"):
        return text
    return f"X[{position}] cannot be read ({type(error).__name__}: {text})."


def _mode(numbers: Numbers) -> str:
    shape = numbers.array.shape
    n_channels = 1 if len(shape) == 2 else shape[2]
    names = {1: "grey", 2: "grey and alpha", 3: "RGB", 4: "RGBA"}
    if numbers.has_alpha is False and n_channels == 4:
        names = {}
    return f"{numbers.array.dtype} {names.get(n_channels, f'{n_channels} channels')}"
