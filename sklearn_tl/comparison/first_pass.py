"""Before any fit, all images go through the frozen layers once and their rows fill the caches."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from sklearn_tl.comparison.progress import bars_are_readable, say
from sklearn_tl.embedding import (
    EMBEDDING,
    LARGE,
    FrozenPass,
    PixelPass,
    RowPass,
    embed,
    image_reader,
)
from sklearn_tl.images import CONSTRAINTS, ImageSequence

# What decides which images a strategy sees, and in how many processes.
READING = (*CONSTRAINTS, "n_jobs")


class FirstRows(NamedTuple):
    """What the first pass has computed of all images.

    Parameters
    ----------
    seconds : dict of str to float
        The time that each strategy needs in the frozen layers.
    embeddings : ndarray of shape (n_images, n_features) or None
        Of the first network. None if no strategy has one, or if its embeddings are not among what
        the strategies learn from, or could not be kept.
    pixels : ndarray of shape (n_images, 1024 * n_channels) or None
        The raw pixels. None if no strategy takes images.
    """

    seconds: dict[str, float]
    embeddings: np.ndarray | None
    pixels: np.ndarray | None


def fill_caches(
    strategies: Mapping[str, Any],
    X: Any,
    verbose: int,
    *,
    with_pixels: bool = False,
    with_embeddings: bool = False,
) -> FirstRows:
    """Run all images through the frozen layers once.

    Strategies that use the same network share a single pass. Its time counts for each of them.

    Parameters
    ----------
    strategies : dict of str to estimator
    X : images
    verbose : int
    with_pixels : bool, default=False
        Whether raw pixels are wanted even if no strategy learns from them.
    with_embeddings : bool, default=False
        Whether embeddings are wanted even if all strategies with a network start at another layer.
    """
    passes: dict[str, tuple[list[RowPass], ImageSequence, Any, int | None]] = {}
    shared = {}
    for name, strategy in strategies.items():
        reader: Any = image_reader(clone(strategy))
        if reader is not None:
            images, frozen, cache = reader.first_pass(X)
            parameters = reader.get_params(deep=False)
            reading = [parameters.get(parameter) for parameter in READING]
            key = repr((type(frozen), frozen.settings, cache, reading[:-1]))
            passes.setdefault(key, ([], images, cache, reading[-1]))[0].append(frozen)
            shared[name] = key
    seconds = {}
    embeddings = pixels = None
    bars = int(verbose and bars_are_readable())
    for key, (parts, images, cache, n_jobs) in passes.items():
        start = time.perf_counter()
        if with_embeddings:
            parts = [*parts, *(replace(p, features=EMBEDDING) for p in networks_of(parts)[:1])]
        frozen = join_passes(parts, len(images), cache)
        say(f"{frozen.name}: first pass over {len(images)} images", verbose)
        rows = embed(images, frozen, cache=cache, n_jobs=n_jobs, verbose=bars, large_in_file=True)
        seconds[key] = time.perf_counter() - start
        if isinstance(frozen, PixelPass):
            pixels = rows if pixels is None else pixels
        elif embeddings is None and isinstance(frozen, FrozenPass):
            embeddings = columns_of_embedding(rows, frozen)
    if with_pixels and pixels is None and passes:
        parts, images, _, _ = next(iter(passes.values()))
        small = PixelPass(parts[0].preprocessing.n_channels)
        pixels = embed(images, small, cache=None, large_in_file=True)
    by_name = {name: seconds[shared[name]] if name in shared else 0.0 for name in strategies}
    return FirstRows(by_name, embeddings, pixels)


def networks_of(parts: Sequence[RowPass]) -> list[FrozenPass]:
    """Return the passes through a network."""
    return [part for part in parts if isinstance(part, FrozenPass)]


def columns_of_embedding(rows: np.ndarray, frozen: FrozenPass) -> np.ndarray | None:
    """Return the columns of rows that are embeddings, or None if there are none."""
    if EMBEDDING[0] not in frozen.features:
        return None
    place = frozen.features.index(EMBEDDING[0])
    ends = np.cumsum(frozen.lengths())
    return rows[:, ends[place] - frozen.lengths()[place] : ends[place]]


def join_passes(
    parts: Sequence[RowPass], n_images: int, cache: str | os.PathLike | None
) -> RowPass:
    """Return one pass for all of `parts`, without the features that the cache could not keep.

    Parameters
    ----------
    parts : list of RowPass
        Their settings are equal.
    n_images : int
        Number of images that will go through the pass.
    cache : "memory", path or None
        Where the rows will be kept.
    """
    networks = networks_of(parts)
    if not networks:
        return parts[0]
    joined = replace(networks[0], features=())
    for feature in dict.fromkeys(feature for part in networks for feature in part.features):
        more = replace(joined, features=(*joined.features, feature))
        fits = cache != "memory" or 4 * n_images * sum(more.lengths()) <= LARGE
        if cache is not None and fits:
            joined = more
    # Without features the images are still read, which finds those that cannot be.
    return joined if joined.features else PixelPass(joined.preprocessing.n_channels)
