"""The bytes of an image file, and PIL images, become numbers; errors name the image."""

import io
import math
from functools import partial

import numpy as np
from PIL import Image

from sklearn_tl.images import netpbm, tiff
from sklearn_tl.images.formats import sniff
from sklearn_tl.images.pil import (
    Notice,
    of_image,
    of_pages,
    one_of,
    open_file,
    source_of,
    turned,
    upright,
)
from sklearn_tl.images.pixels import Numbers
from sklearn_tl.images.reading import MAX_PIXELS, Reading
from sklearn_tl.images.refusals import Refused, check_size, require, unreadable

DEEP_READERS = "pip install 'sklearn-tl[scientific]'"


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
    check = partial(check_size, limit=reading.max_pixels, where=where)
    try:
        if name == "NPY":
            return Numbers(np.load(io.BytesIO(data), allow_pickle=False), is_deep=True)
        if name == "PPM" and (size := netpbm.size_of_deep(data)):
            check(*size)
            array, white = netpbm.read_deep(data)
            return Numbers(array, is_deep=True, white=white)
        if name == "TIFF" and (pages := tiff.read_pages(data)):
            return _decode_tiff(data, pages, reading, at_least, where, notice)
        with open_file(data, name, where) as image:
            full, is_progressive = image.size, bool(image.info.get("progressive"))
            if at_least is not None:
                image.draft(None, (at_least, at_least))
            # All of a progressive file is in memory at once. Of others only the reduced image is,
            # but a small file may claim any size, and its decoding takes time.
            if is_progressive or math.prod(full) > 2 * math.prod(image.size):
                check(*full, times=1 if is_progressive else 2)
            check(*image.size)
            if name == "PNG" and _is_deep_png(data):
                return upright(_decode_png(data, where), image)
            return of_pages(image, reading.page, notice)
    except Refused:
        raise
    except Image.DecompressionBombError as error:  # some formats check PIL's own limit, too
        raise Refused(
            f"{where} was refused before decoding: {error} If you trust the file, set max_pixels "
            f"to a larger number, and for {name} files PIL.Image.MAX_IMAGE_PIXELS as well."
        ) from error
    except Exception as error:
        raise unreadable(error, where) from error


def from_pil(image: Image.Image, reading: Reading, where: str, notice: Notice) -> Numbers:
    """Return the numbers of a PIL image, upright."""
    try:
        data = source_of(image)
        if data is not None:
            frame = image.tell()
            at_frame = reading.at_page(frame) if reading.page is None and frame else reading
            return decode(data, at_frame, None, where, notice)
        return of_pages(image, reading.page, notice)
    except Refused:
        raise
    except Exception as error:
        raise unreadable(error, where) from error


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
        check_size(page.width, page.height, reading.max_pixels, where)
        # PIL decodes all of a file, so only files that would fill the memory are read in parts.
        reduced = at_least if page.width * page.height > MAX_PIXELS else None
        # PIL leaves out a fourth channel that is not alpha.
        all_bands = page.has_other_band and reading.channels is not None
        if page.is_deep_colour or reduced is not None or all_bands:
            return _read_page(data, page, reduced, where)
        try:
            image = open_file(data, "TIFF", where)
        except Exception:  # a form of TIFF that PIL does not know
            return _read_page(data, page, None, where)
        with image:
            image.seek(page.position)
            numbers = of_image(image)
        if page.bits == 32 and page.sample_format == tiff.UNSIGNED:
            numbers = numbers._replace(array=numbers.array.view(np.uint32))
        if page.has_other_band:
            notice("bands")
        elif page.n_channels == 4 and numbers.array.ndim == 3:
            numbers = numbers._replace(has_alpha=page.has_alpha)
        return numbers._replace(is_inverted=page.is_inverted, white=page.white)

    return one_of(reading.page or 0, len(pages), read)


def _read_page(data: bytes, page: tiff.Page, at_least: int | None, where: str) -> Numbers:
    """Read a page of a TIFF file by the library that knows all forms of TIFF."""
    what = f"{where} is a TIFF file that PIL cannot read at its full depth and size"
    library = require("tifffile", what, DEEP_READERS)
    array = tiff.read_deep(data, page, at_least, library)
    numbers = Numbers(
        array,
        is_deep=array.dtype != np.uint8,
        white=page.white,
        has_alpha=page.has_alpha,
        is_inverted=page.photometric == tiff.WHITE_IS_ZERO,
    )
    return numbers._replace(array=turned(array, page.orientation))


def _is_deep_png(data: bytes) -> bool:
    """Tell whether a PNG file has 16 bits and more than one channel, which PIL cuts to 8 bits."""
    bit_depth, colour_type = data[24], data[25]
    return bit_depth == 16 and colour_type in (2, 4, 6)


def _decode_png(data: bytes, where: str) -> Numbers:
    what = f"{where} is a PNG file with 16 bits per channel, which PIL cuts to 8 bits"
    array = require("imagecodecs", what, DEEP_READERS).png_decode(data)
    return Numbers(array, is_deep=True, has_alpha=array.shape[-1] in (2, 4))
