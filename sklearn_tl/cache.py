"""Stores of rows: digest → float32 vector, in memory or in a file.

A digest says all that a row depends on (see `embedding.py`), so that a row is never stale and
never replaced, and it does not matter who wrote it.
"""

import hashlib
import os
import sqlite3
import threading
import time
import warnings
import zlib
from collections import OrderedDict
from contextlib import closing
from pathlib import Path

import numpy as np
from filelock import FileLock

from sklearn_tl._validation import close_matches

MEMORY_LIMIT = 1 << 30  # bytes; 200,000 rows of the default backbone
FILE_NAME = "sklearn_tl.sqlite"
APPLICATION_ID = 0x736B746C  # "sktl", in the header of our files
SCHEMA_VERSION = 1
KEYS_PER_QUERY = 500


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


def clear_cache(cache: str | os.PathLike = "memory") -> None:
    """Forget all cached embeddings.

    Parameters
    ----------
    cache : "memory" or path, default="memory"
        The store to empty, named as in the estimators' parameter `cache`.

    Raises
    ------
    TypeError
        If `cache` is None: there is nothing to clear.

    Examples
    --------
    >>> from sklearn_tl import clear_cache
    >>> clear_cache()
    """
    if cache is None:
        raise TypeError('cache is None, which stores nothing; give "memory" or a path.')
    open_store(cache).clear()


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
            while self.n_bytes > self.limit:
                _, row = self._rows.popitem(last=False)
                self.n_bytes -= row.nbytes

    def clear(self):
        with self._lock:
            self._rows.clear()
            self.n_bytes = 0


MEMORY = MemoryStore(MEMORY_LIMIT)


class DiskStore:
    """Rows in one SQLite file, shared by processes and sessions.

    Every call opens the file and closes it again: there is no connection that a fork, a thread or
    a pickle could carry to where it does not belong, and opening costs less than a millisecond. A
    batch is one transaction of a write-ahead log, so that a process that is killed loses its
    unfinished batch and nothing else.
    """

    shared = True

    def __init__(self, path):
        is_folder = os.fspath(path).endswith(("/", os.sep))
        path = Path(path).expanduser().absolute()
        self.path = path / FILE_NAME if is_folder or path.is_dir() else path

    def get_many(self, keys):
        """Return a dict of the rows that are there and whose check sums hold."""
        return self._with_file(lambda connection: _select(connection, list(keys)))

    def put_many(self, keys, rows):
        values = [(key, row.tobytes()) for key, row in zip(keys, rows, strict=True)]
        values = [(key, row, zlib.crc32(row, zlib.crc32(key))) for key, row in values]

        def insert(connection):
            with connection:
                connection.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", values)

        self._with_file(insert)

    def clear(self):
        def delete(connection):
            with connection:
                connection.execute("DELETE FROM rows")
            connection.execute("VACUUM")

        self._with_file(delete)

    def _with_file(self, action):
        """Do something with the file; if the file turns out to be none of ours, with a new one."""
        try:
            with closing(self._connect()) as connection:
                return action(connection)
        except sqlite3.OperationalError as error:  # no permission, disk full, locked for too long
            if "no such table" in str(error):
                return self._begin_anew(action, error)
            raise OSError(
                f"The cache {str(self.path)!r} cannot be used ({error}). Give another path, or "
                'cache="memory".'
            ) from error
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            return self._begin_anew(action, error)

    def _begin_anew(self, action, error):
        self._set_aside(error)
        with closing(self._connect()) as connection:
            return action(connection)

    def _connect(self, create=True):
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise sqlite3.OperationalError(error.strerror) from error
        connection = sqlite3.connect(self.path, timeout=60)
        try:
            if connection.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
                if not create:
                    raise sqlite3.DatabaseError("it is no cache")
                self._create(connection)
            elif connection.execute("PRAGMA user_version").fetchone() != (SCHEMA_VERSION,):
                raise sqlite3.DatabaseError("it was written by another version of sklearn_tl")
            connection.execute("PRAGMA synchronous=NORMAL")
        except BaseException:
            connection.close()
            raise
        return connection

    def _create(self, connection):
        with self._lock():
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
                if connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,):
                    return  # another process was faster
                raise sqlite3.DatabaseError("it is a database of another program")
            connection.execute("PRAGMA journal_mode=WAL")
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(
                    "CREATE TABLE rows (key BLOB PRIMARY KEY, row BLOB, crc INTEGER)"
                )
                connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
                connection.execute(f"PRAGMA application_id={APPLICATION_ID}")

    def _set_aside(self, error):
        with self._lock():
            if self._is_sound():  # another process was faster
                return
            aside = f"{self.path}.set-aside-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
            for suffix in ("", "-wal", "-shm"):
                if os.path.exists(f"{self.path}{suffix}"):
                    os.replace(f"{self.path}{suffix}", f"{aside}{suffix}")
        warnings.warn(
            f"The cache {str(self.path)!r} is not usable ({error}). It was set aside as {aside!r} "
            "and a new one begun; embeddings are computed again.",
            UserWarning,
            stacklevel=2,
        )

    def _is_sound(self):
        try:
            with closing(self._connect(create=False)) as connection:
                connection.execute("SELECT count(crc) FROM rows WHERE key = x'00'")
                return connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            return False

    def _lock(self):
        return FileLock(f"{self.path}.lock")


def _select(connection, keys):
    found = {}
    for start in range(0, len(keys), KEYS_PER_QUERY):
        some = keys[start : start + KEYS_PER_QUERY]
        marks = ",".join("?" * len(some))
        # Cast, since damage can turn bytes into text, which would then be decoded.
        query = f"SELECT key, CAST(row AS BLOB), crc FROM rows WHERE key IN ({marks})"
        for key, row, crc in connection.execute(query, some):
            if zlib.crc32(row, zlib.crc32(key)) == crc:
                found[key] = np.frombuffer(row, dtype=np.float32)
    return found
