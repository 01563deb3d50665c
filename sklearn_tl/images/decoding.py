"""Image files and PIL images become numbers; errors name the position and the path."""

import hashlib
import io
import os

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from sklearn_tl.images.pixels import to_pixels

# The formats that are read, by PIL's names, with the usual endings of file names. PIL has some
# forty more, and each is a parser that a file from a stranger could attack.
FORMATS = {
    "JPEG": (".jpg", ".jpeg"),
    "PNG": (".png",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
}
*_first, _last = FORMATS
FORMAT_NAMES = f"{', '.join(_first)} and {_last}"  # for messages
GLOB = "sorted(pathlib.Path(folder).glob('**/*.jpg'))"


class ImageFile:
    """The bytes of an image file, which are decoded on request: a digest needs no pixels.

    Parameters
    ----------
    path : str or path
        The file, which is read at once.
    value_range : (black, white) or None
        As for `to_pixels`. It applies to files with more than 8 bits per channel only.
    where : str
        The name of the image in error messages.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If the file is empty, or `path` is not a path.
    """

    def __init__(
        self, path: str | os.PathLike, value_range: tuple[float, float] | None, where: str
    ) -> None:
        self._value_range, self._where = value_range, where
        self._data = _read_file(path, where)

    @property
    def digest(self) -> bytes:
        """A digest of the bytes, and of how they are read."""
        return sha256(f"file {self._value_range}", self._data)

    def decode(self, at_least: int | None = None) -> np.ndarray:
        """Return the pixels; a JPEG file may be decoded at 1/2, 1/4 or 1/8 of its size.

        Parameters
        ----------
        at_least : int, default=None
            The size in pixels that both sides keep at least. None means the full size. It has no
            effect on formats other than JPEG.

        Returns
        -------
        pixels : ndarray of shape (height, width, 3), uint8 or float32
            As `to_pixels` returns them.

        Raises
        ------
        ValueError
            If the file cannot be decoded, or has more than ``PIL.Image.MAX_IMAGE_PIXELS``.
        """
        try:
            image = Image.open(io.BytesIO(self._data), formats=tuple(FORMATS))
            if at_least is not None:
                image.draft(None, (at_least, at_least))
            limit = Image.MAX_IMAGE_PIXELS  # PIL itself only warns up to twice as many
            if limit is not None and image.width * image.height > limit:
                raise Image.DecompressionBombError(
                    f"{image.width} x {image.height} pixels are over the limit of {limit}."
                )
        except Exception as error:
            raise unreadable(error, self._where) from error
        with image:
            array, value_range = from_pil(image, self._value_range, self._where)
        del image  # its pixels take as much memory as the array
        return to_pixels(array, value_range, self._where)


def from_pil(
    image: Image.Image, value_range: tuple[float, float] | None, where: str
) -> tuple[np.ndarray, tuple[float, float] | None]:
    """Return the numbers of a PIL image, upright, and the range that applies to them.

    The range of an image of 8 bits is None, since its dtype says it. An image of more bits keeps
    the `value_range` that was passed.
    """
    try:
        is_png = image.format == "PNG"
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:  # saves a copy otherwise
            image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16") or image.mode in ("I", "F"):
            array = np.asarray(image)
            # Some modes of PNG with 16 bits are opened by Pillow as 32-bit integers.
            array = array.astype(np.uint16) if image.mode == "I" and is_png else array
            return array, value_range
        if image.mode == "La":  # which PIL converts to LA only
            image = image.convert("LA")
        mode = "RGBA" if image.has_transparency_data else "RGB"
        return np.asarray(image if image.mode == mode else image.convert(mode)), None
    except Exception as error:
        raise unreadable(error, where) from error


def unreadable(error: Exception, where: str) -> ValueError:
    """Return a ValueError that says in which image PIL failed, and what to do.

    PIL raises many types for a broken file: OSError, SyntaxError, struct.error and others.
    """
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return ValueError(
            f"{where} was refused before decoding: {error} If you trust the file, raise "
            "PIL.Image.MAX_IMAGE_PIXELS or shrink the image."
        )
    if isinstance(error, UnidentifiedImageError):  # its text is the address of a buffer
        text = "unknown format"
    else:
        text = str(error) or "no reason given"
    return ValueError(
        f"{where} is not an image that can be read ({type(error).__name__}: {text}). Replace the "
        f"file or leave it out. The formats that can be read are {FORMAT_NAMES}."
    )


def sha256(header: str, data: bytes | memoryview) -> bytes:
    """Return the digest of some data, and of a header that says how they are read."""
    digest = hashlib.sha256(header.encode())
    digest.update(data)
    return digest.digest()


def _read_file(path: str | os.PathLike, where: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            data = file.read()
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
    if not data:
        raise ValueError(f"{where} is empty (0 bytes). Replace the file or leave it out.")
    return data
