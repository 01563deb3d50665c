"""One row per image and layer, so that passes over different layers share rows."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from sklearn_tl.cache.store import Store


class LayerStore:
    """A view of a store in which each layer of an image has its own row.

    Parameters
    ----------
    store : Store
    layer_keys : list of bytes
        For each layer, the digest of everything other than the image that its features depend on.
    lengths : list of int
        The number of features of each layer.
    """

    def __init__(self, store: Store, layer_keys: list[bytes], lengths: Sequence[int]) -> None:
        self.shared = store.shared
        self._store, self._layer_keys = store, layer_keys
        self._bounds = np.cumsum(lengths)[:-1]

    def get_many(self, digests: Iterable[bytes]) -> dict[bytes, np.ndarray]:
        """Return, for each image of which the store has all layers, its features side by side.

        Parameters
        ----------
        digests : list of bytes
            Of the images.
        """
        keys = {digest: self._keys(digest) for digest in digests}
        found = self._store.get_many([key for parts in keys.values() for key in parts])
        return {
            digest: np.concatenate([found[key] for key in parts])
            if len(parts) > 1
            else found[parts[0]]
            for digest, parts in keys.items()
            if all(key in found for key in parts)
        }

    def put_many(self, digests: Sequence[bytes], rows: np.ndarray) -> None:
        """Add the features of images, one row per image with all layers side by side."""
        if digests:
            keys_per_layer = zip(*map(self._keys, digests), strict=True)
            parts = np.split(rows, self._bounds, axis=1)
            for keys, features in zip(keys_per_layer, parts, strict=True):
                self._store.put_many(keys, features)

    def _keys(self, digest: bytes) -> list[bytes]:
        return [hashlib.sha256(digest + key).digest() for key in self._layer_keys]
