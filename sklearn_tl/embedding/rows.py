"""Images become rows: from the cache if it has them, otherwise by the frozen pass.

The first step reads every image as far as its digest needs and asks the cache. It is cheap, and it
finds missing files before any long work. The second step decodes the images that were not found
and runs the network on them.
"""

import itertools
import math
import os
import random
import re
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from joblib import effective_n_jobs

from sklearn_tl._utils import array_in_file, in_threads, tqdm
from sklearn_tl.cache import MEMORY_LIMIT, LayerStore, open_store
from sklearn_tl.embedding.batches import N_THREADS, block_size, compute, split
from sklearn_tl.embedding.frozen_pass import RowPass
from sklearn_tl.images import ImageSequence

DIGESTS_PER_TASK = 64
THREADS_PAY = 1e-4  # seconds per digest, above which threads are faster
LARGE = MEMORY_LIMIT  # bytes of rows
LOOKUP_BYTES = 1 << 26
OPEN_BYTES = 1 << 28  # of images of a dataset that stay open until their rows are there
COUNT_SECONDS = 10.0  # after an error, to look at the other images


def embed(
    images: ImageSequence,
    frozen: RowPass,
    *,
    cache: str | os.PathLike | None,
    n_jobs: int | None = None,
    verbose: int = 0,
    large_in_file: bool = False,
) -> np.ndarray:
    """Return the rows of images, from the cache if it has them.

    The features of each layer are stored separately, so a pass over several layers also serves a
    later pass over one of them.

    Parameters
    ----------
    images : ImageSequence
    frozen : RowPass
        A `FrozenPass`, for example.
    cache : "memory", path or None
    n_jobs : int, default=None
        Number of processes (joblib) that share the images that are not cached.
    verbose : int, default=0
        Whether to show a progress bar.
    large_in_file : bool, default=False
        Whether rows of more than 1 GiB in total may be kept in a temporary file. They would fill a
        cache in memory on their own, so they are not put there.

    Returns
    -------
    rows : ndarray of shape (n_images, n_features), float32, C-contiguous
    """
    n_jobs = effective_n_jobs(n_jobs)
    shape = (len(images), sum(frozen.lengths()))
    store = open_store(cache)
    if large_in_file and 4 * math.prod(shape) > LARGE:
        rows = array_in_file(shape, "or set a smaller image_size")
        store = open_store(None if cache == "memory" else cache)
    else:
        rows = np.empty(shape, dtype=np.float32)
    layers = LayerStore(store, frozen.keys(), frozen.lengths())
    # Code of the user, which may be slow, runs once per image.
    parts = images.in_parts(OPEN_BYTES) if images.is_slow and n_jobs == 1 else [images]
    done = n_cached = 0
    with (
        tqdm(total=len(images), unit="image", desc=frozen.name, disable=not verbose) as bar,
        _others_counted(images),
    ):
        for part in parts:
            some = rows[done : done + len(part)]
            n_cached += _fill(some, part, frozen, layers, cache is not None, n_jobs, bar)
            done += len(part)
    images.notices.warn(all_were_read=n_cached == 0, n_read=len(images) - n_cached)
    return rows


def _fill(
    rows: np.ndarray,
    images: ImageSequence,
    frozen: RowPass,
    store: LayerStore,
    with_digests: bool,
    n_jobs: int,
    bar: Any,
) -> int:
    """Write the rows of images into an array; return how many came from the cache."""
    first: dict[bytes, int] = {}  # the first position of each digest: duplicates are computed once
    own = np.empty(len(images), dtype=np.intp)
    for i, digest in enumerate(_digests(images)):
        own[i] = first.setdefault(digest, i)

    def look_up(digests: list[bytes]) -> list[bytes]:
        """Copy the rows that the store has; return the digests that it lacks."""
        found = store.get_many(digests)
        for digest, row in found.items():
            rows[first[digest]] = row
        return [digest for digest in digests if digest not in found]

    # A limited number at a time, since activations can be large.
    n_lookup = max(1, min(1000, LOOKUP_BYTES // (4 * rows.shape[1])))
    missing = [digest for part in split(list(first), n_lookup) for digest in look_up(part)]
    n_jobs = max(1, min(n_jobs, -(-len(missing) // frozen.batch_size)))
    n_cached = len(first) - len(missing)
    bar.update(n_cached)
    bar.set_postfix_str(f"{n_cached} from the cache")

    def blocks() -> Iterator[list[int]]:
        """Yield positions of images that are still missing when their turn comes.

        Other processes may work on the same images. Each process takes the blocks in another
        order and looks up what the others have done, so little is done twice.
        """
        waiting = split(missing, block_size(frozen, len(missing), n_jobs))
        if store.shared:
            random.Random(f"{os.getpid()} {threading.get_ident()}").shuffle(waiting)
        for part in waiting:
            lacking = look_up(part) if store.shared else part
            bar.update(len(part) - len(lacking))
            if lacking:
                yield [first[digest] for digest in lacking]

    for indices, digests, computed in compute(images, blocks(), frozen, with_digests, n_jobs):
        store.put_many(digests, computed)
        rows[indices] = computed
        bar.update(len(indices))
    duplicates = np.flatnonzero(own != np.arange(len(images)))
    rows[duplicates] = rows[own[duplicates]]
    bar.update(len(duplicates))
    return n_cached


@contextmanager
def _others_counted(images: ImageSequence) -> Iterator[None]:
    """Let an error be that of the first image that cannot be read, and add how many others."""
    try:
        yield
    except (OSError, ValueError, TypeError) as error:
        found = re.match(r"X\[(\d+)\]", str(error))
        if found is None:
            raise
        position = int(found[1])
        errors, is_complete = images.find_bad(COUNT_SECONDS)
        errors.setdefault(position, error)  # it may be the network that cannot take the image
        first, n_others = errors[min(errors)], len(errors) - 1
        if n_others:
            n = n_others if is_complete else f"At least {n_others}"
            first.args = (f"{first} {n} more cannot be read: check_images(X) lists them all.",)
        if first is error:
            raise
        raise first from None


def _digests(images: ImageSequence) -> Iterator[bytes]:
    """Yield the digest of every image.

    Threads read the files if that takes time, as with large or remote files. With small files the
    threads would wait for each other and take twice as long.
    """

    def digests(start: int) -> list[bytes]:
        stop = min(start + DIGESTS_PER_TASK, len(images))
        return [images.open(i).digest for i in range(start, stop)]

    began = time.perf_counter()
    head = digests(0)
    takes_time = time.perf_counter() - began > THREADS_PAY * len(head)
    starts = range(DIGESTS_PER_TASK, len(images), DIGESTS_PER_TASK)
    rest: Iterable[list[bytes]] = map(digests, starts)
    if takes_time:
        rest = in_threads(digests, starts, N_THREADS, ahead=N_THREADS)
    for some in itertools.chain([head], rest):
        yield from some
