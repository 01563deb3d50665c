"""The tables of a cache file, and their limit."""

import os
import sqlite3
from contextlib import closing

import pytest
from helpers.stores import assert_right, fill, key_of, put, start_writer

from sklearn_tl import cache_info, clear_cache, limit_cache
from sklearn_tl.cache.sqlite import DiskStore


@pytest.mark.parametrize("n_features", [6, 300, 505, 513, 1012, 1280, 30_000])
def test_a_file_keeps_its_limit(n_features, tmp_path):
    path, limit = tmp_path / "c.sqlite", 1_000_000
    limit_cache(path, limit)
    store = DiskStore(path)
    n = 3 * limit // (4 * n_features + 300)  # rows, which are too many
    for start in range(0, n, 32):
        keys = put(store, start, start + 32, n_features)
        info = cache_info(path)
        assert info.bytes <= limit
    assert os.path.getsize(path) <= limit
    assert info.limit == limit
    assert info.bytes > limit / 3  # and uses it
    assert info.rows < n
    if n_features < 2000:
        assert set(store.get_many(keys)) == set(keys)


def test_a_limit_can_be_set_lowered_and_removed(tmp_path):
    path = tmp_path / "c.sqlite"
    store = DiskStore(path)
    keys = put(store, 0, 500, 1280)  # without a limit, as version 1 wrote it
    limit_cache(path, 1_000_000)
    assert os.path.getsize(path) <= 1_000_000
    assert 100 < len(store.get_many(keys)) < 200
    assert keys[-1] in store.get_many(keys)
    assert keys[0] not in store.get_many(keys)
    limit_cache(path, 500_000)
    assert os.path.getsize(path) <= 500_000
    clear_cache(path)
    assert cache_info(path)[::2] == (0, 500_000)
    assert len(store.get_many(put(store, 0, 20, 1280))) == 20
    limit_cache(path, None)
    assert cache_info(path).limit is None
    put(store, 0, 500, 1280)
    assert len(store.get_many(keys)) == 500


def test_a_file_with_too_small_a_limit_keeps_nothing(tmp_path):
    path = tmp_path / "c.sqlite"
    limit_cache(path, 1)
    assert DiskStore(path).get_many(fill(DiskStore(path), range(9))) == {}


def test_two_processes_keep_one_limit(tmp_path):
    path = tmp_path / "c.sqlite"
    limit_cache(path, 500_000)
    writers = [start_writer(path, 0, 3200), start_writer(path, 1600, 4800)]
    for writer, _ in writers:
        writer.join()
        assert writer.exitcode == 0
    assert os.path.getsize(path) <= 500_000
    keys = [key_of(i) for i in range(4800)]
    assert_right(DiskStore(path).get_many(keys))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows, uses = (f"SELECT key FROM {table} ORDER BY key" for table in ("rows", "uses"))
        assert connection.execute(rows).fetchall() == connection.execute(uses).fetchall()
