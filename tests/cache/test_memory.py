"""Rows in memory."""

import threading

import numpy as np
from helpers.stores import fill, key_of

from sklearn_tl.cache.memory import MemoryStore


def test_the_limit_is_kept_and_the_least_recently_used_row_goes():
    store = MemoryStore(limit=10 * 32)
    keys = fill(store, range(10))
    assert len(store.get_many(keys[:1])) == 1  # now the most recent
    fill(store, range(10, 15))
    assert store.n_bytes == 10 * 32
    assert len(store) == 10
    assert set(store.get_many(keys)) == {keys[0], *keys[6:]}
    fill(store, range(10, 15))  # again: nothing is counted twice
    assert store.n_bytes == 10 * 32


def test_a_row_does_not_keep_its_batch_in_memory():
    store = MemoryStore(10**6)
    store.put_many([b"k"], np.zeros((64, 8), np.float32)[:1])
    assert store.get_many([b"k"])[b"k"].base is None


def test_threads_share_a_store_in_memory():
    store = MemoryStore(limit=100 * 32)

    def work(start):
        for i in range(start, start + 500):
            fill(store, [i])
            store.get_many([key_of(i)])

    threads = [threading.Thread(target=work, args=(1000 * t,)) for t in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.n_bytes == len(store) * 32 == 100 * 32
