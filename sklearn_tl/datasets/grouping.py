"""Groups of images that belong together, read from the names of files or from their EXIF data."""

import os
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from PIL import Image

from sklearn_tl.datasets.problems import enumerated

EXIF = 0x8769  # the part of the EXIF data that has the times
MODEL, SERIAL_NUMBER = 0x0110, 0xA431
TIME, FRACTION = 0x9003, 0x9291  # when the photograph was taken, and parts of its second


def groups_from_names(
    paths: Sequence[str | os.PathLike], pattern: str | Callable[[str], Any]
) -> np.ndarray:
    r"""Return the group of each file, read from its path.

    Parameters
    ----------
    paths : sequence of str or path
        The files, in the order of the images.
    pattern : str or callable
        A regular expression with parentheses around what the paths of one group have in common. It
        is searched for in the whole path, with ``/`` between folders. Or a function that takes a
        path and returns the name of its group.

    Returns
    -------
    groups : ndarray of shape (n_images,)
        Text, or what the function returns. Ready for the `groups` of :func:`compare_strategies`
        and of scikit-learn's splitters.

    Raises
    ------
    ValueError
        If the pattern is not a regular expression, has no parentheses, or is not in all paths.

    Examples
    --------
    >>> from sklearn_tl.datasets import groups_from_names
    >>> paths = ["cats/tom_1.jpg", "cats/tom_2.jpg", "cats/kitty_1.jpg"]
    >>> groups_from_names(paths, r"(.*)_\d+\.jpg").tolist()
    ['cats/tom', 'cats/tom', 'cats/kitty']
    """
    names = [os.fspath(path).replace(os.sep, "/") for path in paths]
    if callable(pattern):
        found = [pattern(name) for name in names]
        groups = np.empty(len(found), dtype=object)
        groups[:] = found
        return groups
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"The pattern {pattern!r} is not a regular expression: {error}."
        ) from error
    if compiled.groups == 0:
        raise ValueError(
            f"The pattern {pattern!r} has no parentheses. Put them around the part that the paths "
            r"of one group have in common, for example (.*)_\d+\.jpg"
        )
    matches = [compiled.search(name) for name in names]
    others = [name for name, match in zip(names, matches, strict=True) if match is None]
    if others:
        raise ValueError(
            f"The pattern {pattern!r} is not in {len(others)} of the {len(names)} paths: "
            f"{enumerated(others, shown=3)}. Expected a pattern that is in all of them."
        )
    return np.array(["|".join(map(str, match.groups())) for match in matches if match])


def groups_from_times(paths: Sequence[str | os.PathLike], seconds: float = 10.0) -> np.ndarray:
    """Return one group for the photographs that a camera took shortly after each other.

    Parameters
    ----------
    paths : sequence of str or path
        Files with the time and the camera in their EXIF data, as cameras and phones write them.
    seconds : float, default=10.0
        A photograph that was taken at most so many seconds after another one is in its group.

    Returns
    -------
    groups : ndarray of shape (n_images,)
        Integers. A file without a time is a group of its own.

    Raises
    ------
    ValueError
        If no file has a time, or `seconds` is negative.

    Examples
    --------
    >>> import os, tempfile
    >>> from PIL import Image
    >>> from sklearn_tl.datasets import groups_from_times
    >>> folder, paths = tempfile.mkdtemp(), []
    >>> for second in (1, 3, 59):
    ...     exif = Image.Exif()
    ...     exif.get_ifd(0x8769)[0x9003] = f"2026:05:01 12:00:{second:02d}"
    ...     paths.append(os.path.join(folder, f"{second}.jpg"))
    ...     Image.new("RGB", (8, 8)).save(paths[-1], exif=exif)
    >>> groups_from_times(paths).tolist()
    [0, 0, 1]
    """
    if not seconds >= 0:
        raise ValueError(f"seconds={seconds} must be 0 or a positive number.")
    taken = [_camera_and_time(path) for path in paths]
    if not any(taken):
        raise ValueError(
            f"None of the {len(paths)} files has a time in its EXIF data. Programs and web sites "
            "often remove it. Use the original files, or name the groups in another way."
        )
    order = sorted((known, i) for i, known in enumerate(taken) if known)
    groups = np.full(len(paths), -1)
    group = -1
    before: tuple[str, datetime] | None = None
    for (camera, time), i in order:
        is_near = before is not None and camera == before[0]
        if not (is_near and before and time - before[1] <= timedelta(seconds=seconds)):
            group += 1
        groups[i], before = group, (camera, time)
    alone = np.flatnonzero(groups < 0)
    groups[alone] = np.arange(group + 1, group + 1 + len(alone))
    return groups


def _camera_and_time(path: str | os.PathLike) -> tuple[str, datetime] | None:
    """Return which camera took a photograph, and when, or None if the file does not say."""
    try:
        with Image.open(path) as image:
            exif = image.getexif()
            details = exif.get_ifd(EXIF)
        time = datetime.strptime(str(details[TIME]).strip("\0 "), "%Y:%m:%d %H:%M:%S")
        fraction = str(details.get(FRACTION, "")).strip("\0 ")
    except (OSError, KeyError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    if fraction.isdecimal():
        time += timedelta(seconds=float(f"0.{fraction}"))
    return f"{exif.get(MODEL, '')}|{details.get(SERIAL_NUMBER, '')}", time
