"""Anything that a user calls images becomes pixels, and pixels become the input of a network.

`as_images` checks what a user passed and returns an `ImageSequence`, which reads each image on
request. `Preprocessing` resizes, crops and normalises pixels as the weights of a network need it.
`to_uint8` makes pixels for a screen. `FORMATS` lists the file formats and the endings of their
files; `CHANNELS` lists how many channels an image may have.
"""

from sklearn_tl.images.decoding import FORMAT_NAMES, FORMATS
from sklearn_tl.images.pixels import CHANNELS, to_uint8
from sklearn_tl.images.preprocessing import IMAGENET, Preprocessing, cover
from sklearn_tl.images.sequence import ImageSequence, as_images

__all__ = [
    "CHANNELS",
    "FORMATS",
    "FORMAT_NAMES",
    "IMAGENET",
    "ImageSequence",
    "Preprocessing",
    "as_images",
    "cover",
    "to_uint8",
]
