"""Anything that a user calls images becomes pixels, and pixels become the input of a network.

`as_images` checks what a user passed and returns an `ImageSequence`, which reads each image on
request, as a `Reading` says, and collects `Notices` of what it leaves out or guesses.
`check_images` reads all of them and lists what is wrong; `check_each` does it for an
`ImageSequence`. `LazyImages` keeps a dataset unread in scikit-learn's folds, and `indexable` wraps
a dataset in it. `Preprocessing` resizes, crops and normalises pixels as the weights of a network
need it; `torchvision_preprocessing` and its like read it from the library of the weights.
`to_uint8` makes pixels for a screen. `FORMATS` lists the file formats and the endings of their
files, `sniff` recognises them, and `missing_package` says what to install for one. `CONSTRAINTS`
are those of the parameters of a `Reading`; `say_whose_limit` warns of a limit that is not used.
"""

from sklearn_tl.images.checking import Check, check_each, check_images
from sklearn_tl.images.formats import FORMAT_NAMES, FORMATS, missing_package, sniff
from sklearn_tl.images.lazy import LazyImages, indexable
from sklearn_tl.images.notices import ImageWarning, Notices
from sklearn_tl.images.pixels import to_uint8
from sklearn_tl.images.preprocessing import IMAGENET, Preprocessing
from sklearn_tl.images.presets import (
    timm_preprocessing,
    torchvision_preprocessing,
    transformers_preprocessing,
)
from sklearn_tl.images.reading import CONSTRAINTS, Reading, say_whose_limit
from sklearn_tl.images.sequence import ImageSequence, as_images

__all__ = [
    "CONSTRAINTS",
    "Check",
    "FORMATS",
    "FORMAT_NAMES",
    "IMAGENET",
    "ImageSequence",
    "ImageWarning",
    "LazyImages",
    "Notices",
    "Preprocessing",
    "Reading",
    "as_images",
    "check_each",
    "check_images",
    "indexable",
    "missing_package",
    "say_whose_limit",
    "sniff",
    "timm_preprocessing",
    "to_uint8",
    "torchvision_preprocessing",
    "transformers_preprocessing",
]
