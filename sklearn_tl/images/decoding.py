"""The bytes of an image file, and PIL images, become numbers; errors name the image."""

import io
import math
from contextlib import suppress
from functools import partial

import numpy as np
from PIL import Image

from sklearn_tl._choices import MAX_PIXELS
from sklearn_tl.images import netpbm, tiff
from sklearn_tl.images.formats import sniff
from sklearn_tl.images.pil import (
    Notice,
    of_image,
    of_pages,
    one_of,
    only_page,
    open_file,
    source_of,
    turned,
    upright,
)
from sklearn_tl.images.pixels import Numbers
from sklearn_tl.images.reading import Reading
from sklearn_tl.images.refusals import Refused, check_size, require, unreadable

DEEP_READERS = "pip install imagecodecs tifffile"


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
            array = np.load(io.BytesIO(data), allow_pickle=False)
            return only_page(Numbers(array, is_deep=True), reading.page)
        if name == "PPM" and (size := netpbm.size_of_deep(data)):
            check(*size)
            array, white = netpbm.read_deep(data)
            return only_page(Numbers(array, is_deep=True, white=white), reading.page)
        if name == "TIFF":
            return _decode_tiff(data, reading, at_least, where, notice)
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
                return only_page(upright(_decode_png(data, where), image), reading.page)
            return of_pages(image, reading, notice)
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
        data = source_of(image, reading.page)
        if data is None:
            return of_pages(image, reading, notice)
        frame = image.tell()
        if reading.page is None and frame:  # the user chose it, thumbnails included
            positions = [page.position for page in tiff.read_pages(data)[0]]
            if frame not in positions:
                return of_pages(image, reading, notice)
            reading = reading.at_page(positions.index(frame))
        return decode(data, reading, None, where, notice)
    except Refused:
        raise
    except Exception as error:
        raise unreadable(error, where) from error


def _decode_tiff(
    data: bytes, reading: Reading, at_least: int | None, where: str, notice: Notice
) -> Numbers:
    pages, is_complete = tiff.read_pages(data)
    if not pages:
        raise ValueError("its tags cannot be read")
    if isinstance(reading.page, str) and not is_complete:
        raise ValueError(f"the tags of its page {len(pages)} are damaged")
    is_stack = len(pages) == 1 < pages[0].n_planes
    if is_stack and reading.page not in (None, 0):
        raise ValueError(
            f"only the first of its {pages[0].n_planes} planes can be read, since they share one "
            "page; save it with one page per plane, or read it by a loader"
        )
    if reading.page is None and (len(pages) > 1 or is_stack):
        notice("pages")

    def read(i: int) -> Numbers:
        page = pages[i]
        check_size(page.width, page.height, reading.max_pixels, where)
        # PIL decodes all of a file, so only files that would fill the memory are read in parts.
        is_large = page.width * page.height > MAX_PIXELS
        reduced = at_least if is_large and page.can_be_reduced else None
        by_pil = page.is_read_by_pil or (page.has_other_band and reading.channels is None)
        if reduced is not None or not by_pil:
            return _read_page(data, page, reduced, where)
        try:
            with open_file(data, "TIFF", where) as image:
                image.seek(page.position)
                numbers = of_image(image)
        except Exception as error:  # a compression that PIL does not know, perhaps, or damage
            with suppress(Exception):
                return _read_page(data, page, None, where)
            raise error
        if page.has_other_band:
            notice("bands")
        if page.bits == 32 and page.sample_format == tiff.UNSIGNED:
            numbers = numbers._replace(array=numbers.array.view(np.uint32))
        if page.has_alpha is None:
            numbers = numbers._replace(has_alpha=None)
        white = page.white if page.bits > 8 else None  # PIL scales fewer bits
        return numbers._replace(is_inverted=page.is_inverted, white=white)

    return one_of(reading, len(pages), read)


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
