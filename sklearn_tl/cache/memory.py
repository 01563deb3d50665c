"""Rows in the memory of this process, up to a limit."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence

import numpy as np

MEMORY_LIMIT = 1 << 30  # bytes, which are 200,000 rows of the default backbone


class MemoryStore:
    """The most recently used rows, up to a number of bytes. Threads may share it."""

    shared = False

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self.n_bytes = 0
        self._rows: OrderedDict[bytes, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._rows)

    def get_many(self, keys: Iterable[bytes]) -> dict[bytes, np.ndarray]:
        with self._lock:
            found = {key: self._rows[key] for key in keys if key in self._rows}
            for key in found:
                self._rows.move_to_end(key)
        return found

    def put_many(self, keys: Sequence[bytes], rows: np.ndarray) -> None:
        with self._lock:
            for key, row in zip(keys, rows, strict=True):
                if key not in self._rows:
                    self._rows[key] = row.copy()  # a view would keep its whole batch in memory
                    self.n_bytes += row.nbytes
            self._evict()

    def info(self) -> tuple[int, int, int | None, None]:
        with self._lock:
            return len(self), self.n_bytes, self.limit, None

    def set_limit(self, limit: int | None) -> None:
        with self._lock:
            self.limit = limit
            self._evict()

    def clear(self) -> None:
        with self._lock:
            self._rows.clear()
            self.n_bytes = 0

    def _evict(self) -> None:
        while self.limit is not None and self.n_bytes > self.limit:
            _, row = self._rows.popitem(last=False)
            self.n_bytes -= row.nbytes


MEMORY = MemoryStore(MEMORY_LIMIT)  # the one of `cache="memory"`
