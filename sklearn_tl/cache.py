"""Stores of rows: digest → float32 vector, in memory or in a file.

A digest says all that a row depends on (see `embedding.py`), so that a row is never stale and
never replaced, and it does not matter who wrote it.
"""

import hashlib
import itertools
import os
import sqlite3
import threading
import warnings
import zlib
from collections import OrderedDict
from contextlib import closing, contextmanager, suppress
from numbers import Integral
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import FileLock

from sklearn_tl._validation import close_matches

MEMORY_LIMIT = 1 << 30  # bytes; 200,000 rows of the default backbone
FILE_NAME = "sklearn_tl.sqlite"
APPLICATION_ID = 0x736B746C  # "sktl", in the header of our files
UNLIMITED, LIMITED = VERSIONS = (1, 2)  # of the file; the second has a limit and what it takes
KEYS_PER_QUERY = 500
PAGE = 4096  # bytes
CANNOT_OPEN = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY)
FAILURES = (OSError, NotImplementedError, sqlite3.Error)  # the second: a disk without locks


class _NotOurs(sqlite3.DatabaseError):
    """The file is no store, or no longer one."""


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
    return _named_store(cache).info()


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
            return CacheInfo(len(self), self.n_bytes, self.limit, None)

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


class DiskStore:
    """Rows in one SQLite file, shared by processes and sessions. An instance serves one pass.

    Every call opens the file and closes it again: there is no connection that a fork, a thread or
    a pickle could carry to where it does not belong, and opening costs less than a millisecond. A
    batch is one transaction of a write-ahead log, so that a process that is killed loses its
    unfinished batch and nothing else.

    What happens to the file never changes a row, and stops no work that has begun:

    - A file that cannot be opened (no permission, a newer version of this package) stops the
      first pass of a process, with an OSError, before the network runs. Once the store has worked
      in a process, it stops nothing there.
    - Whatever else fails, or later (the disk is full, another process keeps it locked), ends the
      use of the store in this pass, with one warning. So does a file that can only be read, but
      not before there is something to write: what it holds is served.
    - A file that is damaged or another program's is set aside, with a warning, and a new one
      begun. Nothing is ever deleted or overwritten, except the rows of a store.

    A store without a limit has the table `rows` alone, and pays nothing for recency. One with a
    limit also has `uses`, in the order of use, to whose end keys move when they are written or
    read. There are no times in it, since clocks jump.
    """

    shared = True
    _worked = set()  # paths that this process has used

    def __init__(self, path):
        is_folder = os.fspath(path).endswith(("/", os.sep))
        path = Path(path).expanduser().absolute()
        self.path = path / FILE_NAME if is_folder or os.path.isdir(path) else path
        self._file_lock = FileLock(f"{self.path}.lock")  # for those who create or replace it
        self._lock = threading.Lock()
        self._failed = False

    def get_many(self, keys):
        """Return a dict of the rows that are there and whose check sums hold."""
        return self._in_pass(lambda connection: _select(connection, list(keys))) or {}

    def put_many(self, keys, rows):
        values = [(key, row.tobytes()) for key, row in zip(keys, rows, strict=True)]
        values = [(key, row, zlib.crc32(row, zlib.crc32(key))) for key, row in values]
        self._in_pass(lambda connection: _insert(connection, values))

    def info(self):
        def count(connection):
            (rows,) = connection.execute("SELECT count(*) FROM rows").fetchone()
            return CacheInfo(rows, _file_size(connection), _limit(connection), str(self.path))

        with self._explained():
            return self._try(count) if self._exists() else CacheInfo(0, 0, None, str(self.path))

    def set_limit(self, limit):
        with self._explained():
            self._with_file(lambda connection: _set_limit(connection, limit))

    def clear(self):
        def delete(connection):
            connection.execute("PRAGMA secure_delete=OFF")
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("DELETE FROM rows")
                if _pragma(connection, "user_version") == LIMITED:
                    connection.execute("DELETE FROM uses")
            connection.execute("VACUUM")

        with self._explained():
            if self._exists():
                self._with_file(delete)

    def _in_pass(self, action):
        """Do something with the file if it still serves, else return None."""
        if self._failed:
            return None
        try:
            result = self._with_file(action)
        except FAILURES as error:
            if not isinstance(error, sqlite3.Error) and self.path not in self._worked:
                raise OSError(
                    f"The cache {str(self.path)!r} cannot be used ({error}). Give another path, or "
                    'cache="memory".'
                ) from error
            with self._lock:  # threads fail together, which is one warning
                known, self._failed = self._failed, True
            if not known:
                warnings.warn(
                    f"The cache {str(self.path)!r} failed ({error}). The rest of this pass is done "
                    "without it, and its rows are not kept.",
                    UserWarning,
                    stacklevel=2,
                )
            return None
        self._worked.add(self.path)
        return result

    @contextmanager
    def _explained(self):
        try:
            yield
        except FAILURES as error:
            raise OSError(f"The cache {str(self.path)!r} cannot be used: {error}.") from error

    def _exists(self):
        try:
            return bool(self.path.stat())
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _with_file(self, action):
        """Do something with the file; if the file turns out to be none of ours, with a new one."""
        try:
            return self._try(action)
        except _NotOurs:
            with self._file_lock:
                try:
                    return self._try(action)  # in case another process was faster
                except _NotOurs as error:
                    aside, reason = self._set_aside(), str(error)
        warnings.warn(
            f"The cache {str(self.path)!r} is not usable ({reason}). It was set aside as "
            f"{aside!r} and a new one begun; embeddings are computed again.",
            UserWarning,
            stacklevel=2,
        )
        return self._try(action)

    def _try(self, action):
        try:
            with closing(self._connect()) as connection:
                return action(connection)
        except UnicodeDecodeError as error:
            raise _NotOurs(error) from error
        except sqlite3.DatabaseError as error:
            operational = isinstance(error, sqlite3.OperationalError)
            if not operational or _code(error) == sqlite3.SQLITE_ERROR:  # such as no such table
                raise _NotOurs(error) from error
            raise

    def _connect(self):
        """Open the file, to read alone where nothing else is allowed, else raise an OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._open(self.path)
        except sqlite3.OperationalError as error:
            if _code(error) not in CANNOT_OPEN:
                raise
            # In a folder that cannot be written SQLite has no place for its locks. Without any
            # it may see half a change of somebody else, which the check sums show.
            for how in ("mode=ro", "immutable=1"):
                with suppress(sqlite3.OperationalError):
                    return self._open(f"{self.path.as_uri()}?{how}", uri=True)
            raise OSError(str(error)) from error

    def _open(self, path, uri=False):
        connection = sqlite3.connect(path, timeout=60, uri=uri)
        try:
            if _pragma(connection, "application_id") != APPLICATION_ID:
                self._create(connection)
            version = _pragma(connection, "user_version")
            if version > max(VERSIONS):
                raise OSError("it was written by a newer version of sklearn_tl")
            if version not in VERSIONS:
                raise _NotOurs("it was written by another version of sklearn_tl")
            connection.execute("PRAGMA synchronous=NORMAL")
        except BaseException:
            connection.close()
            raise
        return connection

    def _create(self, connection):
        with self._file_lock:
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
                if _pragma(connection, "application_id") == APPLICATION_ID:
                    return  # another process was faster
                raise _NotOurs("it is a database of another program")
            connection.execute(f"PRAGMA page_size={PAGE}")
            connection.execute("PRAGMA journal_mode=WAL")
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(
                    "CREATE TABLE rows (key BLOB PRIMARY KEY, row BLOB, crc INTEGER)"
                )
                connection.execute(f"PRAGMA user_version={UNLIMITED}")
                connection.execute(f"PRAGMA application_id={APPLICATION_ID}")

    def _set_aside(self):
        names = (f"{self.path}.set-aside-{n}" for n in itertools.count(1))
        aside = next(name for name in names if not os.path.lexists(name))
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.replace(f"{self.path}{suffix}", f"{aside}{suffix}")
        return aside


def _code(error):
    return getattr(error, "sqlite_errorcode", 0) & 0xFF  # without what SQLite adds in detail


def _pragma(connection, name):
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


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
    if found and _pragma(connection, "user_version") == LIMITED:
        # Where this fails (read only, somebody writes), the rows only seem to be older.
        connection.execute("PRAGMA busy_timeout=1000")
        with suppress(sqlite3.OperationalError), connection:
            used = "INSERT OR REPLACE INTO uses (key) SELECT key FROM rows WHERE key = ?"
            connection.executemany(used, [(key,) for key in found])
    return found


def _insert(connection, values):
    with connection:
        connection.execute("BEGIN IMMEDIATE")  # before the limit is asked for, which may change
        limit = _limit(connection)
        if limit is not None and values:
            # At worst: rows of half a page and a little have a page each, and each key in its two
            # indexes splits one.
            size = 2 * (len(values[0][1]) + PAGE)
            values = values[: limit // size]
            _make_room(connection, limit - len(values) * size)
            used = "INSERT OR REPLACE INTO uses (key) VALUES (?)"
            connection.executemany(used, [(key,) for key, _, _ in values])
        connection.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", values)


def _limit(connection):
    if _pragma(connection, "user_version") != LIMITED:
        return None
    return connection.execute("SELECT bytes FROM size_limit").fetchone()[0]


def _set_limit(connection, limit):
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        limited = _pragma(connection, "user_version") == LIMITED
        if limit is not None and not limited:
            connection.execute("CREATE TABLE uses (position INTEGER PRIMARY KEY, key BLOB UNIQUE)")
            connection.execute("INSERT INTO uses (key) SELECT key FROM rows ORDER BY rowid")
            connection.execute("CREATE TABLE size_limit (bytes INTEGER)")
            connection.execute("INSERT INTO size_limit VALUES (0)")
        elif limit is None and limited:
            connection.execute("DROP TABLE uses")
            connection.execute("DROP TABLE size_limit")
        if limit is not None:
            connection.execute("UPDATE size_limit SET bytes = ?", (limit,))
            _make_room(connection, limit)
        connection.execute(f"PRAGMA user_version={UNLIMITED if limit is None else LIMITED}")
    if limit is not None and _file_size(connection) > limit:
        connection.execute("VACUUM")


def _make_room(connection, size):
    """Drop the rows that were not used for longest, until the others take at most `size` bytes.

    Their pages are filled again by what is written next, so that the file does not grow.
    """
    connection.execute("PRAGMA secure_delete=OFF")  # zeros over what is no secret take long
    while _file_size(connection, free=False) > size:
        oldest = connection.execute("SELECT key FROM uses ORDER BY position LIMIT 16").fetchall()
        if not oldest:
            break
        for table in ("rows", "uses"):
            connection.executemany(f"DELETE FROM {table} WHERE key = ?", oldest)


def _file_size(connection, free=True):
    pages = _pragma(connection, "page_count")
    if not free:
        pages -= _pragma(connection, "freelist_count")
    return pages * _pragma(connection, "page_size")
