"""Images are decoded, joined to batches, and run: on each core, on a GPU, in several processes."""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from joblib import Parallel, cpu_count, delayed

from sklearn_tl._utils import in_threads, on_each_core
from sklearn_tl.embedding.frozen_pass import FrozenPass, RowPass
from sklearn_tl.images import ImageSequence, Notices

CLAIM = 32  # images, after which a process looks up what other processes have done
TASK = 16  # images that a thread reads for a GPU at once, at most
N_THREADS = min(8, cpu_count())

# positions, digests, numbers of tiles, levels of all tiles
Batch = tuple[list[int], list[bytes], list[int], torch.Tensor]
Computed = tuple[list[int], list[bytes], np.ndarray]  # positions, digests, rows


def split(items: Sequence, size: int) -> list:
    """Return consecutive parts of at most `size` items."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def block_size(frozen: RowPass, n_missing: int, n_jobs: int) -> int:
    """Return how many images one task has."""
    if n_jobs == 1:
        return frozen.chunk_size * -(-CLAIM // frozen.chunk_size)
    # Several batches, but few enough that finished rows reach the cache long before the end.
    return frozen.batch_size * max(1, min(8, n_missing // (n_jobs * frozen.batch_size)))


def compute(
    images: ImageSequence,
    blocks: Iterable[list[int]],
    frozen: RowPass,
    with_digests: bool,
    n_jobs: int,
) -> Iterator[Computed]:
    """Yield (positions, digests, rows) batch by batch; the digests are empty unless asked for.

    Parameters
    ----------
    images : ImageSequence
    blocks : iterable of lists of positions in `images`
    frozen : RowPass
    with_digests : bool
    n_jobs : int
        Number of processes.
    """
    if n_jobs == 1:
        yield from _computed(images, blocks, frozen, with_digests)
        return
    parallel = Parallel(n_jobs=n_jobs, return_as="generator")
    for computed, notices in parallel(
        delayed(_compute_block)(images.take(block), block, frozen, with_digests) for block in blocks
    ):
        images.notices.update(notices)
        yield computed


def _compute_block(
    images: ImageSequence, block: list[int], frozen: RowPass, with_digests: bool
) -> tuple[Computed, Notices]:
    batches = list(_computed(images, [list(range(len(images)))], frozen, with_digests))
    computed = (
        [block[i] for indices, _, _ in batches for i in indices],
        [digest for _, digests, _ in batches for digest in digests],
        np.concatenate([rows for _, _, rows in batches]),
    )
    return computed, images.notices


def _computed(
    images: ImageSequence, blocks: Iterable[list[int]], frozen: RowPass, with_digests: bool
) -> Iterator[Computed]:
    """Yield (positions, digests, rows) chunk by chunk, in this process.

    On a CPU each core takes a chunk all the way from the files to the rows. For a GPU, threads
    decode the next chunks while it works.
    """
    read = partial(_read, images=images, frozen=frozen, with_digests=with_digests)
    if not frozen.on_cpu:
        indices = (i for block in blocks for i in block)
        one_shape = frozen.preprocessing.crop is not None
        for chunk in _joined(read, indices, frozen.chunk_size, one_shape):
            yield _run(*chunk, images, frozen)
        return
    chunks: Iterator[list[int]] = (
        chunk for block in blocks for chunk in split(block, frozen.chunk_size)
    )
    first = next(chunks, None)
    if first is None:
        return
    frozen.prepare()  # here, since filters of warnings are not safe in threads
    chunks = itertools.chain([first], chunks)
    yield from on_each_core(lambda chunk: _run(*read(chunk), images, frozen), chunks)


def _read(
    indices: Sequence[int], images: ImageSequence, frozen: RowPass, with_digests: bool
) -> Batch:
    """Return the positions, the digests, the numbers of tiles, and the levels of all tiles.

    The levels are (n_tiles, height, width, n_channels). Most images are a single tile.
    """
    # The files are read again, since a hundred thousand images do not fit into memory. They are
    # also digested again, so that each digest belongs to the pixels of its row.
    opened = [images.open(i) for i in indices]
    pixels = [image.decode(frozen.preprocessing.at_least) for image in opened]
    if isinstance(frozen, FrozenPass):  # raw pixels are always cropped
        for i, image in zip(indices, pixels, strict=True):
            images.notice_lost(i, image.shape[:2], frozen.preprocessing)
    tiles = [frozen.preprocessing.tiles(image) for image in pixels]
    pixels = list(itertools.chain.from_iterable(tiles))
    if len({(image.shape, image.dtype) for image in pixels}) == 1:
        batch = frozen.preprocessing.levels(np.stack(pixels))
    else:  # torch.cat turns uint8 and float32 into float32
        batch = torch.cat([frozen.preprocessing.levels(image)[None] for image in pixels])
    digests = [image.digest for image in opened] if with_digests else []
    return list(indices), digests, list(map(len, tiles)), batch


def _joined(
    read: Callable[[list[int]], Batch], indices: Iterable[int], size: int, one_shape: bool
) -> Iterator[Batch]:
    """Yield chunks of `size` images of one shape, which threads read ahead.

    If images have many shapes, rare shapes wait until there are enough for a chunk. When four
    chunks are waiting in total, the most common shape goes.
    """
    # Threads take turns in Python. Handing over a single image takes longer than scaling it.
    n_at_once = math.gcd(size, TASK) if one_shape else 1
    remaining = iter(indices)
    tasks = iter(lambda: list(itertools.islice(remaining, n_at_once)), [])
    waiting: dict[Any, list[Batch]] = defaultdict(list)

    def n_waiting(shapes: Iterable) -> int:
        return sum(len(positions) for shape in shapes for positions, *_ in waiting[shape])

    def joined(some: list[Batch]) -> Batch:
        *lists, batches = zip(*some, strict=True)
        positions, digests, n_tiles = (list(itertools.chain(*parts)) for parts in lists)
        return positions, digests, n_tiles, torch.cat(batches)

    for some in in_threads(read, tasks, N_THREADS, ahead=2 * size // n_at_once):
        shape = some[3].shape[1:]
        waiting[shape].append(some)
        if n_waiting(waiting) == 4 * size:
            shape = max(waiting, key=lambda shape: n_waiting([shape]))
        elif n_waiting([shape]) < size:
            continue
        yield joined(waiting.pop(shape))
    yield from map(joined, waiting.values())


def _run(
    indices: list[int],
    digests: list[bytes],
    n_tiles: list[int],
    batch: torch.Tensor,
    images: ImageSequence,
    frozen: RowPass,
) -> Computed:
    try:
        rows = _means_of_tiles(n_tiles, batch, frozen)
    except Exception as error:  # a network raises anything for a size that it does not take
        if frozen.preprocessing.crop is not None or isinstance(error, MemoryError):
            raise
        height, width = batch.shape[1:3]
        raise ValueError(
            f"X[{images.position(indices[0])}] has {height} x {width} pixels, which "
            f'{frozen.name} cannot process with image_size="native" ({error}). Set an '
            "image_size, or leave the image out."
        ) from error
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():  # before the rows reach a cache
        i = images.position(indices[finite.argmin()])
        advice = "Check the weights"
        precision = getattr(frozen, "precision", "float32")
        if precision != "float32":
            advice += ', or set precision="float32"'
        raise ValueError(
            f"The row of X[{i}] contains NaN or infinity ({frozen.name}, in {precision}). {advice}."
        )
    return indices, digests, rows


def _means_of_tiles(n_tiles: list[int], batch: torch.Tensor, frozen: RowPass) -> np.ndarray:
    """Return one row per image: the mean of the rows of its tiles."""
    if len(n_tiles) == len(batch):
        return frozen.compute_rows(batch)
    rows = [frozen.compute_rows(part) for part in batch.split(frozen.chunk_size)]
    by_image = np.split(np.concatenate(rows), np.cumsum(n_tiles)[:-1])
    return np.stack([of_image.mean(axis=0) for of_image in by_image])
