"""TIFF files: their pages, and what PIL would cut, invert or not read at all."""

import io
import logging
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import TiffImagePlugin

MAX_PAGES = 100_000
# tifffile reports damage in its log before it raises an error. Without a handler, Python would
# print these lines to stderr.
logging.getLogger("tifffile").addHandler(logging.NullHandler())
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2  # values of the tag PhotometricInterpretation
ASSOCIATED, UNASSOCIATED = 1, 2  # two kinds of alpha, in the tag ExtraSamples
UNSIGNED = 1  # in the tag SampleFormat


class Page(NamedTuple):
    """What the tags of a page say."""

    position: int  # among all pages of the file, reduced ones included
    width: int
    height: int
    bits: int  # per channel
    n_channels: int
    photometric: int
    sample_format: int
    extra: tuple[int, ...]  # what the channels beyond grey or RGB are; empty if it is not said
    orientation: int
    is_swapped: bool  # big-endian and compressed
    is_planar: bool  # one plane per channel
    n_planes: int  # of a stack that has one page for all of its planes
    is_volume: bool

    @property
    def is_read_by_pil(self) -> bool:
        """Whether PIL is known to return the numbers of such a page as they are."""
        if self.is_volume:
            return False
        if self.bits > 8:  # PIL does not swap the bytes of compressed numbers of all kinds
            swaps = self.bits == 16 and self.sample_format == UNSIGNED
            return self.n_channels == 1 and (swaps or not self.is_swapped)
        if self.sample_format != UNSIGNED or (self.is_planar and self.extra):
            return False
        n_alpha = int(self.has_alpha is not False)
        if self.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO):
            return self.n_channels == 1 + bool(self.has_alpha) and self.bits in (1, 2, 4, 8)
        if self.photometric == RGB:
            return self.bits == 8 and self.n_channels == 3 + n_alpha
        return True  # palettes, CMYK and others

    @property
    def can_be_reduced(self) -> bool:
        """Whether its numbers can be averaged as they are."""
        whole = self.bits in (8, 16, 32, 64) and self.extra[:1] != (ASSOCIATED,)
        return whole and self.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB)

    @property
    def is_inverted(self) -> bool:
        """Whether white is 0 in numbers that PIL returns as they are."""
        return self.photometric == WHITE_IS_ZERO and self.bits > 8

    @property
    def white(self) -> int | None:
        """The number that is white if the file says it, by a depth such as 12 bits."""
        return None if self.bits in (1, 8) or self.bits >= 16 else 2**self.bits - 1

    @property
    def has_other_band(self) -> bool:
        """Whether there is a fourth channel beyond RGB that is not alpha, which PIL leaves out."""
        is_rgb = self.photometric == RGB and self.bits == 8 and not self.is_planar
        return is_rgb and self.n_channels == 4 and self.has_alpha is False

    @property
    def has_alpha(self) -> bool | None:
        """Whether the last channel is alpha. None if a fourth channel is not explained."""
        if self.n_channels == 4 and self.photometric == RGB and not self.extra:
            return None
        return len(self.extra) == 1 and self.extra[0] in (ASSOCIATED, UNASSOCIATED)


def read_pages(data: bytes) -> tuple[list[Page], bool]:
    """Return the pages of a file, without thumbnails and other pages of reduced size.

    Only tags are read.

    Returns
    -------
    pages : list of Page
        Those before the first page whose tags are damaged.
    is_complete : bool
        Whether there was no such page.

    Raises
    ------
    ValueError
        If it is a camera raw file, whose only page that is not raw is a preview.
    """
    pages: list[Page] = []
    reduced: list[Page] = []
    is_complete = False
    try:
        for position, tags in enumerate(_directories(data)):
            is_reduced = bool(tags.get(254, 0) & 1)  # NewSubfileType
            if 50706 in tags or (is_reduced and 330 in tags):  # DNGVersion; SubIFDs
                raise _Raw
            (reduced if is_reduced else pages).append(_page(position, tags, data))
        is_complete = True
    except _Raw:
        raise ValueError(
            "it is a camera raw file, of which only the preview could be read; read it by a loader"
        ) from None
    except Exception:  # PIL raises many types for tags that are damaged
        pass
    return pages or reduced, is_complete


class _Raw(Exception):
    pass


def _page(position: int, tags: Any, data: bytes) -> Page:
    return Page(
        position=position,
        width=int(tags[256]),
        height=int(tags[257]),
        bits=int(max(_as_tuple(tags.get(258, (1,))))),
        n_channels=int(tags.get(277, 1)),
        photometric=int(tags.get(262, BLACK_IS_ZERO)),
        sample_format=int(_as_tuple(tags.get(339, UNSIGNED))[0]),
        extra=tuple(map(int, _as_tuple(tags.get(338, ())))),
        orientation=int(tags.get(274, 1)),
        is_swapped=data.startswith(b"MM") and tags.get(259, 1) != 1,
        is_planar=tags.get(284, 1) == 2,
        n_planes=_count_planes(tags),
        is_volume=int(tags.get(32997, 1)) > 1,  # ImageDepth
    )


def _count_planes(tags: Any) -> int:
    """Return how many planes lie behind one page, as ImageJ writes stacks of over 4 GB."""
    in_imagej = re.search(r"^ImageJ=.*^images=(\d+)", str(tags.get(270, "")), re.M | re.S)
    return int(in_imagej[1]) if in_imagej else 1


def read_deep(data: bytes, page: Page, at_least: int | None, tifffile: Any) -> np.ndarray:
    """Return the numbers of a page at their full depth, as (height, width[, channels]).

    Parameters
    ----------
    data : bytes
    page : Page
    at_least : int or None
        With a number, the page is read tile by tile and reduced by a whole factor, so that both
        sides keep at least this many pixels. Its memory is then that of the result and one tile.
    tifffile : module

    Raises
    ------
    ValueError
        If its numbers are not grey levels, colours or separate channels.
    """
    if page.photometric not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, 6):
        raise ValueError(
            f"its colour space has the TIFF number {page.photometric}; save the image as RGB"
        )
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        found = file.pages[page.position]
        if not any(found.databytecounts):  # it would be read as black
            raise ValueError("its tags do not say where its pixels are")
        if at_least is not None:
            found = _smallest_level(file, page, at_least) or found
            factor = min(found.imagelength, found.imagewidth) // at_least
            if factor > 1:
                return _reduced(found, factor)
        array = found.asarray()
        axes = found.axes
    if axes == "SYX":  # one plane per channel
        array = np.moveaxis(array, 0, -1)
    elif axes not in ("YX", "YXS"):
        raise ValueError(f"its pages have the axes {axes}: save one plane, or use a loader")
    if page.extra[:1] == (ASSOCIATED,) and array.ndim == 3:  # colours were multiplied by alpha
        return _divided_by_alpha(array)
    return array


def _directories(data: bytes) -> Iterator[Any]:
    """Yield the tags of each page."""
    file = io.BytesIO(data)
    header = data[:16] if data[2:3] == b"\x2b" or data[3:4] == b"\x2b" else data[:8]
    tags = TiffImagePlugin.ImageFileDirectory_v2(header)
    offset, seen = tags.next, set[int]()
    while offset and offset not in seen and len(seen) < MAX_PAGES:
        seen.add(offset)
        file.seek(offset)
        tags = TiffImagePlugin.ImageFileDirectory_v2(header)
        tags.load(file)
        yield tags
        offset = tags.next


def _smallest_level(file: Any, page: Page, at_least: int) -> Any:
    """Return the smallest page of a pyramid that is large enough, or None if it is not one."""
    if page.position != 0 or not file.series or len(file.series[0].levels) < 2:
        return None
    levels = [level.pages[0] for level in file.series[0].levels if len(level.pages) == 1]
    enough = [p for p in levels if min(p.imagelength, p.imagewidth) >= at_least]
    return min(enough, key=lambda p: p.imagewidth, default=None)


def _reduced(page: Any, factor: int) -> np.ndarray:
    """Return the means of squares of `factor` pixels, read one tile or strip at a time."""
    height, width = page.imagelength, page.imagewidth
    shape = (-(-height // factor), -(-width // factor), page.samplesperpixel)
    sums = np.zeros(shape, dtype=np.float64)
    for tile, (plane, _, top, left, _), _ in page.segments(maxworkers=1):
        if tile is None:  # a tile that the file leaves out is black
            continue
        tile = tile[0, : height - top, : width - left]  # without the padding at the edges
        rows, row_starts = _bins(top, tile.shape[0], factor)
        columns, column_starts = _bins(left, tile.shape[1], factor)
        part = np.add.reduceat(tile, column_starts, axis=1, dtype=np.float64)
        part = np.add.reduceat(part, row_starts, axis=0)
        one_plane = tile.shape[2] < shape[2]  # planes of one channel each
        sums[rows, columns, plane : plane + 1 if one_plane else None] += part
    counts = [np.diff([*range(0, side, factor), side]) for side in (height, width)]
    means = sums / np.outer(*counts)[..., None]
    return (means if page.dtype.kind == "f" else np.rint(means)).astype(page.dtype)


def _bins(start: int, length: int, factor: int) -> tuple[slice, np.ndarray]:
    """Return which results a run of pixels belongs to, and where each of them begins in it."""
    first, last = start // factor, (start + length - 1) // factor
    starts = np.arange(first, last + 1) * factor - start
    return slice(first, last + 1), np.maximum(starts, 0)


def _divided_by_alpha(array: np.ndarray) -> np.ndarray:
    """Return colours as they were before they were multiplied by alpha, the last channel."""
    white = 1.0 if array.dtype.kind == "f" else np.iinfo(array.dtype).max
    alpha = array[..., -1:].astype(np.float64)
    colours = np.minimum(array[..., :-1] * (white / np.maximum(alpha, 1e-9)), white)
    return np.concatenate([colours.astype(array.dtype), array[..., -1:]], axis=-1)


def _as_tuple(value: Any) -> Sequence:
    return value if isinstance(value, tuple | list) else (value,)
