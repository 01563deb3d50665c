"""Rows in one SQLite file, which processes share, and which may be damaged, full or not ours."""

import itertools
import os
import sqlite3
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import numpy as np
from filelock import FileLock

from sklearn_tl.cache import tables

Result = TypeVar("Result")
Action = Callable[[sqlite3.Connection], Result]

FILE_NAME = "sklearn_tl.sqlite"
CANNOT_OPEN = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY)
# NotImplementedError is how filelock says that a disk has no locks.
FAILURES = (OSError, NotImplementedError, sqlite3.Error)


class _NotOurs(sqlite3.DatabaseError):
    """The file is not a store, or no longer one."""


class DiskStore:
    """Rows in one SQLite file, shared by processes and sessions. One instance serves one pass.

    Every call opens the file and closes it again. A fork, a thread or a pickle can therefore not
    carry a connection to a place where it does not work, and opening takes less than a millisecond.
    A batch is one transaction of a write-ahead log: a process that is killed loses its unfinished
    batch and nothing else.

    Nothing that happens to the file changes a row, or stops work that has begun:

    - If the file cannot be opened (no permission, a newer version of this package), the first pass
      of a process ends with an OSError before the network runs. After the store has worked in a
      process, it never ends a pass of this process.
    - If anything else fails, or fails later (the disk is full, another process keeps the file
      locked), the rest of this pass does not use the store, and one warning says so. The same
      happens if the file is read-only, but only when there is a row to write. Until then, the rows
      in the file are used.
    - If the file is damaged or belongs to another program, it is renamed, one warning says so, and
      a new file is begun. Nothing is ever deleted or overwritten, except the rows of a store.

    Parameters
    ----------
    path : path
        The file. If it is a folder, or ends in a slash, the file is `sklearn_tl.sqlite` in this
        folder.
    """

    shared = True
    _worked: set[Path] = set()  # the files that this process has used

    def __init__(self, path: str | os.PathLike[str]) -> None:
        is_folder = os.fspath(path).endswith(("/", os.sep))
        path = Path(path).expanduser().absolute()
        self.path = path / FILE_NAME if is_folder or os.path.isdir(path) else path
        self._file_lock = FileLock(f"{self.path}.lock")  # to create or to replace the file
        self._lock = threading.Lock()
        self._failed = False

    def get_many(self, keys: Iterable[bytes]) -> dict[bytes, np.ndarray]:
        """Return the rows that are there and whose check sums are right."""
        return self._in_pass(lambda connection: tables.select(connection, list(keys))) or {}

    def put_many(self, keys: Sequence[bytes], rows: np.ndarray) -> None:
        pairs = [(key, row.tobytes()) for key, row in zip(keys, rows, strict=True)]
        values = [(key, row, tables.check_sum(key, row)) for key, row in pairs]
        self._in_pass(lambda connection: tables.insert(connection, values))

    def info(self) -> tuple[int, int, int | None, str]:
        def read(connection: sqlite3.Connection) -> tuple[int, int, int | None]:
            size, limit = tables.file_size(connection), tables.get_limit(connection)
            return tables.count(connection), size, limit

        with self._explained():
            return (*(self._try(read) if self._exists() else (0, 0, None)), str(self.path))

    def set_limit(self, limit: int | None) -> None:
        with self._explained():
            self._with_file(lambda connection: tables.set_limit(connection, limit))

    def clear(self) -> None:
        with self._explained():
            if self._exists():
                self._with_file(tables.delete)

    def _in_pass(self, action: Action[Result]) -> Result | None:
        """Do something with the file, or return None if the file has failed in this pass."""
        if self._failed:
            return None
        try:
            result = self._with_file(action)
        except FAILURES as error:
            if not isinstance(error, sqlite3.Error) and self.path not in self._worked:
                raise OSError(
                    f"The cache {str(self.path)!r} cannot be used ({error}). Set another path, or "
                    'cache="memory".'
                ) from error
            with self._lock:  # threads that fail together give one warning
                known, self._failed = self._failed, True
            if not known:
                warnings.warn(
                    f"The cache {str(self.path)!r} failed ({error}). The rest of this pass does "
                    "not use it, and its rows are not kept.",
                    UserWarning,
                    stacklevel=2,
                )
            return None
        self._worked.add(self.path)
        return result

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except FAILURES as error:
            raise OSError(f"The cache {str(self.path)!r} cannot be used: {error}.") from error

    def _exists(self) -> bool:
        try:
            return bool(self.path.stat())
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _with_file(self, action: Action[Result], again: int = 2) -> Result:
        """Do something with the file, or with a new file if this one turns out not to be ours.

        The new file can turn out so too, if the log of the old file, which another process had
        open, is now beside it.
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
            f"{aside!r} and a new file was begun. The embeddings are computed again.",
            UserWarning,
            stacklevel=2,
        )
        return self._with_file(action, again - 1)

    def _try(self, action: Action[Result]) -> Result:
        try:
            with closing(self._connect()) as connection:
                return action(connection)
        except UnicodeDecodeError as error:
            raise _NotOurs(error) from error
        except sqlite3.DatabaseError as error:
            operational = isinstance(error, sqlite3.OperationalError)
            # SQLITE_ERROR is, for example, a table that is missing.
            if not operational or _code(error) == sqlite3.SQLITE_ERROR:
                raise _NotOurs(error) from error
            raise

    def _connect(self) -> sqlite3.Connection:
        """Open the file, read-only if nothing else is allowed, or raise an OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._open(self.path)
        except sqlite3.OperationalError as error:
            if _code(error) not in CANNOT_OPEN:
                raise
            # In a read-only folder, SQLite has no place for its locks. Without locks, it may read
            # half of a change by another process, but then the check sums do not match.
            for how in ("mode=ro", "immutable=1"):
                with suppress(sqlite3.OperationalError):
                    return self._open(f"{self.path.as_uri()}?{how}", uri=True)
            raise OSError(str(error)) from error

    def _open(self, path: str | Path, uri: bool = False) -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=60, uri=uri)
        try:
            if tables.pragma(connection, "application_id") != tables.APPLICATION_ID:
                self._create(connection)
            version = tables.pragma(connection, "user_version")
            if version > max(tables.VERSIONS):
                raise OSError("it was written by a newer version of sklearn_tl")
            if version not in tables.VERSIONS:
                raise _NotOurs("it was written by another version of sklearn_tl")
            connection.execute("PRAGMA synchronous=NORMAL")
        except BaseException:
            connection.close()
            raise
        return connection

    def _create(self, connection: sqlite3.Connection) -> None:
        with self._file_lock:
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                tables.create(connection)
            elif tables.pragma(connection, "application_id") != tables.APPLICATION_ID:
                raise _NotOurs("it is a database of another program")
            # Otherwise another process was faster.

    def _set_aside(self) -> str:
        names = (f"{self.path}.set-aside-{n}" for n in itertools.count(1))
        aside = next(name for name in names if not os.path.lexists(name))
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.replace(f"{self.path}{suffix}", f"{aside}{suffix}")
        return aside


def _code(error: sqlite3.Error) -> int:
    """Return the kind of an error of SQLite, without the details."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
