"""The interface of all stores, and the store that keeps nothing.

A store maps a key, which is a digest, to a row, which is a float32 vector. The key covers
everything that the row depends on (see `sklearn_tl.embedding`). Therefore a row is never stale and
never changes, and it does not matter who wrote it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np


class Store(Protocol):
    """What all stores can do."""

    @property
    def shared(self) -> bool:
        """Whether other processes may add rows to this store."""

    def get_many(self, keys: Iterable[bytes]) -> Mapping[bytes, np.ndarray]:
        """Return the rows that the store has, by their keys."""

    def put_many(self, keys: Sequence[bytes], rows: np.ndarray) -> None:
        """Add rows. `rows` has one for each key."""


class ManagedStore(Store, Protocol):
    """A store that users can look into, limit and empty."""

    def info(self) -> tuple[int, int, int | None, str | None]:
        """Return the number of rows, the bytes, the limit in bytes, and the path."""

    def set_limit(self, limit: int | None) -> None:
        """Set the largest size in bytes, or None for no limit."""

    def clear(self) -> None:
        """Remove all rows."""


class NoStore:
    """A store that keeps nothing, for `cache=None`."""

    shared = False

    def get_many(self, keys: Iterable[bytes]) -> dict[bytes, np.ndarray]:
        return {}

    def put_many(self, keys: Sequence[bytes], rows: np.ndarray) -> None:
        pass
