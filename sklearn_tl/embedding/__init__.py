"""The frozen pass: images and frozen layers become rows, each image once per study."""

from sklearn_tl.embedding.engines import ENGINES, resolve_engine
from sklearn_tl.embedding.frozen_pass import EMBEDDING, LARGE, ROWS_VERSION, FrozenPass, embed
from sklearn_tl.embedding.interface import FirstPass, TakesImages, image_reader

__all__ = [
    "EMBEDDING",
    "ENGINES",
    "FirstPass",
    "TakesImages",
    "image_reader",
    "LARGE",
    "ROWS_VERSION",
    "FrozenPass",
    "embed",
    "resolve_engine",
]
