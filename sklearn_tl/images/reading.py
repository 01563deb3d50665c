"""How images are read: the parameters that all estimators have in common."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, Self

from PIL import Image

from sklearn_tl._choices import MAX_PIXELS
from sklearn_tl._utils import Interval, StrOptions
from sklearn_tl.images.notices import ImageWarning

CONSTRAINTS: dict[str, list] = {
    "image_shape": [tuple, list, StrOptions({"strip"}), None],
    "value_range": [tuple, list, None],
    "channels": [tuple, list, None],
    "page": [Interval(Integral, 0, None, closed="left"), StrOptions({"mean", "max"}), None],
    "loader": [callable, None],
    "max_pixels": [Interval(Integral, 1, None, closed="left"), None],
}


@dataclass(frozen=True)
class Reading:
    """How the items of `X` become pixels. The estimators' docstrings say what each field means.

    Parameters
    ----------
    image_shape : tuple, "strip" or None, default=None
        How the rows of a 2-D array are read.
    value_range : (black, white) or None, default=None
        The numbers that stand for black and white. None means that the dtype says it.
    channels : tuple of int or None, default=None
        The channels that are read, from 0, in this order. None means RGB.
    page : int, "mean", "max" or None, default=None
        Which page of a file is read. None is the first, and says so if there are others.
    loader : callable or None, default=None
        Turns an item of `X` into another item.
    max_pixels : int or None, default=MAX_PIXELS
        Files that would be decoded to more pixels are refused. None reads all.
    """

    image_shape: tuple[int, ...] | str | None = None
    value_range: tuple[float, float] | None = None
    channels: tuple[int, ...] | None = None
    page: int | str | None = None
    loader: Callable[[Any], Any] | None = None
    max_pixels: int | None = MAX_PIXELS

    @classmethod
    def of(cls, parameters: dict[str, Any]) -> Self:
        """Return the reading that these parameters of an estimator stand for.

        Raises
        ------
        ValueError
            If one of them is wrong. Their types were checked before.
        """
        values: dict[str, Any] = {name: parameters[name] for name in CONSTRAINTS}
        _check_range(values["value_range"])
        _check_shape(values["image_shape"])
        _check_channels(values["channels"])
        for name, value in values.items():
            values[name] = tuple(value) if isinstance(value, list) else value
        return cls(**values)

    @property
    def n_channels(self) -> int:
        """The number of channels of the pixels."""
        return 3 if self.channels is None else len(self.channels)

    def at_page(self, page: int) -> Self:
        """Return the same reading, of another page."""
        return replace(self, page=page)


def say_whose_limit(max_pixels: int | None) -> None:
    """Warn if PIL's own limit was changed, which does not reach other processes and is not used."""
    limit = Image.MAX_IMAGE_PIXELS
    if limit != MAX_PIXELS and max_pixels == MAX_PIXELS:
        warnings.warn(
            f"PIL.Image.MAX_IMAGE_PIXELS={limit} is not used, since it does not reach other "
            f"processes. Set max_pixels={limit} instead.",
            ImageWarning,
            stacklevel=3,
        )


def _check_range(value_range: Sequence | None) -> None:
    if value_range is not None and not (
        len(value_range) == 2
        and all(isinstance(x, Real) and math.isfinite(x) for x in value_range)
        and value_range[0] != value_range[1]
    ):
        raise ValueError(
            f"value_range={value_range!r} must be a pair (black, white) of two different numbers."
        )


def _check_shape(image_shape: Any) -> None:
    if isinstance(image_shape, tuple | list) and not (
        len(image_shape) in (2, 3)
        and all(isinstance(n, Integral) and int(n) > 0 for n in image_shape)
    ):
        raise ValueError(
            f"image_shape={image_shape!r} must be (height, width), (height, width, channels), "
            'or "strip".'
        )


def _check_channels(channels: Sequence | None) -> None:
    if channels is not None and not (
        len(channels) > 0 and all(isinstance(n, Integral) and int(n) >= 0 for n in channels)
    ):
        raise ValueError(
            f"channels={channels!r} must be positions of channels, counted from 0, for example "
            "channels=(0, 1, 2)."
        )
