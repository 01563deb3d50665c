"""Which image files cannot be read, and why."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sklearn_tl._choices import MAX_PIXELS
from sklearn_tl.images import Reading, as_images, check_each

Problems = Callable[[list[str]], list[str | None]]  # paths → what is wrong with each, or None
SHOWN = 10  # sentences, after which the others are counted
AT_LEAST = 512  # pixels that the sides of a JPEG file keep; networks need no more
READING: dict[str, Any] = {  # the parameters of a `Reading` that make sense for files
    "value_range": None,
    "channels": None,
    "page": None,
    "loader": None,
    "max_pixels": MAX_PIXELS,
}


def check_reading(function: str, reading: Mapping[str, Any]) -> None:
    """Raise a TypeError if a parameter does not say how images are read."""
    for name in reading:
        if name not in READING:
            raise TypeError(
                f"{function}() got an unexpected keyword argument {name!r}. The parameters that "
                f"say how images are read are {', '.join(READING)}."
            )


def problems_of(paths: list[str], reading: Mapping[str, Any]) -> list[str | None]:
    """Read each image once, and return what is wrong with it.

    Parameters
    ----------
    paths : list of str
    reading : dict
        Some of the parameters in `READING`.

    Returns
    -------
    problems : list of (str or None)
        Sentences that begin with the path of a file.
    """
    if not paths:
        return []
    images = as_images(paths, Reading.of({"image_shape": None, **READING, **reading}))
    checks = check_each(images, AT_LEAST)
    images.notices.warn()
    return [
        check.problem and without_position(path, check.problem)
        for path, check in zip(paths, checks, strict=True)
    ]


def without_position(path: str, text: str) -> str:
    """Return what is wrong with one image, in a sentence that begins with its path.

    Parameters
    ----------
    path : str
    text : str
        The message of the error that was raised when this image was read, which begins with its
        position in `X`.

    Returns
    -------
    problem : str

    Examples
    --------
    >>> without_position("a.png", "X[3] ('a.png') is empty. Leave it out.")
    'a.png is empty.'
    """
    place = rf"X\[\d+\]( \({re.escape(repr(path))}\))?"
    text = re.sub(place, lambda _: path, text, count=1)
    if text.startswith(f"{path} does not exist"):
        return f"{path} does not exist."
    # Whoever reads the sentence goes on without the image.
    return re.sub(r" (Replace the file or l|L)eave it out\.", "", text)


def listed(sentences: Sequence[str], shown: int = SHOWN) -> str:
    """Return the first sentences, one per line, and the number of others.

    Examples
    --------
    >>> print(listed(["a is empty.", "b is empty.", "c is empty."], shown=2))
    - a is empty.
    - b is empty.
    - and 1 more
    """
    lines = [f"- {text}" for text in sentences[:shown]]
    more = len(sentences) - shown
    return "\n".join([*lines, f"- and {more} more"] if more > 0 else lines)
