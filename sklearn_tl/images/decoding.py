"""The bytes of an image file, and PIL images, become numbers; errors name the image."""

import io
import math
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin, UnidentifiedImageError

from sklearn_tl.images import netpbm, tiff
from sklearn_tl.images.pixels import Numbers
from sklearn_tl.images.reading import MAX_PIXELS, Reading

# The formats that are read, by PIL's names, with the usual endings of file names. PIL has some
# forty more, and each is a parser that a file from a stranger could attack.
FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jfif"),
    "PNG": (".png",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "AVIF": (".avif",),
    "HEIF": (".heic", ".heif"),
}
*_first, _last = FORMATS
FORMAT_NAMES = f"{', '.join(_first)} and {_last}"  # for messages
NUMPY = b"\x93NUMPY"
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
AVIF_BRANDS = (b"avif", b"avis")
DEEP_READERS = "pip install 'sklearn-tl[scientific]'"

Notice = Callable[[str], None]  # called with the kind of what the numbers leave out


class _Refused(ValueError):
    """An error whose message is complete."""


def sniff(data: bytes) -> str | None:
    """Return the name of a file's format by its first 16 bytes, or None if it is not an image.

    Examples
    --------
    >>> sniff(b"GIF89a" + bytes(10)), sniff(b"# Read me first!")
    ('GIF', None)
    """
    if data.startswith(NUMPY):
        return "NPY"
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        return "HEIF" if brand in HEIF_BRANDS else "AVIF" if brand in AVIF_BRANDS else None
    _load_plugins()
    for name in FORMATS:
        _, accepts = Image.OPEN.get(name, (None, None))
        if accepts is not None and accepts(data[:16]):
            return name
    return None


def missing_package(name: str) -> str | None:
    """Return the package to install for files of this format, or None if they can be read."""
    return "pillow-heif" if name == "HEIF" and find_spec("pillow_heif") is None else None


def decode(
    data: bytes, reading: Reading, at_least: int | None, where: str, notice: Notice
) -> Numbers:
    """Return the numbers in the bytes of an image file, upright.

    Parameters
    ----------
    data : bytes
    reading : Reading
    at_least : int or None
        The size in pixels that both sides keep at least, if the file can be decoded at a reduced
        size: JPEG files, and very large TIFF files. None means the full size.
    where : str
        The name of the image in error messages.
    notice : callable

    Raises
    ------
    ValueError
        If the file cannot be decoded, or would be decoded to more than ``reading.max_pixels``.
    """
    name = sniff(data)
    check_size = partial(_check_size, limit=reading.max_pixels, where=where)
    try:
        if name == "NPY":
            return Numbers(np.load(io.BytesIO(data), allow_pickle=False), is_deep=True)
        if name == "PPM" and (size := netpbm.size_of_deep(data)):
            check_size(*size)
            array, white = netpbm.read_deep(data)
            return Numbers(array, is_deep=True, white=white)
        if name == "TIFF" and (pages := tiff.read_pages(data)):
            return _decode_tiff(data, pages, reading, at_least, where, notice)
        with _open(data, name, where) as image:
            full, is_progressive = image.size, bool(image.info.get("progressive"))
            if at_least is not None:
                image.draft(None, (at_least, at_least))
            # All of a progressive file is in memory at once. Of others only the reduced image is,
            # but a small file may claim any size, and its decoding takes time.
            if is_progressive or math.prod(full) > 2 * math.prod(image.size):
                check_size(*full, times=1 if is_progressive else 2)
            check_size(*image.size)
            if name == "PNG" and _is_deep_png(data):
                return _upright(_decode_png(data, where), image)
            return _from_pages(image, reading.page, notice)
    except _Refused:
        raise
    except Image.DecompressionBombError as error:  # some formats check PIL's own limit, too
        raise _Refused(
            f"{where} was refused before decoding: {error} If you trust the file, set max_pixels "
            f"to a larger number, and for {name} files PIL.Image.MAX_IMAGE_PIXELS as well."
        ) from error
    except Exception as error:
        raise unreadable(error, where) from error


def from_pil(image: Image.Image, reading: Reading, where: str, notice: Notice) -> Numbers:
    """Return the numbers of a PIL image, upright."""
    try:
        data = _source(image)
        if data is not None:
            frame = image.tell()
            at_frame = reading.at_page(frame) if reading.page is None and frame else reading
            return decode(data, at_frame, None, where, notice)
        return _from_pages(image, reading.page, notice)
    except _Refused:
        raise
    except Exception as error:
        raise unreadable(error, where) from error


def unreadable(error: Exception, where: str) -> ValueError:
    """Return a ValueError that says in which image PIL failed, and what to do.

    PIL raises many types for a broken file: OSError, SyntaxError, struct.error and others.
    """
    if isinstance(error, UnidentifiedImageError):  # its text is the address of a buffer
        text = "unknown format"
    else:
        text = str(error) or "no reason given"
    return _Refused(
        f"{where} is not an image that can be read ({type(error).__name__}: {text}). Replace the "
        f"file or leave it out. The formats that can be read are {FORMAT_NAMES}."
    )


def _check_size(width: int, height: int, limit: int | None, where: str, *, times: int = 1) -> None:
    if limit is not None and width * height > times * limit:
        raise _Refused(
            f"{where} was refused before decoding: its {width} x {height} pixels are more than "
            f"max_pixels={limit}. If you trust the file, set max_pixels={width * height}."
        )


def _open(data: bytes, name: str | None, where: str) -> Image.Image:
    """Open a file as Image.open does, but with a limit of our own in place of PIL's."""
    if name is None:
        raise UnidentifiedImageError
    if name == "HEIF":
        _require("pillow_heif", f"{where} is a HEIF file", "pip install pillow-heif")
        import_module("pillow_heif").register_heif_opener()
    return Image.OPEN[name][0](io.BytesIO(data), "")


def _source(image: Image.Image) -> bytes | None:
    """Return the bytes of the file behind a PIL image that was opened and not yet decoded.

    PIL would cut colours of 16 bits to 8 bits, for example. None if PIL loses nothing of the file.
    """
    tiles = getattr(image, "tile", None)
    if not tiles:
        return None
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        bits, n_channels = image.tag_v2.get(258, (1,)), image.tag_v2.get(277, 1)
        loses = max(bits) > 8 or n_channels == 4
    elif image.format == "PNG":
        loses = "16" in str(tiles[0].args) and image.mode in ("RGB", "RGBA", "LA")
    else:
        loses = image.format == "PPM" and tiles[0].codec_name != "raw"
    if not loses:
        return None
    file = image.fp  # type: ignore[attr-defined]
    file.seek(0)  # the image is not decoded, so that it can be read again
    return file.read()


def _from_pages(image: Image.Image, page: int | str | None, notice: Notice) -> Numbers:
    """Return the numbers of one page of a PIL image, or of all pages taken together."""
    # JPEG and HEIF files of phones carry previews and depth maps, which nobody takes for pages.
    has_pages = image.format not in ("MPO", "HEIF") and getattr(image, "is_animated", False)
    if page is None:
        if has_pages:
            notice("pages")
        return _from_pil(image)
    n_pages = getattr(image, "n_frames", 1) if has_pages else 1
    before = image.tell()

    def read(i: int) -> Numbers:
        image.seek(i)
        return _from_pil(image)

    try:
        return _one_of(page, n_pages, read)
    finally:
        image.seek(before)


def _one_of(page: int | str, n_pages: int, read: Callable[[int], Numbers]) -> Numbers:
    """Return the page that `page` names, or the mean or the maximum of all pages."""
    if not isinstance(page, str):
        if page >= n_pages:
            raise ValueError(f"page={page} was asked for, but it has {n_pages}, counted from 0")
        return read(int(page))
    first = read(0)
    dtype = first.array.dtype
    result = first.array.astype(np.float64) if page == "mean" else first.array.copy()
    for i in range(1, n_pages):
        array = read(i).array
        if array.shape != result.shape:
            raise ValueError(
                f'page="{page}" needs pages of one shape, but page {i} has the shape '
                f"{array.shape} and page 0 {result.shape}"
            )
        if page == "mean":
            result += array
        else:
            np.maximum(result, array, out=result)
    if page == "mean":
        result /= n_pages
        result = result if dtype.kind == "f" else np.rint(result)
    return first._replace(array=result.astype(dtype))


def _from_pil(image: Image.Image) -> Numbers:
    """Return the numbers of the current page of a PIL image."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        array = np.asarray(image)
        if image.mode == "I" and image.format in ("PNG", "PPM"):  # of 16 bits
            array = array.astype(np.uint16)
        numbers = Numbers(array, is_deep=True)
        hidden = image.info.get("transparency")
        if isinstance(hidden, int):  # the level that stands for transparent pixels
            alpha = np.where(array == hidden, 0, np.iinfo(array.dtype).max).astype(array.dtype)
            numbers = numbers._replace(array=np.stack([array, alpha], axis=-1), has_alpha=True)
        return _upright(numbers, image)
    has_alpha = image.has_transparency_data
    mode = "RGBA" if has_alpha else "L" if image.mode in ("1", "L") else "RGB"
    if image.mode == "La":  # which PIL converts to LA only
        image = image.convert("LA")
    converted = image if image.mode == mode else image.convert(mode)
    return _upright(Numbers(np.asarray(converted), has_alpha=has_alpha), image)


def _decode_tiff(
    data: bytes,
    pages: list[tiff.Page],
    reading: Reading,
    at_least: int | None,
    where: str,
    notice: Notice,
) -> Numbers:
    if reading.page is None and len(pages) > 1:
        notice("pages")

    def read(i: int) -> Numbers:
        page = pages[i]
        _check_size(page.width, page.height, reading.max_pixels, where)
        # PIL decodes all of a file, so only files that would fill the memory are read in parts.
        reduced = at_least if page.width * page.height > MAX_PIXELS else None
        # PIL leaves out a fourth channel that is not alpha.
        all_bands = page.has_other_band and reading.channels is not None
        if page.is_deep_colour or reduced is not None or all_bands:
            return _read_page(data, page, reduced, where)
        try:
            image = _open(data, "TIFF", where)
        except Exception:  # a form of TIFF that PIL does not know
            return _read_page(data, page, None, where)
        with image:
            image.seek(page.position)
            numbers = _from_pil(image)
        if page.bits == 32 and page.sample_format == tiff.UNSIGNED:
            numbers = numbers._replace(array=numbers.array.view(np.uint32))
        if page.has_other_band:
            notice("bands")
        elif page.n_channels == 4 and numbers.array.ndim == 3:
            numbers = numbers._replace(has_alpha=page.has_alpha)
        return numbers._replace(is_inverted=page.is_inverted, white=page.white)

    return _one_of(reading.page or 0, len(pages), read)


def _read_page(data: bytes, page: tiff.Page, at_least: int | None, where: str) -> Numbers:
    """Read a page of a TIFF file by the library that knows all forms of TIFF."""
    what = f"{where} is a TIFF file that PIL cannot read at its full depth and size"
    library = _require("tifffile", what, DEEP_READERS)
    array = tiff.read_deep(data, page, at_least, library)
    numbers = Numbers(
        array,
        is_deep=array.dtype != np.uint8,
        white=page.white,
        has_alpha=page.has_alpha,
        is_inverted=page.photometric == tiff.WHITE_IS_ZERO,
    )
    return numbers._replace(array=_turned(array, page.orientation))


def _is_deep_png(data: bytes) -> bool:
    """Tell whether a PNG file has 16 bits and more than one channel, which PIL cuts to 8 bits."""
    bit_depth, colour_type = data[24], data[25]
    return bit_depth == 16 and colour_type in (2, 4, 6)


def _decode_png(data: bytes, where: str) -> Numbers:
    what = f"{where} is a PNG file with 16 bits per channel, which PIL cuts to 8 bits"
    array = _require("imagecodecs", what, DEEP_READERS).png_decode(data)
    return Numbers(array, is_deep=True, has_alpha=array.shape[-1] in (2, 4))


def _upright(numbers: Numbers, image: Image.Image) -> Numbers:
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    return numbers._replace(array=_turned(numbers.array, orientation))


def _turned(array: np.ndarray, orientation: int) -> np.ndarray:
    """Undo the orientation of a camera, a number from 1 to 8 as EXIF defines it."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return array


def _require(module: str, what: str, install: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        raise _Refused(f"{what}. To read such files: {install}") from error


def _load_plugins() -> None:
    Image.preinit()
    if "TIFF" not in Image.OPEN or "WEBP" not in Image.OPEN:
        Image.init()
