"""Each layer of an image has its own row."""

import numpy as np
from helpers.stores import key_of
from numpy.testing import assert_array_equal

from sklearn_tl.cache import LayerStore
from sklearn_tl.cache.memory import MemoryStore

ROWS = np.arange(20, dtype=np.float32).reshape(4, 5)
DIGESTS = [key_of(i) for i in range(4)]


def test_the_layers_of_an_image_come_back_side_by_side():
    layers = LayerStore(MemoryStore(None), [b"early", b"late"], [2, 3])
    layers.put_many(DIGESTS, ROWS)
    found = layers.get_many([*DIGESTS, key_of(9)])
    assert list(found) == DIGESTS
    assert_array_equal(list(found.values()), ROWS)
    layers.put_many([], np.empty((0, 5), np.float32))


def test_passes_over_other_layers_share_rows():
    store = MemoryStore(None)
    LayerStore(store, [b"early", b"late"], [2, 3]).put_many(DIGESTS, ROWS)
    late = LayerStore(store, [b"late"], [3])
    assert_array_equal(list(late.get_many(DIGESTS).values()), ROWS[:, 2:])
    turned = LayerStore(store, [b"late", b"early"], [3, 2]).get_many(DIGESTS)
    assert_array_equal(list(turned.values()), ROWS[:, [2, 3, 4, 0, 1]])
    assert LayerStore(store, [b"early", b"other"], [2, 3]).get_many(DIGESTS) == {}


def test_an_image_of_which_a_layer_is_missing_is_not_found():
    store = MemoryStore(None)
    LayerStore(store, [b"early"], [2]).put_many(DIGESTS, ROWS[:, :2])
    LayerStore(store, [b"late"], [3]).put_many(DIGESTS[:1], ROWS[:1, 2:])
    assert list(LayerStore(store, [b"early", b"late"], [2, 3]).get_many(DIGESTS)) == DIGESTS[:1]


def test_a_layer_store_is_shared_if_its_store_is():
    assert not LayerStore(MemoryStore(None), [b"k"], [3]).shared
