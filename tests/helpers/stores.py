"""Stores whose right rows are known, processes that write them, and files that spoil them."""

import sqlite3
from contextlib import closing

import numpy as np
from helpers.processes import ELSEWHERE
from numpy.testing import assert_array_equal

from sklearn_tl.cache.sqlite import DiskStore


def row_of(key):
    return np.frombuffer(key[-8:], dtype=np.uint8).astype(np.float32)  # 32 bytes


def key_of(i):
    return i.to_bytes(32, "big")


def fill(store, numbers):
    keys = [key_of(i) for i in numbers]
    store.put_many(keys, [row_of(key) for key in keys])
    return keys


def assert_right(found):
    for key, row in found.items():
        assert_array_equal(row, row_of(key))


def assert_holds(store, keys):
    found = store.get_many(keys)
    assert set(found) == set(keys)
    assert_right(found)


def put(store, start, stop, n_features):
    """Add rows of zeros, as long as they are said to be."""
    keys = [key_of(i) for i in range(start, stop)]
    store.put_many(keys, np.zeros((len(keys), n_features), np.float32))
    return keys


def write(path, first, last, report):
    store = DiskStore(path)
    for start in range(first, last, 32):
        fill(store, range(start, start + 32))
        report.send(start)


def start_writer(path, first, last):
    """Return a process that writes, and the end of a pipe where it says what it has written."""
    ours, theirs = ELSEWHERE.Pipe(duplex=False)
    process = ELSEWHERE.Process(target=write, args=(path, first, last, theirs))
    process.start()
    theirs.close()
    return process, ours


def foreign_text(path):
    path.write_text("These are my notes, not a cache.\n" * 100)


def foreign_database(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE rows (mine TEXT)")
    connection.close()


def set_version(path, version):
    fill(DiskStore(path), range(3))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version={version}")
