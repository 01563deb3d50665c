"""The bytes of image files: on this machine, in open file objects, or at a URL."""

import os
import re
from typing import Any

GLOB = "sorted(pathlib.Path(folder).glob('**/*.jpg'))"
URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")


def read_file(path: str | os.PathLike, where: str) -> bytes:
    """Return the bytes of a file, or of what a URL names.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If the file is empty, or `path` is not a path.
    """
    if isinstance(path, str) and URL.match(path):
        data = _read_url(path, where)
    else:
        data = _read_local(path, where)
    if not data:
        raise ValueError(f"{where} is empty (0 bytes). Replace the file or leave it out.")
    return data


def read_object(file: Any, where: str) -> bytes:
    """Return the bytes of an open file, from its beginning.

    Raises
    ------
    ValueError
        If the file gives text, is closed, or cannot be read from its beginning.
    """
    try:
        file.seek(0)
        data = file.read()
    except Exception as error:
        raise ValueError(
            f"{where} is a file that cannot be read from its beginning ({error}). Pass its path, "
            "or its bytes."
        ) from error
    if not isinstance(data, bytes):
        raise ValueError(f"{where} is a file of text. Open it in binary mode: open(path, 'rb').")
    if not data:
        raise ValueError(f"{where} is empty (0 bytes). Replace the file or leave it out.")
    return data


def _read_local(path: str | os.PathLike, where: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except IsADirectoryError as error:
        raise IsADirectoryError(f"{where} is a directory. Pass the files in it: {GLOB}.") from error
    except FileNotFoundError as error:
        hint = (
            f"Patterns are not expanded. Pass {GLOB}."
            if "*" in os.fspath(path)
            else "Strings are read as file paths: correct the path, or make it absolute."
        )
        raise FileNotFoundError(
            f"{where} does not exist (the current folder is {os.getcwd()!r}). {hint}"
        ) from error
    except OSError as error:
        raise type(error)(f"{where} could not be read ({error.strerror}).") from error
    except ValueError as error:  # a path with a zero byte
        raise ValueError(f"{where} is not a file path: {error}.") from error


def _read_url(url: str, where: str) -> bytes:
    try:
        import fsspec
    except ImportError as error:
        raise ValueError(
            f"{where} is a URL. To read URLs: pip install fsspec (and s3fs for s3://, gcsfs for "
            "gs://, aiohttp for http://)."
        ) from error
    try:
        with fsspec.open(url, "rb") as file:
            return file.read()
    except ImportError as error:  # fsspec says which package reads this kind of URL
        raise ValueError(f"{where} cannot be read: {error}.") from error
    except Exception as error:  # of any library behind fsspec
        raise OSError(f"{where} could not be read ({type(error).__name__}: {error}).") from error
