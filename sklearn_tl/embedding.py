"""The frozen pass: images through a backbone to rows, each image once.

It has two steps. The first reads every image as far as its digest needs and asks the cache; it is
cheap, and finds missing files before any long work. The second decodes what was not found and runs
the network on it.
"""

import hashlib
import math
from collections import defaultdict
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from joblib import Parallel, cpu_count, delayed, effective_n_jobs
from tqdm.auto import tqdm

from sklearn_tl.backbones import Backbone
from sklearn_tl.cache import open_store
from sklearn_tl.engine import compiled
from sklearn_tl.inference import CANNOT_TAKE
from sklearn_tl.preprocessing import Preprocessing
from sklearn_tl.threads import filled, in_threads, on_each_core

ROWS_VERSION = 2  # to be raised by any change of this package that changes rows
DIGESTS_PER_TASK = 64
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
        )
        return hashlib.sha256(repr(parts).encode()).digest()

    @property
    def chunk_size(self):
        """How many images go through the network at once."""
        if torch.device(self.device).type != "cpu":
            return self.batch_size
        if self.preprocessing.crop is None:  # hardly two have one shape, and filling up is dear
            return 1
        pixels = CHUNK_PIXELS[self.engine]
        return max(1, min(self.batch_size, pixels // math.prod(self.preprocessing.crop)))

    def rows(self, batch):
        """Run at most `chunk_size` preprocessed images (n, 3, height, width), on one core."""
        n = len(batch)
        if torch.device(self.device).type == "cpu":
            batch = filled(batch, self.chunk_size)
        network = compiled(self, tuple(batch.shape)) if self.engine == "openvino" else None
        if network is not None:
            return network(batch)[:n]
        with torch.inference_mode():
            return self.run(batch)[:n].float().cpu().numpy()

    def run(self, batch):
        """Run a batch through the frozen layers and put their features side by side."""
        backbone = self.backbone.on(self.device)
        x = batch.to(self.device, memory_format=torch.channels_last)
        bfloat16 = torch.autocast(
            torch.device(self.device).type, torch.bfloat16, enabled=self.precision == "bfloat16"
        )
        with bfloat16:
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
                known[what] = self.run(torch.zeros(1, 3, height, width)).shape[1]
            return known[what]
        except CANNOT_TAKE as error:
            raise ValueError(
                f"{self.backbone.name} cannot take images of {height} x {width} pixels: {error}. "
                "Set another image_size."
            ) from error


def resolve_device(device):
    """Return the torch device that the parameter `device` stands for."""
    if device != "auto":
        try:
            device = torch.device(device)
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError) as error:  # torch: unknown, or not on this machine
            raise ValueError(
                f"device={str(device)!r} cannot be used here ({str(error).splitlines()[0]}). Take "
                '"auto", or "cpu".'
            ) from error
        return str(device)
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def resolve_precision(precision, device):
    """Return the precision that "auto" stands for: bfloat16 where it is in the hardware."""
    if precision != "auto":
        return precision
    kind = torch.device(device).type
    if kind == "cuda":
        in_hardware = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        # Older versions of torch lack one or the other.
        names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        in_hardware = kind == "cpu" and any(getattr(torch.cpu, name, bool)() for name in names)
    return "bfloat16" if in_hardware else "float32"


def embed(images, frozen, *, n_features, cache, n_jobs=None, verbose=0):
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

    Returns
    -------
    ndarray of shape (len(images), n_features), float32 and C-contiguous
    """
    store = open_store(cache)
    rows = np.empty((len(images), n_features), dtype=np.float32)
    first = {}  # where each key stands first: what comes twice is computed once
    own = np.empty(len(images), dtype=np.intp)
    for i, key in enumerate(_keys(images, frozen.key())):
        own[i] = first.setdefault(key, i)

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
        for indices, some_keys, some_rows in _compute(images, missing, frozen, n_jobs):
            store.put_many(some_keys, some_rows)
            rows[indices] = some_rows
            bar.update(len(indices))
    return rows[own] if len(first) < len(images) else rows


def _keys(images, frozen_key):
    """Yield the cache key of every image; files are read in threads."""

    def digests(start):
        stop = min(start + DIGESTS_PER_TASK, len(images))
        return [images.open(i).digest for i in range(start, stop)]

    starts = range(0, len(images), DIGESTS_PER_TASK)
    for some in in_threads(digests, starts, _n_threads(), ahead=_n_threads()):
        for digest in some:
            yield _join(digest, frozen_key)


def _compute(images, missing, frozen, n_jobs):
    """Yield (indices, keys, rows) of one batch after another."""
    n_jobs = min(effective_n_jobs(n_jobs), -(-len(missing) // frozen.batch_size))
    if n_jobs <= 1:
        yield from _batches(images, missing, frozen)
        return
    # Some batches a task, so that what is done reaches the cache long before the end.
    size = frozen.batch_size * max(1, min(8, len(missing) // (n_jobs * frozen.batch_size)))
    tasks = [missing[start : start + size] for start in range(0, len(missing), size)]
    results = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_compute_task)(images.take(task), frozen) for task in tasks
    )
    for task, (order, keys, rows) in zip(tasks, results, strict=True):
        yield [task[i] for i in order], keys, rows


def _compute_task(images, frozen):
    batches = list(_batches(images, range(len(images)), frozen))
    return (
        [i for indices, _, _ in batches for i in indices],
        [key for _, keys, _ in batches for key in keys],
        np.concatenate([rows for _, _, rows in batches]),
    )


def _batches(images, indices, frozen):
    """Yield (indices, keys, rows) of one chunk after another.

    On a CPU each core takes a chunk all the way from the file to the rows. A GPU gets its chunks
    decoded in threads ahead of it.
    """
    if torch.device(frozen.device).type != "cpu":
        for chunk in _decoded_ahead(images, indices, frozen):
            yield _run(*chunk, images, frozen)
        return
    size = frozen.chunk_size
    chunks = [indices[start : start + size] for start in range(0, len(indices), size)]
    yield from on_each_core(
        lambda chunk: _run(*_prepared(chunk, images, frozen), images, frozen), chunks
    )


def _prepared(indices, images, frozen):
    """Return the indices, the cache keys and the network's input (n, 3, height, width)."""
    # Read again rather than kept from the first step: a hundred thousand images fit nowhere. The
    # keys are made again too, so that each always belongs to the pixels of its row.
    opened = [images.open(i) for i in indices]
    pixels = [image.decode(frozen.preprocessing.at_least) for image in opened]
    if len({(image.shape, image.dtype) for image in pixels}) == 1:
        batch = frozen.preprocessing(np.stack(pixels))
    else:
        batch = torch.stack([frozen.preprocessing(image) for image in pixels])
    frozen_key = frozen.key()
    return list(indices), [_join(image.digest, frozen_key) for image in opened], batch


def _decoded_ahead(images, indices, frozen):
    """Yield chunks of `_prepared` images of one shape.

    Images of rare shapes wait until there are enough of them, but not more than four chunks in
    all: then the commonest shape goes.
    """
    size, waiting = frozen.chunk_size, defaultdict(list)
    one = partial(_prepared, images=images, frozen=frozen)

    def joined(chunk):
        some, keys, batches = zip(*chunk, strict=True)
        return [i for (i,) in some], [key for (key,) in keys], torch.cat(batches)

    for prepared in in_threads(one, ([i] for i in indices), _n_threads(), ahead=2 * size):
        shape = prepared[2].shape
        waiting[shape].append(prepared)
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
        height, width = batch.shape[2:]
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
