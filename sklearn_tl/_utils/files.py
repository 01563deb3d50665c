"""Files that are written completely or not at all, and arrays that live in a temporary file."""

import errno
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

_CHUNK = 1 << 24  # bytes of zeros that are written at once
# How file systems that cannot reserve space answer posix_fallocate.
_NOT_SUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the name of a new file in the same folder, which replaces `path` at the end.

    If the block raises, the new file is removed and `path` stays as it was.

    Raises
    ------
    FileNotFoundError
        If the folder of `path` does not exist.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"{str(path)!r} cannot be written: the folder {str(path.parent)!r} does not exist. "
            "Create the folder first."
        )
    part = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def array_in_file(shape: tuple[int, ...], advice: str = "") -> np.ndarray:
    """Return a float32 array of zeros in a temporary file, which disappears with the array.

    The space on the disk is reserved first. Without that, the first write to a page for which the
    disk has no room kills the process with the signal SIGBUS.

    Parameters
    ----------
    shape : tuple of int, all positive
    advice : str, default=""
        What else the user can change if the disk has no room. It continues the sentence "Set the
        environment variable TMPDIR to a folder with more room …".

    Returns
    -------
    ndarray of shape `shape`, float32

    Raises
    ------
    OSError
        If the temporary folder has no room for the array.
    """
    size = 4 * math.prod(shape)
    folder = tempfile.gettempdir()
    with tempfile.TemporaryFile(buffering=0, dir=folder) as file:
        try:
            _reserve(file, size)
        except OSError as error:
            file.truncate(0)  # so that the free space below includes what was already reserved
            raise OSError(
                error.errno,
                f"The temporary folder {folder!r} has no room for {size / 1e9:.3g} GB of "
                f"intermediate results; {shutil.disk_usage(folder).free / 1e9:.3g} GB are free "
                f"({error.strerror}). Before you start Python, set the environment variable "
                f"TMPDIR to a folder with more room{advice and f' {advice}'}.",
            ) from error
        return np.asarray(np.memmap(file, dtype=np.float32, mode="r+", shape=shape))


def _reserve(file: IO[bytes], size: int) -> None:
    """Make a file of `size` bytes of zeros for which the disk has room."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), 0, size)
            return
        except OSError as error:
            if error.errno not in _NOT_SUPPORTED:
                raise
    zeros = memoryview(bytes(min(size, _CHUNK)))
    while size:
        size -= file.write(zeros[:size])  # which can be fewer, after which the next write fails
