"""`find_duplicates`: images become rows and pixels, in which copies are found."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

from sklearn_tl._choices import MAX_PIXELS
from sklearn_tl._utils import fork_safe
from sklearn_tl.duplicates.arrays import check_parameters, duplicates_in
from sklearn_tl.duplicates.result import Duplicates
from sklearn_tl.embedding import PixelPass, embed
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.images import ImageSequence, indexable
from sklearn_tl.targets import guess_task, labels_of


@fork_safe
def find_duplicates(
    X: Any,
    y: Any = None,
    *,
    backbone: str | nn.Module | Callable[[], nn.Module] = "efficientnet_lite0",
    weights: str | os.PathLike | None = "default",
    image_size: int | tuple[int, int] | str | None = None,
    image_shape: tuple[int, ...] | str | None = None,
    value_range: tuple[float, float] | None = None,
    channels: tuple[int, ...] | None = None,
    page: int | str | None = None,
    loader: Callable[[Any], Any] | None = None,
    max_pixels: int | None = MAX_PIXELS,
    cache: str | os.PathLike | None = "memory",
    threshold: float | None = None,
    sequences: str | bool = "auto",
    verbose: int = 0,
) -> Duplicates:
    """Find images that are in a data set more than once, and frames of one sequence.

    A model that is tested on a copy of a training image scores too high. Copies are found even if
    they were saved anew, resized, mirrored, made lighter, darker or grey, given a caption, or
    cropped to at least 80 % of the width and height. Copies that were turned are not found, unless
    the turn is in the EXIF data.

    Parameters
    ----------
    X : images
        In any form that :class:`ConvFeatureExtractor` takes.
    y : array-like of shape (n_images,) or (n_images, n_outputs), default=None
        Labels. Copies with different labels are listed, and a sequence ends where the label
        changes. Numbers to predict and several labels per image are not used. None takes
        ``X.targets``, which datasets such as torchvision's ImageFolder have.
    backbone : str, torch.nn.Module or callable, default="efficientnet_lite0"
        The network whose embeddings are compared. See :class:`ConvFeatureExtractor`.
    weights : str, path or None, default="default"
        See :class:`ConvFeatureExtractor`.
    image_size : int, (height, width), "native" or None, default=None
        Size of the network's input in pixels. See :class:`ConvFeatureExtractor`.
    image_shape : (height, width), (height, width, channels), "strip" or None, default=None
        How to read the rows of a two-dimensional `X`.
    value_range : (black, white) or None, default=None
        The numbers in arrays and in 16-bit, 32-bit and floating-point files that stand for black
        and white.
    channels : tuple of int or None, default=None
        The channels that are read. See :class:`ConvFeatureExtractor`.
    page : int, "mean", "max" or None, default=None
        Which page of a file is read. See :class:`ConvFeatureExtractor`.
    loader : callable or None, default=None
        Turns an item of `X` into an image. See :class:`ConvFeatureExtractor`.
    max_pixels : int or None, default=89478485
        The largest number of pixels to which a file is decoded.
    cache : "memory", path or None, default="memory"
        Where rows are kept. See :class:`ConvFeatureExtractor`.
    threshold : float or None, default=None
        How well the pixels of two images must agree, after alignment, to be copies: a number above
        0 and up to 1. None is 0.88; or 0.995 if different images agree well, too, as small digits
        or X-rays of one kind do. If different images of your data differ in small details only,
        raise it, for example to 0.95.
    sequences : {"auto"} or bool, default="auto"
        Whether to look for sequences: images that follow each other, in order of their names or of
        `X`, and look alike. "auto" and True look for them if images have paths or labels. Links
        are made only if at least half of all neighbours are more alike than 95 % of the images
        that are far apart. False does not look.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    duplicates : Duplicates
        The pairs, and groups that keep them together in folds.

    Raises
    ------
    ValueError, TypeError, OSError
        If an image cannot be read, or a parameter is wrong.

    See Also
    --------
    check_images : Says which images cannot be read.

    Notes
    -----
    Candidates are the nearest neighbours of each image by its embedding, and by a thumbnail of 8 x
    8 grey pixels [1]_. A candidate is a copy if windows of one image agree with the other image,
    block by block.

    References
    ----------
    .. [1] Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tl import find_duplicates
    >>> images = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 3), dtype=np.uint8)
    >>> images[3] = images[0, :, ::-1]  # mirrored
    >>> duplicates = find_duplicates(images)
    >>> duplicates.pairs, duplicates.groups
    (array([[0, 3]]), array([0, 1, 2, 0]))
    """
    check_parameters(threshold, sequences)
    y, X = labels_of(X, y), indexable(X)
    extractor = ConvFeatureExtractor(
        backbone,
        weights=weights,
        image_size=image_size,
        image_shape=image_shape,
        value_range=value_range,
        channels=channels,
        page=page,
        loader=loader,
        max_pixels=max_pixels,
        cache=cache,
    )
    images, frozen, _ = extractor.first_pass(X)
    # A sparse matrix is several labels per image, which say nothing here.
    labels = None if y is None or hasattr(y, "toarray") else _labels(y, len(images))
    rows = embed(images, frozen, cache=cache, verbose=verbose)
    pixel_pass = PixelPass(3 if channels is None else len(channels))
    pixels = embed(images, pixel_pass, cache=cache, verbose=verbose)
    return duplicates_in(
        rows, pixels, names=_paths(images), y=labels, threshold=threshold, sequences=sequences
    )


def _labels(y: Any, n_images: int) -> np.ndarray | None:
    """Return one label per image, or None if `y` is something else."""
    if len(y) != n_images:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X has {n_images} images "
            f"and y has {len(y)} labels. Pass one label per image, or leave y out."
        )
    return np.ravel(y) if guess_task(y) == "classification" else None


def _paths(images: ImageSequence) -> list[str] | None:
    """Return the path of each image, or None if one of them has no path."""
    paths = [images.path(i) for i in range(len(images))]
    return [path for path in paths if path is not None] if None not in paths else None
