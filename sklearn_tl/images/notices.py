"""What a call left out or guessed about its images: said once, with what to type instead."""

import warnings
from collections import defaultdict

import numpy as np

MANY, FEW = 1 / 3, 4  # more cropped images than both, as a share and a number, are worth a warning
DARK = 0.25  # images that all stay below this share of their range may have fewer bits
SENTENCES = {
    "pages": (
        "{n} have more than one page, and only the first is read. Set page=0 to confirm it, "
        'another number for another page, or page="mean" or page="max".'
    ),
    "alpha": (
        "{n} have 4 channels, which are read as RGB and alpha (transparency). If the fourth is "
        "something else, set channels=(0, 1, 2) to leave it out, or channels=(0, 1, 2, 3)."
    ),
    "bands": (
        "{n} have channels beyond RGB, which are left out. Set channels=(0, 1, 2) to confirm "
        "this, or name the channels to read."
    ),
    "8 bits": (
        "{n} have 8 bits, and value_range does not apply to them. Leave them out of X if they are "
        "not meant to be read from 0 to 255."
    ),
    "cropped": (
        "{n} lose more than half of their area, since the network sees the centre of an image. To "
        'use the whole image, set resize_mode="pad" (scaled to fit), "squash" (stretched) or '
        '"tiles" (several inputs, whose rows are averaged).'
    ),
    "gaps": (
        "{n} have more parts than the 16 tiles that an image is cut into, so there are gaps "
        'between the tiles. Cut such images into several ones, or set resize_mode="squash".'
    ),
}


class ImageWarning(UserWarning):
    """Something about the images of a call was guessed or left out.

    The message says what, and which parameter decides it.
    """


class Notices:
    """Collects, over one call, what is worth a warning. Threads may share it."""

    def __init__(self) -> None:
        self._where: dict[str, dict[int, str]] = defaultdict(dict)  # of each kind of notice
        self._peaks: dict[int, tuple[float, float]] = {}

    def add(self, kind: str, position: int, where: str) -> None:
        """Remember that a sentence applies to the image at a position of `X`."""
        self._where[kind][position] = where

    def add_peak(self, peak: float, white: float, position: int) -> None:
        """Remember the largest number of an image, and the number that is taken for white."""
        self._peaks[position] = (peak, white)

    def update(self, other: "Notices") -> None:
        """Take over what another process has collected."""
        for kind, where in other._where.items():
            self._where[kind] |= where
        self._peaks |= other._peaks

    def warn(self, all_were_read: bool = True, n_read: int = 0) -> None:
        """Give one warning for each kind of notice, and forget them all.

        Parameters
        ----------
        all_were_read : bool, default=True
            Whether no image of the call came from a cache, so that their largest number is known.
        n_read : int, default=0
            How many images of the call did not come from a cache. A few cropped images among many
            are not worth a warning.
        """
        for kind, where in self._where.items():
            if kind == "cropped" and len(where) <= max(FEW, MANY * n_read):
                continue
            first = where[min(where)]
            n = first if len(where) == 1 else f"{len(where)} images ({first} is the first)"
            text = SENTENCES[kind].format(n=n)
            text = text.replace("have", "has", 1) if len(where) == 1 else text
            warnings.warn(text, ImageWarning, stacklevel=4)
        if self._peaks and all_were_read:
            peak, white = max(self._peaks.values(), key=lambda pair: pair[0] / pair[1])
            if 0 < peak <= DARK * white:
                warnings.warn(_too_dark(peak, white, len(self._peaks)), ImageWarning, stacklevel=4)
        self._where.clear()
        self._peaks.clear()


def _too_dark(peak: float, white: float, n: int) -> str:
    bits = [bits for bits in (8, 10, 12, 14) if white > 1 and peak < 2**bits]
    likely = f"{2 ** bits[0] - 1}" if bits else f"{np.float64(peak):.4g}"
    of_bits = f" have {bits[0]} bits" if bits else " do not reach 1"
    return (
        f"No number in {'the image' if n == 1 else f'any of the {n} images'} is above {peak:g}, "
        f"but {white:g} is white, so they have little contrast. If the images{of_bits}, set "
        f"value_range=(0, {likely})."
    )
