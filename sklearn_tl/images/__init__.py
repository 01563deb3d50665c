"""Anything that a user calls images becomes pixels, and pixels become network input."""

from sklearn_tl.images.decoding import CHANNELS
from sklearn_tl.images.pixels import to_uint8
from sklearn_tl.images.preprocessing import Preprocessing, cover
from sklearn_tl.images.sequence import ImageSequence, as_images

__all__ = ["CHANNELS", "ImageSequence", "Preprocessing", "as_images", "cover", "to_uint8"]
