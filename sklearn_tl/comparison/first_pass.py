"""Before any fit, all images go through the frozen layers once and their rows fill the caches."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sklearn.base import clone

from sklearn_tl.comparison.progress import bars_are_readable, say
from sklearn_tl.comparison.raw_pixels import PixelPass
from sklearn_tl.embedding import LARGE, FrozenPass, RowPass, embed, image_reader
from sklearn_tl.images import CONSTRAINTS, ImageSequence

# What decides which images a strategy sees, and in how many processes.
READING = (*CONSTRAINTS, "n_jobs")


def fill_caches(strategies: Mapping[str, Any], X: Any, verbose: int) -> dict[str, float]:
    """Run all images through the frozen layers; return the seconds that each strategy needs.

    Strategies that use the same network share a single pass. Its time counts for each of them.
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
    bars = int(verbose and bars_are_readable())
    for key, (parts, images, cache, n_jobs) in passes.items():
        start = time.perf_counter()
        frozen = join_passes(parts, len(images), cache)
        say(f"{frozen.name}: first pass over {len(images)} images", verbose)
        embed(images, frozen, cache=cache, n_jobs=n_jobs, verbose=bars, large_in_file=True)
        seconds[key] = time.perf_counter() - start
    return {name: seconds[shared[name]] if name in shared else 0.0 for name in strategies}


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
    networks = [part for part in parts if isinstance(part, FrozenPass)]
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
