"""The frozen pass: images through a backbone to rows, each image once.

It has two steps. The first reads every image as far as its digest needs and asks the cache; it is
cheap, and finds missing files before any long work. The second decodes what was not found and runs
the network on it.
"""

import hashlib
import itertools
import math
import os
import random
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from joblib import Parallel, cpu_count, delayed, effective_n_jobs

from sklearn_tl._utils import (
    autocast,
    filled,
    in_parts_that_fit,
    in_threads,
    kind_of,
    moved,
    on_each_core,
    tqdm,
)
from sklearn_tl.backbones import CANNOT_TAKE, Backbone, pool
from sklearn_tl.cache import MEMORY_LIMIT, LayerStore, open_store
from sklearn_tl.embedding.engines import compiled
from sklearn_tl.images import Preprocessing

ROWS_VERSION = 3  # to be raised by any change of this package that changes rows
DIGESTS_PER_TASK = 64
THREADS_PAY = 1e-4  # seconds for a digest, from which on threads are sooner done
LARGE = MEMORY_LIMIT  # bytes of rows
# At once on a core, which larger chunks make no faster.
CHUNK_PIXELS = {"torch": 4 * 224**2, "openvino": 2 * 224**2}
CLAIM = 32  # images, after which it is looked up again what other processes have done
LOOKUP_BYTES = 1 << 26
EMBEDDING = ((None, "avg"),)


@dataclass(frozen=True)
class FrozenPass:
    """All that decides what a row is, and the batch size and device that do not."""

    backbone: Backbone
    features: tuple  # pairs (layer, pooling), side by side in a row; the layer None: the embedding
    preprocessing: Preprocessing
    precision: str
    batch_size: int
    device: str
    engine: str = "torch"

    def keys(self):
        """Digest, for each layer, everything besides the image that its features depend on."""
        return [
            hashlib.sha256(repr((*feature, *self.settings)).encode()).digest()
            for feature in self.features
        ]

    @property
    def settings(self):
        """Everything that all features depend on. Where it is the same, one pass serves."""
        return (
            ROWS_VERSION,
            self.backbone.fingerprint,
            self.preprocessing,
            self.precision,
            self.engine,
            kind_of(self.device),  # GPUs round the factors of a convolution
        )

    @property
    def name(self):
        return self.backbone.name

    @property
    def on_cpu(self):
        """Whether it runs on the processor, a chunk on each core, or in batches elsewhere."""
        return kind_of(self.device) == "cpu"

    @property
    def chunk_size(self):
        """How many images go through the network at once."""
        if not self.on_cpu:
            return self.batch_size
        if self.preprocessing.crop is None:  # hardly two have one shape, and filling up is dear
            return 1
        pixels = CHUNK_PIXELS[self.engine]
        return max(1, min(self.batch_size, pixels // math.prod(self.preprocessing.crop)))

    def rows(self, batch):
        """Run at most `chunk_size` images, levels (n, height, width, 3), on one core."""
        if not self.on_cpu:
            what = (self.device, self.features, self.precision, batch.shape[1:])
            return np.concatenate(
                in_parts_that_fit(self._eager, batch, self.backbone.batch_sizes, what)
            )
        n, batch = len(batch), filled(batch, self.chunk_size)
        network = compiled(self, tuple(batch.shape), batch.dtype) or self._eager
        return network(batch)[:n]

    def _eager(self, batch):
        with torch.inference_mode():
            return self.run(batch).float().cpu().numpy()

    def run(self, batch):
        """Run a batch of levels through the frozen layers and put their features side by side."""
        return torch.cat(self._features(batch), dim=1)

    def _features(self, batch):
        backbone = self.backbone.on(self.device)
        poolings = defaultdict(list)
        for layer, pooling in self.features:
            poolings[layer].append(pooling)

        def pool_all(some):
            return lambda a: {p: pool(a, p, backbone.channels_last_maps) for p in some}

        x = self.preprocessing.normalised(moved(batch, self.device))
        with autocast(self.device, self.precision):
            pooled = backbone.run(x, {layer: pool_all(some) for layer, some in poolings.items()})
        return [pooled[layer][pooling] for layer, pooling in self.features]

    def lengths(self):
        """Find the number of features of each layer by running one black image."""
        height, width = self.preprocessing.crop or self.backbone.preprocessing.crop
        known, what = self.backbone.row_lengths, (self.features, height, width)
        if what in known:
            return known[what]
        try:
            with torch.inference_mode():
                image = torch.zeros(1, height, width, 3, dtype=torch.uint8)
                known[what] = [some.shape[1] for some in self._features(image)]
            return known[what]
        except CANNOT_TAKE as error:
            raise ValueError(
                f"{self.backbone.name} cannot take images of {height} x {width} pixels: {error}. "
                "Set another image_size."
            ) from error


def embed(images, frozen, *, cache, n_jobs=None, verbose=0, large_in_file=False):
    """Return the rows of `images`, from the cache where it has them.

    The features of each layer are stored on their own, so that a pass over several layers serves
    those who want one of them.

    Parameters
    ----------
    images : ImageSequence
    frozen : FrozenPass
    cache : "memory", path or None
    n_jobs : int, default=None
        Processes (joblib) among which the images that are not cached are divided.
    verbose : int, default=0
        Whether to show a progress bar.
    large_in_file : bool, default=False
        Whether more than 1 GiB of rows may lie in a temporary file. They would leave room for
        nothing else in a cache in memory, and are not put there.

    Returns
    -------
    ndarray of shape (len(images), n_features), float32 and C-contiguous
    """
    store, n_features = open_store(cache), sum(frozen.lengths())
    shape = (len(images), n_features)
    if large_in_file and 4 * math.prod(shape) > LARGE:
        rows = _in_file(shape)
        store = open_store(None if cache == "memory" else cache)
    else:
        rows = np.empty(shape, dtype=np.float32)
    store = LayerStore(store, frozen.keys(), frozen.lengths())
    first = {}  # where each key stands first: what comes twice is computed once
    own = np.empty(len(images), dtype=np.intp)
    for i, digest in enumerate(_digests(images)):
        own[i] = first.setdefault(digest, i)

    def look_up(digests):
        """Take what the store has; return the digests that it lacks."""
        found = store.get_many(digests)
        for digest, row in found.items():
            rows[first[digest]] = row
        return [digest for digest in digests if digest not in found]

    # Some at a time, since activation maps can be large.
    some = max(1, min(1000, LOOKUP_BYTES // (4 * n_features)))
    missing = [digest for part in _split(list(first), some) for digest in look_up(part)]
    n_jobs = max(1, min(effective_n_jobs(n_jobs), -(-len(missing) // frozen.batch_size)))
    n_cached = len(first) - len(missing)
    with tqdm(
        total=len(first), initial=n_cached, unit="image", desc=frozen.name, disable=not verbose
    ) as bar:
        bar.set_postfix_str(f"{n_cached} from the cache")

        def blocks():
            """Yield positions of images that are still missing when their turn comes.

            Other processes may be at the same images. In an order of its own each of them finds
            what the others have done, and little is done twice.
            """
            waiting = _split(missing, _block_size(frozen, len(missing), n_jobs))
            if store.shared:
                random.Random(f"{os.getpid()} {threading.get_ident()}").shuffle(waiting)
            for part in waiting:
                lacking = look_up(part) if store.shared else part
                bar.update(len(part) - len(lacking))
                if lacking:
                    yield [first[digest] for digest in lacking]

        for indices, digests, some_rows in _compute(
            images, blocks(), frozen, cache is not None, n_jobs
        ):
            store.put_many(digests, some_rows)
            rows[indices] = some_rows
            bar.update(len(indices))
    again = np.flatnonzero(own != np.arange(len(images)))
    rows[again] = rows[own[again]]
    return rows


def _in_file(shape):
    """Return an array in a temporary file, which goes when the array does."""
    with tempfile.TemporaryFile() as file:
        return np.asarray(np.memmap(file, dtype=np.float32, mode="w+", shape=shape))


def _digests(images):
    """Yield the digest of every image.

    Where reading takes its time, as with large files or distant ones, it is done in threads.
    Small files would only make these wait for each other, twice as long in all.
    """

    def digests(start):
        stop = min(start + DIGESTS_PER_TASK, len(images))
        return [images.open(i).digest for i in range(start, stop)]

    start = time.perf_counter()
    first = digests(0)
    takes_time = time.perf_counter() - start > THREADS_PAY * len(first)
    starts = range(DIGESTS_PER_TASK, len(images), DIGESTS_PER_TASK)
    n = _n_threads()
    rest = in_threads(digests, starts, n, ahead=n) if takes_time else map(digests, starts)
    for some in itertools.chain([first], rest):
        yield from some


def _split(items, size):
    return [items[start : start + size] for start in range(0, len(items), size)]


def _block_size(frozen, n_missing, n_jobs):
    """Return how many images are one task."""
    if n_jobs == 1:
        return frozen.chunk_size * -(-CLAIM // frozen.chunk_size)
    # Some batches, so that what is done reaches the cache long before the end.
    return frozen.batch_size * max(1, min(8, n_missing // (n_jobs * frozen.batch_size)))


def _compute(images, blocks, frozen, digested, n_jobs):
    """Yield (indices, digests, rows) of one batch after another; no digests unless `digested`.

    Parameters
    ----------
    blocks : iterator of lists of positions in `images`
    """
    if n_jobs == 1:
        yield from _batches(images, blocks, frozen, digested)
        return
    yield from Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_compute_block)(images.take(block), block, frozen, digested) for block in blocks
    )


def _compute_block(images, block, frozen, digested):
    batches = list(_batches(images, [range(len(images))], frozen, digested))
    return (
        [block[i] for indices, _, _ in batches for i in indices],
        [digest for _, digests, _ in batches for digest in digests],
        np.concatenate([rows for _, _, rows in batches]),
    )


def _batches(images, blocks, frozen, digested):
    """Yield (indices, digests, rows) of one chunk after another.

    On a CPU each core takes a chunk all the way from the file to the rows. A GPU gets its chunks
    decoded in threads ahead of it.
    """
    prepared = partial(_prepared, images=images, frozen=frozen, digested=digested)
    if not frozen.on_cpu:
        indices = (i for block in blocks for i in block)
        for chunk in _joined(prepared, indices, frozen.chunk_size):
            yield _run(*chunk, images, frozen)
        return
    chunks = (chunk for block in blocks for chunk in _split(block, frozen.chunk_size))
    yield from on_each_core(lambda chunk: _run(*prepared(chunk), images, frozen), chunks)


def _prepared(indices, images, frozen, digested):
    """Return the indices, the digests and the levels (n, height, width, 3)."""
    # Read again rather than kept from the first step: a hundred thousand images fit nowhere. They
    # are digested again too, so that each digest belongs to the pixels of its row.
    opened = [images.open(i) for i in indices]
    pixels = [image.decode(frozen.preprocessing.at_least) for image in opened]
    if len({(image.shape, image.dtype) for image in pixels}) == 1:
        batch = frozen.preprocessing.levels(np.stack(pixels))
    else:  # of uint8 and float32 together cat makes float32
        batch = torch.cat([frozen.preprocessing.levels(image)[None] for image in pixels])
    return list(indices), [image.digest for image in opened] if digested else [], batch


def _joined(prepared, indices, size):
    """Yield chunks of images of one shape, `prepared` in threads ahead of whoever takes them.

    Images of rare shapes wait until there are enough of them, but not more than four chunks in
    all: then the commonest shape goes.
    """
    waiting = defaultdict(list)

    def joined(chunk):
        some, digests, batches = zip(*chunk, strict=True)
        return [i for (i,) in some], [d for one in digests for d in one], torch.cat(batches)

    for one in in_threads(prepared, ([i] for i in indices), _n_threads(), ahead=2 * size):
        shape = one[2].shape
        waiting[shape].append(one)
        if sum(map(len, waiting.values())) == 4 * size:
            shape = max(waiting, key=lambda shape: len(waiting[shape]))
        elif len(waiting[shape]) < size:
            continue
        yield joined(waiting.pop(shape))
    yield from map(joined, waiting.values())


def _run(indices, digests, batch, images, frozen):
    try:
        rows = frozen.rows(batch)
    except CANNOT_TAKE as error:
        if frozen.preprocessing.crop is not None:
            raise
        height, width = batch.shape[1:3]
        raise ValueError(
            f"X[{images.position(indices[0])}] has {height} x {width} pixels, which "
            f'{frozen.backbone.name} cannot take at image_size="native" ({error}). Set an '
            "image_size, or leave the image out."
        ) from error
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():  # before it reaches a cache
        raise ValueError(
            f"{frozen.backbone.name} turns X[{images.position(indices[finite.argmin()])}] into NaN "
            f"or infinity, in {frozen.precision}. Look at the weights"
            + (', or set precision="float32".' if frozen.precision != "float32" else ".")
        )
    return indices, digests, rows


def _n_threads():
    return min(8, cpu_count())
