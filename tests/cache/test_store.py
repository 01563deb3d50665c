"""All stores: what goes in comes out, and recently used rows stay."""

import numpy as np
import pytest
from helpers.stores import assert_holds, fill, key_of, put

from sklearn_tl import limit_cache
from sklearn_tl.cache import open_store
from sklearn_tl.cache.memory import MemoryStore
from sklearn_tl.cache.sqlite import DiskStore
from sklearn_tl.cache.store import NoStore


@pytest.fixture(params=["memory", "disk"])
def store(request, tmp_path):
    return MemoryStore(10**6) if request.param == "memory" else DiskStore(tmp_path / "c.sqlite")


def test_rows_come_out_as_they_went_in(store):
    keys = fill(store, range(1200))  # more than one query
    assert_holds(store, keys)
    assert store.get_many([key_of(5000)]) == {}
    assert store.get_many([]) == {}
    store.clear()
    assert store.get_many(keys) == {}
    fill(store, range(3))


@pytest.mark.parametrize("cache", ["memory", "disk"])
def test_recently_used_rows_stay(cache, tmp_path):
    cache = tmp_path / "c.sqlite" if cache == "disk" else cache
    try:
        limit_cache(cache, 1_500_000)
        store = open_store(cache)
        first = put(store, 0, 32, 1280)
        old = put(store, 100, 120, 1280)
        for start in range(200, 800, 32):
            assert set(store.get_many(first)) == set(first)
            put(store, start, start + 32, 1280)
        assert store.get_many(old) == {}
    finally:
        limit_cache("memory", 1 << 30)


def test_no_store_keeps_nothing():
    store = NoStore()
    store.put_many([b"k"], np.zeros((1, 8), np.float32))
    assert store.get_many([b"k"]) == {}
    assert not store.shared
