"""Claim: the cache on disk costs little compared with the network, whichever store it uses.

SQLite, as `sklearn_tl.cache.sqlite.DiskStore` uses it, is measured without a limit, with a
limit, and with a limit of 5 MiB, with which each write evicts rows. LMDB is measured beside it,
if `pip install lmdb` was done. The rows are those of the default backbone (1280 float32). They
are written in batches of 32, read all at once, and read in lookups of 1,000 keys. Evicted rows
cannot be read. Every figure is also given in microseconds per image, beside the time that the
network takes for one image, measured in the same process.

The LMDB side does the same work: a check sum for each row, one transaction per batch, and the
durability of a write-ahead log at synchronous=NORMAL (`metasync=False`: a power cut may lose the
last transactions and never the file). DiskStore opens its file in every call. LMDB is therefore
measured in the same way, and also kept open, which is the best that it can do.
"""

import argparse
import hashlib
import importlib.util
import statistics
import tempfile
import time
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from _report import machine, print_table, write_json

from sklearn_tl import ConvFeatureExtractor
from sklearn_tl.cache import limit_cache
from sklearn_tl.cache.sqlite import DiskStore

FEATURES = 1280


class LMDBStore:
    """DiskStore's two methods, with LMDB."""

    def __init__(self, path, keep_open):
        import lmdb  # only this benchmark needs it

        self._open = lambda: lmdb.open(str(path), map_size=1 << 34, subdir=False, metasync=False)
        self._kept = self._open() if keep_open else None

    @contextmanager
    def _transaction(self, write):
        environment = self._kept or self._open()
        try:
            with environment.begin(write=write) as transaction:
                yield transaction
        finally:
            if environment is not self._kept:
                environment.close()

    def put_many(self, keys, rows):
        with self._transaction(write=True) as transaction:
            for key, row in zip(keys, rows, strict=True):
                data = row.tobytes()
                crc = zlib.crc32(data, zlib.crc32(key)).to_bytes(4, "little")
                transaction.put(key, data + crc)

    def get_many(self, keys):
        found = {}
        with self._transaction(write=False) as transaction:
            for key in keys:
                value = transaction.get(key)
                if value is not None:
                    data, crc = value[:-4], int.from_bytes(value[-4:], "little")
                    if zlib.crc32(data, zlib.crc32(key)) == crc:
                        found[key] = np.frombuffer(data, dtype=np.float32)
        return found

    def close(self):
        if self._kept:
            self._kept.close()


def limited(path):
    """Return a DiskStore that records which rows were used last, and has room for all rows."""
    limit_cache(path, 1 << 40)
    return DiskStore(path)


def evicting(path):
    """Return a DiskStore that must evict as many rows as it takes in."""
    limit_cache(path, 5 << 20)
    return DiskStore(path)


STORES = {
    "SQLite (DiskStore)": DiskStore,
    "SQLite with a limit": limited,
    "SQLite that evicts": evicting,
}
if importlib.util.find_spec("lmdb"):
    STORES |= {
        "LMDB, opened per call": lambda path: LMDBStore(path, keep_open=False),
        "LMDB, kept open": lambda path: LMDBStore(path, keep_open=True),
    }
FIGURES = ("write, batches of 32", "read all", "read, lookups of 1,000")


def measure(make, keys, rows):
    """Return the seconds of every step and the bytes on disk at the end."""
    with tempfile.TemporaryDirectory() as folder:
        store = make(Path(folder) / "store")
        seconds = []
        start = time.perf_counter()
        for i in range(0, len(keys), 32):
            store.put_many(keys[i : i + 32], rows[i : i + 32])
        seconds.append(time.perf_counter() - start)
        start = time.perf_counter()
        found = store.get_many(keys)
        seconds.append(time.perf_counter() - start)
        wanted = {key: row for key, row in zip(keys, rows, strict=True) if key in found}
        if not all(np.array_equal(found[key], row) for key, row in wanted.items()):
            raise AssertionError("the rows that were read differ from those that were written")
        if len(wanted) < len(keys) and make is not evicting:
            raise AssertionError("rows are missing")
        start = time.perf_counter()
        for i in range(0, len(keys), 1000):
            store.get_many(keys[i : i + 1000])
        seconds.append(time.perf_counter() - start)
        if isinstance(store, LMDBStore):
            store.close()
        # Blocks, because the length of LMDB's file is the size that its map may reach.
        size = sum(path.stat().st_blocks * 512 for path in Path(folder).iterdir())
    return seconds, size


def network_seconds(repeat, n=64):
    """Return the median seconds per image of a transform that finds no row in the cache."""
    images = np.random.default_rng(0).integers(0, 256, (n, 224, 224, 3), dtype=np.uint8)
    extractor = ConvFeatureExtractor(cache=None).fit(images)
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        extractor.transform(images)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) / n


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rows", type=int, default=20000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()

    print(machine())
    network = network_seconds(args.repeat)
    rows = np.random.default_rng(0).random((args.rows, FEATURES), dtype=np.float32)
    keys = [hashlib.sha256(row).digest() for row in rows]
    runs = {name: [] for name in STORES}
    for _ in range(args.repeat):
        for name, make in STORES.items():
            runs[name].append(measure(make, keys, rows))

    table, first = [], None
    for name, some in runs.items():
        medians = [statistics.median(figure) for figure in zip(*(s for s, _ in some), strict=True)]
        first = first or medians
        for figure, value, reference in zip(FIGURES, medians, first, strict=True):
            each = value / args.rows
            table.append([figure, name, value, each * 1e6, each / network * 100, value / reference])
    table.sort(key=lambda row: FIGURES.index(row[0]))
    head = ["", "store", "seconds", "µs per image", "% of the network", "ratio to SQLite"]
    print_table(head, table)
    sizes = {name: statistics.median(size for _, size in some) for name, some in runs.items()}
    print(f"\nThe network: {network * 1e3:.1f} ms per image.")
    print(f"On disk, for {args.rows * FEATURES * 4 / 1e6:.1f} MB of rows:")
    for name, size in sizes.items():
        print(f"  {name}: {size / 1e6:.1f} MB")
    named = [dict(zip(["figure", *head[1:]], row, strict=True)) for row in table]
    write_json(args.json, {"table": named, "bytes": sizes, "network_seconds": network})


if __name__ == "__main__":
    main()
