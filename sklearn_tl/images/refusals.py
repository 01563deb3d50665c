"""Why a file is not read: errors that name the image, and say what to do or to install."""

from importlib import import_module
from types import ModuleType

from PIL import UnidentifiedImageError

from sklearn_tl.images.formats import FORMAT_NAMES


class Refused(ValueError):
    """An error whose message is complete."""


def unreadable(error: Exception, where: str) -> ValueError:
    """Return a ValueError that says in which image PIL failed, and what to do.

    PIL raises many types for a broken file: OSError, SyntaxError, struct.error and others.
    """
    if isinstance(error, UnidentifiedImageError):  # its text is the address of a buffer
        text = "unknown format"
    else:
        text = str(error) or "no reason given"
    return Refused(
        f"{where} is not an image that can be read ({type(error).__name__}: {text}). Replace the "
        f"file or leave it out. The formats that can be read are {FORMAT_NAMES}."
    )


def check_size(width: int, height: int, limit: int | None, where: str, *, times: int = 1) -> None:
    if limit is not None and width * height > times * limit:
        raise Refused(
            f"{where} was refused before decoding: its {width} x {height} pixels are more than "
            f"max_pixels={limit}. If you trust the file, set max_pixels={width * height}."
        )


def require(module: str, what: str, install: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        raise Refused(f"{what}. To read such files: {install}") from error
