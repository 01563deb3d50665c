"""PPM and PGM files of more than 8 bits, which PIL would cut or scale."""

import re

import numpy as np

SPACE = rb"(?:\s|#[^\r\n]*[\r\n])+"
HEADER = re.compile(rb"P([2356])" + (SPACE + rb"(\d+)") * 3 + rb"\s")


def size_of_deep(data: bytes) -> tuple[int, int] | None:
    """Return the (width, height) of a file of more than 8 bits, or None for any other file."""
    header = HEADER.match(data)
    if header is None or not 255 < int(header[4]) < 65536:
        return None
    return int(header[2]), int(header[3])


def read_deep(data: bytes) -> tuple[np.ndarray, int]:
    """Return the numbers of a file of more than 8 bits, and the number that is white.

    Parameters
    ----------
    data : bytes
        Of a file for which `size_of_deep` returns a size.

    Returns
    -------
    array : ndarray of shape (height, width) or (height, width, 3), uint16
    white : int
        As the file says.

    Raises
    ------
    ValueError
        If the file ends too early, or has numbers above white.
    """
    header = HEADER.match(data)
    assert header is not None
    kind, width, height, white = map(int, header.groups())
    shape = (height, width, 3) if kind in (3, 6) else (height, width)
    size = int(np.prod(shape))
    if kind in (5, 6):  # two bytes per number
        n_bytes = min(2 * size, (len(data) - header.end()) // 2 * 2)
        numbers = np.frombuffer(data, ">u2", n_bytes // 2, header.end())
    else:  # decimal numbers
        words = re.sub(rb"#[^\r\n]*", b"", data[header.end() :]).split(maxsplit=size)[:size]
        numbers = np.array(words, dtype=np.int64)
    if len(numbers) < size:
        raise ValueError("image file is truncated")
    if size and numbers.max() > white:
        raise ValueError(f"it has numbers above {white}, which is white")
    return numbers.astype(np.uint16).reshape(shape), white
