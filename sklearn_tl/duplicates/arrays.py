"""`duplicates_in`: copies and sequences among images whose rows and pixels are known."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_array

from sklearn_tl._utils import check_option, is_missing
from sklearn_tl.duplicates.alignment import SIDE
from sklearn_tl.duplicates.result import Duplicates
from sklearn_tl.duplicates.search import THRESHOLD, find_copies, unit_rows
from sklearn_tl.duplicates.sequences import find_links, series_of


def duplicates_in(
    rows: Any,
    pixels: Any,
    *,
    names: Sequence[str] | None = None,
    y: Any = None,
    threshold: float | None = None,
    sequences: str | bool = "auto",
) -> Duplicates:
    """Find copies and sequences among images whose embeddings and pixels are known.

    Parameters
    ----------
    rows : array-like of shape (n_images, n_features)
        The embedding of each image.
    pixels : array-like of shape (n_images, 1024 * n_channels)
        Levels from 0 to 1 of 32 x 32 pixels, as :class:`sklearn_tl.comparison.RawPixels` returns
        them.
    names : sequence of str or None, default=None
        The path of each image. They give the order of images in sequences, and name examples.
    y : array-like of shape (n_images,) or None, default=None
        One label per image. See :func:`find_duplicates`.
    threshold : float or None, default=None
        How well two images must agree to be copies, in (0, 1]. See :func:`find_duplicates`.
    sequences : {"auto"} or bool, default="auto"
        Whether to look for sequences. See :func:`find_duplicates`.

    Returns
    -------
    duplicates : Duplicates

    Raises
    ------
    ValueError, TypeError
        If an array has a wrong shape, NaN or infinity, or a parameter is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tl.duplicates import duplicates_in
    >>> generator = np.random.default_rng(0)
    >>> rows, pixels = generator.normal(size=(4, 8)), generator.random((4, 3072))
    >>> rows[3], pixels[3] = rows[1], 0.8 * pixels[1]
    >>> duplicates_in(rows, pixels).pairs
    array([[1, 3]])
    """
    check_parameters(threshold, sequences)
    rows = check_array(rows, dtype=np.float32, input_name="rows")
    pixels = check_array(pixels, dtype=np.float32, input_name="pixels")
    n = len(rows)
    if pixels.shape[1] % SIDE**2:
        raise ValueError(
            f"Expected pixels of shape (n_images, 1024 * n_channels), got {pixels.shape} instead. "
            "Pass the rows of RawPixels().fit_transform(X)."
        )
    _check_length(pixels, "rows of pixels", n)
    if names is not None:
        _check_length(names, "names", n)
        names = [str(name) for name in names]
    codes = None if y is None else _codes(y, n)
    units = unit_rows(rows)
    copies, scores = find_copies(units, pixels, threshold)
    links, cosines = np.empty((0, 2), dtype=np.intp), np.empty(0)
    if sequences is not False:
        links, cosines = find_links(units, series_of(names, codes, n))
    return Duplicates.of(copies, scores, links, cosines, n_images=n, codes=codes, names=names)


def check_parameters(threshold: Any, sequences: Any) -> None:
    """Raise a ValueError unless the parameters are as `duplicates_in` describes them."""
    is_number = isinstance(threshold, float | int | np.floating)
    if threshold is not None and not (is_number and 0 < threshold <= 1):
        raise ValueError(
            f"threshold={threshold!r} must be a number above 0 and up to 1, for example "
            f"threshold={THRESHOLD}."
        )
    check_option("sequences", sequences, ["auto", True, False])


def _codes(y: Any, n_images: int) -> np.ndarray:
    """Return a whole number for each label, which is -1 for a missing label."""
    y = np.asarray(y)
    if y.ndim != 1:
        raise ValueError(
            f"Expected y of shape (n_images,), one label per image, got {y.shape} instead. Leave y "
            "out if images have several labels."
        )
    _check_length(y, "labels in y", n_images)
    numbers: dict[Any, int] = {}
    labels = y.tolist()
    codes = [-1 if is_missing(v) else numbers.setdefault(v, len(numbers)) for v in labels]
    return np.array(codes, dtype=np.intp)


def _check_length(values: Any, what: str, n_images: int) -> None:
    if len(values) != n_images:
        raise ValueError(
            f"Found {len(values)} {what} and {n_images} rows. Pass one of each per image."
        )
