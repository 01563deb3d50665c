"""Rows in one SQLite file, which processes share, and which may be damaged, full or not ours."""

import itertools
import os
import sqlite3
import threading
import warnings
import zlib
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import numpy as np
from filelock import FileLock

FILE_NAME = "sklearn_tl.sqlite"
APPLICATION_ID = 0x736B746C  # "sktl", in the header of our files
UNLIMITED, LIMITED = VERSIONS = (1, 2)  # of the file; the second has a limit and what it takes
KEYS_PER_QUERY = 500
PAGE = 4096  # bytes
CANNOT_OPEN = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY)
FAILURES = (OSError, NotImplementedError, sqlite3.Error)  # the second: a disk without locks


class _NotOurs(sqlite3.DatabaseError):
    """The file is no store, or no longer one."""


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
            return rows, _file_size(connection), _limit(connection), str(self.path)

        with self._explained():
            return self._try(count) if self._exists() else (0, 0, None, str(self.path))

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

    def _with_file(self, action, again=2):
        """Do something with the file; if the file turns out to be none of ours, with a new one.

        A new file can turn out so too: the log of the old one, which another process had open, may
        have come to lie beside it.
        """
        try:
            return self._try(action)
        except _NotOurs:
            if not again:
                raise
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
        return self._with_file(action, again - 1)

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
