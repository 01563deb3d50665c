"""The tables of a cache file, and all statements of SQL that read and write them.

A file without a limit has only the table `rows` (key, row, check sum). A file with a limit also has
`size_limit` and `uses`. `uses` contains the keys in the order of their last use: a key moves to the
end when its row is written or read. There are no times in it, because clocks jump.
"""

import sqlite3
import zlib
from collections.abc import Sequence
from contextlib import suppress

import numpy as np

APPLICATION_ID = 0x736B746C  # "sktl", in the header of our files
UNLIMITED, LIMITED = VERSIONS = (1, 2)  # versions of the file, without and with a limit
KEYS_PER_QUERY = 500
PAGE = 4096  # bytes


def pragma(connection: sqlite3.Connection, name: str) -> int:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def create(connection: sqlite3.Connection) -> None:
    """Create a store without a limit in an empty database."""
    connection.execute(f"PRAGMA page_size={PAGE}")
    connection.execute("PRAGMA journal_mode=WAL")
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE rows (key BLOB PRIMARY KEY, row BLOB, crc INTEGER)")
        connection.execute(f"PRAGMA user_version={UNLIMITED}")
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")


def select(connection: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, np.ndarray]:
    """Return the rows that are there and whose check sums are right."""
    found = {}
    for start in range(0, len(keys), KEYS_PER_QUERY):
        part = keys[start : start + KEYS_PER_QUERY]
        marks = ",".join("?" * len(part))
        # The cast matters if damage has turned bytes into text, which would be decoded.
        query = f"SELECT key, CAST(row AS BLOB), crc FROM rows WHERE key IN ({marks})"
        for key, row, crc in connection.execute(query, part):
            if check_sum(key, row) == crc:
                found[key] = np.frombuffer(row, dtype=np.float32)
    if found and pragma(connection, "user_version") == LIMITED:
        # This can fail (the file is read-only, another process writes). The rows then only look
        # older than they are.
        connection.execute("PRAGMA busy_timeout=1000")
        with suppress(sqlite3.OperationalError), connection:
            used = "INSERT OR REPLACE INTO uses (key) SELECT key FROM rows WHERE key = ?"
            connection.executemany(used, [(key,) for key in found])
    return found


def insert(connection: sqlite3.Connection, values: list[tuple[bytes, bytes, int]]) -> None:
    """Add rows with their keys and check sums, within the limit."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")  # first, so that nobody changes the limit meanwhile
        limit = get_limit(connection)
        if limit is not None and values:
            # The worst case: a row of a little more than half a page takes a whole page, and its
            # key splits one page in each of two indexes.
            size = 2 * (len(values[0][1]) + PAGE)
            values = values[: limit // size]
            _make_room(connection, limit - len(values) * size)
            used = "INSERT OR REPLACE INTO uses (key) VALUES (?)"
            connection.executemany(used, [(key,) for key, _, _ in values])
        connection.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", values)


def check_sum(key: bytes, row: bytes) -> int:
    return zlib.crc32(row, zlib.crc32(key))


def delete(connection: sqlite3.Connection) -> None:
    """Remove all rows, and keep the limit."""
    connection.execute("PRAGMA secure_delete=OFF")
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM rows")
        if pragma(connection, "user_version") == LIMITED:
            connection.execute("DELETE FROM uses")
    connection.execute("VACUUM")


def count(connection: sqlite3.Connection) -> int:
    return connection.execute("SELECT count(*) FROM rows").fetchone()[0]


def get_limit(connection: sqlite3.Connection) -> int | None:
    """Return the largest size in bytes, or None."""
    if pragma(connection, "user_version") != LIMITED:
        return None
    return connection.execute("SELECT bytes FROM size_limit").fetchone()[0]


def set_limit(connection: sqlite3.Connection, limit: int | None) -> None:
    """Set the largest size in bytes, and remove rows that exceed it."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        limited = pragma(connection, "user_version") == LIMITED
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
    if limit is not None and file_size(connection) > limit:
        connection.execute("VACUUM")


def file_size(connection: sqlite3.Connection) -> int:
    return pragma(connection, "page_count") * pragma(connection, "page_size")


def _make_room(connection: sqlite3.Connection, size: int) -> None:
    """Remove the least recently used rows until the others take at most `size` bytes.

    The next rows are written into the pages of those that were removed, so that the file does not
    grow.
    """
    connection.execute("PRAGMA secure_delete=OFF")  # rows are no secrets; zeros would take long
    while _used_size(connection) > size:
        oldest = connection.execute("SELECT key FROM uses ORDER BY position LIMIT 16").fetchall()
        if not oldest:
            break
        for table in ("rows", "uses"):
            connection.executemany(f"DELETE FROM {table} WHERE key = ?", oldest)


def _used_size(connection: sqlite3.Connection) -> int:
    free = pragma(connection, "freelist_count") * pragma(connection, "page_size")
    return file_size(connection) - free
