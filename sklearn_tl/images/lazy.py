"""A dataset that scikit-learn can split into folds without reading its images."""

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse


def indexable(X: Any) -> Any:
    """Return `X` if scikit-learn can split it without reading its images, else a `LazyImages`."""
    can_be_split = isinstance(X, list | tuple) or hasattr(X, "iloc") or hasattr(X, "dtype")
    is_table = hasattr(X, "columns") or sparse.issparse(X)
    is_dataset = hasattr(X, "__getitem__") and hasattr(X, "__len__")
    if can_be_split or is_table or isinstance(X, LazyImages | Mapping | str) or not is_dataset:
        return X
    return LazyImages(X)


def files_of_folder(X: Any) -> list[str] | None:
    """Return the files of torchvision's ImageFolder, if it does no more than open them.

    Its own loader cuts 16 bits to 8, and does not turn photographs upright.
    """
    folder = sys.modules.get("torchvision.datasets.folder")  # there can be none without it
    if folder is None or type(X) not in (folder.ImageFolder, folder.DatasetFolder):
        return None  # a subclass may do more
    if X.loader is not folder.default_loader or X.transform or X.transforms:
        return None
    return [path for path, _ in X.samples]


class LazyImages:
    """Keep the images of a dataset unread while scikit-learn splits it into folds.

    scikit-learn turns a fold of a dataset into a list of its items, which are then all in memory.
    A fold of `LazyImages` is lazy again. Arrays and lists of paths do not need it.

    Parameters
    ----------
    dataset : sequence
        Any object with a length and integer positions, for example a dataset of torch,
        torchvision or Hugging Face. Its items may have any form that
        :class:`ConvFeatureExtractor` takes.

    Attributes
    ----------
    shape : tuple
        The number of images, in a tuple, as in an array of one dimension.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tl import LazyImages
    >>> class Squares:
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, i):
    ...         return np.full((8, 8), 60 * i, dtype=np.uint8)
    >>> fold = LazyImages(Squares())[np.array([1, 3])]
    >>> len(fold), int(fold[1].max())
    (2, 180)
    """

    def __init__(self, dataset: Any) -> None:
        files = files_of_folder(dataset)
        self._dataset = dataset if files is None else files
        self._positions = np.arange(len(self._dataset))

    @property
    def shape(self) -> tuple[int]:
        return self._positions.shape

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, key: Any) -> Any:
        positions = self._positions[key]
        if positions.ndim == 0:
            return self._dataset[int(positions)]
        part = object.__new__(LazyImages)
        part._dataset, part._positions = self._dataset, positions
        return part

    def __repr__(self) -> str:
        return f"LazyImages({len(self)} images)"
