"""The frozen pass: images through a backbone to rows, each image once.

It has two steps. The first reads every image as far as its digest needs and asks the cache; it is
cheap, and finds missing files before any long work. The second decodes what was not found and runs
the network on it.
"""

import hashlib
import itertools
import math
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from joblib import Parallel, cpu_count, delayed, effective_n_jobs
from tqdm.auto import tqdm

from sklearn_tl.backbones import Backbone
from sklearn_tl.cache import MEMORY_LIMIT, NoStore, open_store
from sklearn_tl.devices import autocast, in_parts_that_fit, kind_of, moved
from sklearn_tl.engine import compiled
from sklearn_tl.inference import CANNOT_TAKE
from sklearn_tl.preprocessing import Preprocessing
from sklearn_tl.threads import filled, in_threads, on_each_core

ROWS_VERSION = 3  # to be raised by any change of this package that changes rows
DIGESTS_PER_TASK = 64
THREADS_PAY = 1e-4  # seconds for a digest, from which on threads are sooner done
LARGE = MEMORY_LIMIT  # bytes of rows
# At once on a core, which larger chunks make no faster.
CHUNK_PIXELS = {"torch": 4 * 224**2, "openvino": 2 * 224**2}
POOLINGS = ("avg", "max", "avgmax", "flatten")


@dataclass(frozen=True)
class FrozenPass:
    """All that decides what a row is, and the batch size and device that do not."""

    backbone: Backbone
    layers: tuple
    pooling: str
    preprocessing: Preprocessing
    precision: str
    batch_size: int
    device: str
    engine: str = "torch"

    def key(self):
        """Digest everything besides the image that a row depends on."""
        parts = (
            ROWS_VERSION,
            self.backbone.fingerprint,
            self.layers,
            self.pooling,
            self.preprocessing,
            self.precision,
            self.engine,
            kind_of(self.device),  # GPUs round the factors of a convolution
        )
        return hashlib.sha256(repr(parts).encode()).digest()

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
            what = (self.device, self.layers, self.precision, batch.shape[1:])
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
        backbone = self.backbone.on(self.device)
        x = self.preprocessing.normalised(moved(batch, self.device))
        with autocast(self.device, self.precision):
            rows = backbone.run(
                x, self.layers, lambda a: pool(a, self.pooling, backbone.channels_last_maps)
            )
        return torch.cat(rows, dim=1)

    def n_features(self):
        """Find the length of a row by running one black image."""
        height, width = self.preprocessing.crop or self.backbone.preprocessing.crop
        known, what = self.backbone.row_lengths, (self.layers, self.pooling, height, width)
        if what in known:
            return known[what]
        try:
            with torch.inference_mode():
                image = torch.zeros(1, height, width, 3, dtype=torch.uint8)
                known[what] = self.run(image).shape[1]
            return known[what]
        except CANNOT_TAKE as error:
            raise ValueError(
                f"{self.backbone.name} cannot take images of {height} x {width} pixels: {error}. "
                "Set another image_size."
            ) from error


def embed(images, frozen, *, n_features, cache, n_jobs=None, verbose=0, large_in_file=False):
    """Return the rows of `images`, from the cache where it has them.

    Parameters
    ----------
    images : ImageSequence
    frozen : FrozenPass
    n_features : int
        Length of a row.
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
    store = open_store(cache)
    shape = (len(images), n_features)
    if large_in_file and 4 * math.prod(shape) > LARGE:
        rows = _in_file(shape)
        store = open_store(None if cache == "memory" else cache)
    else:
        rows = np.empty(shape, dtype=np.float32)
    first = {}  # where each key stands first: what comes twice is computed once
    own = np.empty(len(images), dtype=np.intp)
    for i, key in enumerate(_keys(images, frozen.key())):
        own[i] = first.setdefault(key, i)

    frozen_key = None if isinstance(store, NoStore) else frozen.key()
    missing = []
    keys = list(first)
    for start in range(0, len(keys), 1000):
        some = keys[start : start + 1000]
        found = store.get_many(some)
        for key in some:
            if key in found:
                rows[first[key]] = found[key]
            else:
                missing.append(first[key])

    with tqdm(
        total=len(missing), unit="image", desc=frozen.backbone.name, disable=not verbose
    ) as bar:
        for indices, some_keys, some_rows in _compute(images, missing, frozen, frozen_key, n_jobs):
            store.put_many(some_keys, some_rows)
            rows[indices] = some_rows
            bar.update(len(indices))
    again = np.flatnonzero(own != np.arange(len(images)))
    rows[again] = rows[own[again]]
    return rows


def _in_file(shape):
    """Return an array in a temporary file, which goes when the array does."""
    with tempfile.TemporaryFile() as file:
        return np.asarray(np.memmap(file, dtype=np.float32, mode="w+", shape=shape))


def _keys(images, frozen_key):
    """Yield the cache key of every image.

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
        for digest in some:
            yield _join(digest, frozen_key)


def _compute(images, missing, frozen, frozen_key, n_jobs):
    """Yield (indices, keys, rows) of one batch after another; without `frozen_key` no keys."""
    n_jobs = min(effective_n_jobs(n_jobs), -(-len(missing) // frozen.batch_size))
    if n_jobs <= 1:
        yield from _batches(images, missing, frozen, frozen_key)
        return
    # Some batches a task, so that what is done reaches the cache long before the end.
    size = frozen.batch_size * max(1, min(8, len(missing) // (n_jobs * frozen.batch_size)))
    tasks = [missing[start : start + size] for start in range(0, len(missing), size)]
    results = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_compute_task)(images.take(task), frozen, frozen_key) for task in tasks
    )
    for task, (order, keys, rows) in zip(tasks, results, strict=True):
        yield [task[i] for i in order], keys, rows


def _compute_task(images, frozen, frozen_key):
    batches = list(_batches(images, range(len(images)), frozen, frozen_key))
    return (
        [i for indices, _, _ in batches for i in indices],
        [key for _, keys, _ in batches for key in keys],
        np.concatenate([rows for _, _, rows in batches]),
    )


def _batches(images, indices, frozen, frozen_key):
    """Yield (indices, keys, rows) of one chunk after another.

    On a CPU each core takes a chunk all the way from the file to the rows. A GPU gets its chunks
    decoded in threads ahead of it.
    """
    prepared = partial(_prepared, images=images, frozen=frozen, frozen_key=frozen_key)
    if not frozen.on_cpu:
        for chunk in _joined(prepared, indices, frozen.chunk_size):
            yield _run(*chunk, images, frozen)
        return
    size = frozen.chunk_size
    chunks = [indices[start : start + size] for start in range(0, len(indices), size)]
    yield from on_each_core(lambda chunk: _run(*prepared(chunk), images, frozen), chunks)


def _prepared(indices, images, frozen, frozen_key):
    """Return the indices, the cache keys and the levels (n, height, width, 3)."""
    # Read again rather than kept from the first step: a hundred thousand images fit nowhere. The
    # keys are made again too, so that each always belongs to the pixels of its row.
    opened = [images.open(i) for i in indices]
    pixels = [image.decode(frozen.preprocessing.at_least) for image in opened]
    if len({(image.shape, image.dtype) for image in pixels}) == 1:
        batch = frozen.preprocessing.levels(np.stack(pixels))
    else:  # of uint8 and float32 together cat makes float32
        batch = torch.cat([frozen.preprocessing.levels(image)[None] for image in pixels])
    keys = [] if frozen_key is None else [_join(image.digest, frozen_key) for image in opened]
    return list(indices), keys, batch


def _joined(prepared, indices, size):
    """Yield chunks of images of one shape, `prepared` in threads ahead of whoever takes them.

    Images of rare shapes wait until there are enough of them, but not more than four chunks in
    all: then the commonest shape goes.
    """
    waiting = defaultdict(list)

    def joined(chunk):
        some, keys, batches = zip(*chunk, strict=True)
        return [i for (i,) in some], [key for one in keys for key in one], torch.cat(batches)

    for one in in_threads(prepared, ([i] for i in indices), _n_threads(), ahead=2 * size):
        shape = one[2].shape
        waiting[shape].append(one)
        if sum(map(len, waiting.values())) == 4 * size:
            shape = max(waiting, key=lambda shape: len(waiting[shape]))
        elif len(waiting[shape]) < size:
            continue
        yield joined(waiting.pop(shape))
    yield from map(joined, waiting.values())


def _run(indices, keys, batch, images, frozen):
    try:
        return indices, keys, frozen.rows(batch)
    except CANNOT_TAKE as error:
        if frozen.preprocessing.crop is not None:
            raise
        height, width = batch.shape[1:3]
        raise ValueError(
            f"X[{images.position(indices[0])}] has {height} x {width} pixels, which "
            f'{frozen.backbone.name} cannot take at image_size="native" ({error}). Set an '
            "image_size, or leave the image out."
        ) from error


def _n_threads():
    return min(8, cpu_count())


def _join(digest, frozen_key):
    return hashlib.sha256(digest + frozen_key).digest()


def pool(activation, pooling, channels_last_maps=False):
    """Reduce an activation to one vector an image."""
    if activation.ndim == 2:
        return activation.clone()
    if pooling == "flatten":
        return activation.flatten(1).clone()
    if activation.ndim == 3:  # (n, tokens, channels) of a transformer
        maps = activation.transpose(1, 2)
    else:
        maps = activation.movedim(3, 1) if channels_last_maps else activation
        maps = maps.flatten(2)
    average, maximum = maps.mean(2), maps.amax(2)
    if pooling == "avgmax":
        return torch.cat([average, maximum], dim=1)
    return average if pooling == "avg" else maximum
