"""Files and images of PIL become numbers: one page, upright, and of all pages taken together."""

import io
from collections.abc import Callable
from importlib import import_module

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin, UnidentifiedImageError

from sklearn_tl.images.pixels import Numbers, without_alpha
from sklearn_tl.images.reading import Reading
from sklearn_tl.images.refusals import require

Notice = Callable[[str], None]  # called with the kind of what the numbers leave out


def open_file(data: bytes, name: str | None, where: str) -> Image.Image:
    """Open a file as Image.open does, but with a limit of our own in place of PIL's."""
    if name is None:
        raise UnidentifiedImageError
    if name == "HEIF":
        require("pillow_heif", f"{where} is a HEIF file", "pip install pillow-heif")
        import_module("pillow_heif").register_heif_opener()
    return Image.OPEN[name][0](io.BytesIO(data), "")


def source_of(image: Image.Image, page: int | str | None) -> bytes | None:
    """Return the bytes of the file behind a PIL image that was opened and not yet decoded.

    PIL would cut colours of 16 bits to 8 bits, for example, and counts thumbnails as pages. None if
    PIL loses nothing of the file.
    """
    tiles = getattr(image, "tile", None)
    if not tiles:
        return None
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2  # BitsPerSample, SamplesPerPixel, SampleFormat
        is_plain = max(tags.get(258, (1,))) in (1, 8) and tags.get(277, 1) in (1, 3)
        loses = not is_plain or set(tags.get(339, (1,))) != {1} or page is not None
    elif image.format == "PNG":
        loses = "16" in str(tiles[0].args) and image.mode in ("RGB", "RGBA", "LA")
    else:
        loses = image.format == "PPM" and tiles[0].codec_name != "raw"
    if not loses:
        return None
    file = image.fp  # type: ignore[attr-defined]
    file.seek(0)  # the image is not decoded, so that it can be read again
    return file.read()


def of_pages(image: Image.Image, reading: Reading, notice: Notice) -> Numbers:
    """Return the numbers of one page of a PIL image, or of all pages taken together."""
    # JPEG and HEIF files of phones carry previews and depth maps, which nobody takes for pages.
    has_pages = image.format not in ("MPO", "HEIF") and getattr(image, "is_animated", False)
    if reading.page is None:
        if has_pages:
            notice("pages")
        return of_image(image)
    n_pages = getattr(image, "n_frames", 1) if has_pages else 1
    before = image.tell()

    def read(i: int) -> Numbers:
        image.seek(i)
        return of_image(image)

    try:
        return one_of(reading, n_pages, read)
    finally:
        image.seek(before)


def only_page(numbers: Numbers, page: int | str | None) -> Numbers:
    """Return the numbers of a file that has one page, or raise a ValueError for another page."""
    if isinstance(page, int) and page > 0:
        raise ValueError(f"page={page} was asked for, but it has 1, counted from 0")
    return numbers


def one_of(reading: Reading, n_pages: int, read: Callable[[int], Numbers]) -> Numbers:
    """Return the page that `reading` names, or the mean or the maximum of all pages."""
    page = reading.page
    if not isinstance(page, str):
        number = int(page or 0)
        if number >= n_pages:
            raise ValueError(f"page={page} was asked for, but it has {n_pages}, counted from 0")
        return read(number)
    is_mean = page == "mean"

    def flat(i: int) -> Numbers:
        numbers = read(i)
        return numbers if reading.channels else without_alpha(numbers, reading.value_range)

    first = flat(0)
    dtype = first.array.dtype
    result = first.array.astype(np.float64) if is_mean else first.array.copy()
    brightest = np.minimum if first.is_inverted else np.maximum
    for i in range(1, n_pages):
        array = flat(i).array
        if (array.shape, array.dtype) != (result.shape, dtype):
            raise ValueError(
                f'page="{page}" needs pages of one shape and type, but page {i} is {array.dtype} '
                f"of shape {array.shape}, and page 0 is {dtype} of shape {result.shape}"
            )
        (np.add if is_mean else brightest)(result, array, out=result)
    if is_mean:
        result /= n_pages
        result = result if dtype.kind == "f" else np.rint(result)
    return first._replace(array=result.astype(dtype))


def of_image(image: Image.Image) -> Numbers:
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
        return upright(numbers, image)
    has_alpha = image.has_transparency_data
    if image.mode == "La":  # which PIL converts to LA only
        image = image.convert("LA")
    if image.mode == "LA":
        mode = "LA"
    else:
        mode = "RGBA" if has_alpha else "L" if image.mode in ("1", "L") else "RGB"
    converted = image if image.mode == mode else image.convert(mode)
    return upright(Numbers(np.asarray(converted), has_alpha=has_alpha), image)


def upright(numbers: Numbers, image: Image.Image) -> Numbers:
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    return numbers._replace(array=turned(numbers.array, orientation))


def turned(array: np.ndarray, orientation: int) -> np.ndarray:
    """Undo the orientation of a camera, a number from 1 to 8 as EXIF defines it."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return array
