"""Stores of rows: digest → float32 vector, in memory or in a file (`disk_store.py`).

A digest says all that a row depends on (see `embedding.py`), so that a row is never stale and
never replaced, and it does not matter who wrote it.
"""

import hashlib
import os
import threading
from collections import OrderedDict
from numbers import Integral
from typing import NamedTuple

import numpy as np

from sklearn_tl._utils import close_matches
from sklearn_tl.cache.sqlite import DiskStore

MEMORY_LIMIT = 1 << 30  # bytes; 200,000 rows of the default backbone


def open_store(cache):
    """Return the store that the parameter `cache` names: "memory", a path, or None for none."""
    if cache is None:
        return NoStore()
    if isinstance(cache, str) and cache == "memory":
        return MEMORY
    if isinstance(cache, str) and cache.isalpha() and close_matches(cache, ["memory"]):
        raise ValueError(
            f"cache={cache!r}: did you mean \"memory\"? For a file of that name write './{cache}'."
        )
    return DiskStore(cache)


class CacheInfo(NamedTuple):
    """What a store holds."""

    rows: int
    bytes: int
    limit: int | None
    path: str | None


def cache_info(cache: str | os.PathLike = "memory") -> CacheInfo:
    """Tell what a store of embeddings holds.

    Parameters
    ----------
    cache : "memory" or path, default="memory"
        The store, named as in the estimators' parameter `cache`. None is created, changed or
        set aside by asking.

    Returns
    -------
    CacheInfo
        A named tuple:

        - rows (int): the number of rows; an image has one for each layer.
        - bytes (int): the size of the rows in memory, or of the file.
        - limit (int or None): the number of bytes that they never exceed. None: no limit.
        - path (str or None): the file. None: in memory.

    Raises
    ------
    OSError
        If the file cannot be read, or is none of this package.
    TypeError
        If `cache` is None, which stores nothing.

    See Also
    --------
    clear_cache : Forget all rows.
    limit_cache : Set the limit.

    Examples
    --------
    >>> from sklearn_tl import cache_info, clear_cache
    >>> clear_cache()
    >>> cache_info()
    CacheInfo(rows=0, bytes=0, limit=1073741824, path=None)
    """
    return CacheInfo(*_named_store(cache).info())


def clear_cache(cache: str | os.PathLike = "memory") -> None:
    """Forget all cached embeddings.

    Parameters
    ----------
    cache : "memory" or path, default="memory"
        The store to empty, named as in the estimators' parameter `cache`. Its limit stays, and
        where there is no file, none is created.

    Raises
    ------
    OSError
        If the file cannot be written.
    TypeError
        If `cache` is None: there is nothing to clear.

    Warns
    -----
    UserWarning
        If the file is damaged or another program's: it gets another name, which the warning says.

    See Also
    --------
    cache_info : Tell what there is to forget.
    limit_cache : Forget only what was not used for longest.

    Examples
    --------
    >>> from sklearn_tl import clear_cache
    >>> clear_cache()
    """
    _named_store(cache).clear()


def limit_cache(cache: str | os.PathLike, max_bytes: int | None) -> None:
    """Set the size that a store of embeddings never exceeds.

    What does not fit goes, the least recently used first, now and whenever rows are added. The
    limit of a file is kept in it and holds for all processes and sessions; without this call it
    has none. The limit of the memory holds for this process, and is 1 GiB without this call.

    Parameters
    ----------
    cache : "memory" or path
        The store, named as in the estimators' parameter `cache`. Where there is no file, one is
        created.
    max_bytes : int or None
        The largest size. None: no limit. Beside a file lies SQLite's log of the last writes, some
        MB, which does not count.

    Raises
    ------
    OSError
        If the file cannot be written.
    TypeError
        If `cache` is None, which stores nothing, or `max_bytes` is no integer.
    ValueError
        If `max_bytes` is not positive.

    See Also
    --------
    cache_info : Tell the limit, and what a store holds.

    Examples
    --------
    >>> from sklearn_tl import cache_info, limit_cache
    >>> limit_cache("memory", 2**28)
    >>> cache_info().limit
    268435456
    >>> limit_cache("memory", 2**30)
    """
    store = _named_store(cache)
    if max_bytes is not None:
        if not isinstance(max_bytes, Integral) or isinstance(max_bytes, bool):
            raise TypeError(f"max_bytes={max_bytes!r}: give a number of bytes, such as 10**9.")
        if max_bytes <= 0:
            raise ValueError(
                f"max_bytes={max_bytes}: give a positive number, or None for no limit."
            )
    store.set_limit(None if max_bytes is None else int(max_bytes))


def _named_store(cache):
    if cache is None:
        raise TypeError('cache is None, which stores nothing; give "memory" or a path.')
    return open_store(cache)


class LayerStore:
    """A store in which the features of each layer of an image are a row of their own.

    Parameters
    ----------
    store : NoStore, MemoryStore or DiskStore
    layer_keys : list of bytes
        From `FrozenPass.keys`.
    lengths : list of int
        The number of features of each layer.
    """

    def __init__(self, store, layer_keys, lengths):
        self.shared = store.shared
        self._store, self._layer_keys = store, layer_keys
        self._bounds = np.cumsum(lengths)[:-1]

    def get_many(self, digests):
        """Return a dict of the rows of which all layers are there."""
        keys = {digest: self._keys(digest) for digest in digests}
        found = self._store.get_many([key for some in keys.values() for key in some])
        return {
            digest: np.concatenate([found[key] for key in some])
            if len(some) > 1
            else found[some[0]]
            for digest, some in keys.items()
            if all(key in found for key in some)
        }

    def put_many(self, digests, rows):
        if digests:
            keys = zip(*map(self._keys, digests), strict=True)  # a list a layer
            for some, features in zip(keys, np.split(rows, self._bounds, axis=1), strict=True):
                self._store.put_many(some, features)

    def _keys(self, digest):
        return [hashlib.sha256(digest + key).digest() for key in self._layer_keys]


class NoStore:
    """Remembers nothing."""

    shared = False  # with other processes

    def get_many(self, keys):
        return {}

    def put_many(self, keys, rows):
        pass


class MemoryStore:
    """The most recently used rows, up to a number of bytes."""

    shared = False

    def __init__(self, limit):
        self.limit = limit
        self.n_bytes = 0
        self._rows = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self):
        return len(self._rows)

    def get_many(self, keys):
        """Return a dict of the rows that are there."""
        with self._lock:
            found = {key: self._rows[key] for key in keys if key in self._rows}
            for key in found:
                self._rows.move_to_end(key)
        return found

    def put_many(self, keys, rows):
        with self._lock:
            for key, row in zip(keys, rows, strict=True):
                if key not in self._rows:
                    self._rows[key] = row.copy()  # not a view that keeps its whole batch alive
                    self.n_bytes += row.nbytes
            self._evict()

    def info(self):
        with self._lock:
            return len(self), self.n_bytes, self.limit, None

    def set_limit(self, limit):
        with self._lock:
            self.limit = limit
            self._evict()

    def clear(self):
        with self._lock:
            self._rows.clear()
            self.n_bytes = 0

    def _evict(self):
        while self.limit is not None and self.n_bytes > self.limit:
            _, row = self._rows.popitem(last=False)
            self.n_bytes -= row.nbytes


MEMORY = MemoryStore(MEMORY_LIMIT)
