"""The frozen pass: images and frozen layers become rows, each image once per study.

`FrozenPass` says what a row depends on, and `embed` returns the rows of images. `PixelPass` makes
rows of raw pixels. `TakesImages` is
all that other rooms may ask of an estimator that takes images.
"""

from sklearn_tl.embedding.engines import ENGINES, resolve_engine
from sklearn_tl.embedding.frozen_pass import (
    EMBEDDING,
    ROWS_VERSION,
    Feature,
    FrozenPass,
    RowPass,
    all_features,
    lengths_per_layer,
)
from sklearn_tl.embedding.interface import FirstPass, TakesImages, image_reader
from sklearn_tl.embedding.normalization import NORMALIZATIONS, normalize_parts
from sklearn_tl.embedding.pixel_pass import PixelPass
from sklearn_tl.embedding.rows import LARGE, embed

__all__ = [
    "EMBEDDING",
    "ENGINES",
    "LARGE",
    "NORMALIZATIONS",
    "ROWS_VERSION",
    "Feature",
    "FirstPass",
    "FrozenPass",
    "PixelPass",
    "RowPass",
    "TakesImages",
    "all_features",
    "embed",
    "image_reader",
    "lengths_per_layer",
    "normalize_parts",
    "resolve_engine",
]
