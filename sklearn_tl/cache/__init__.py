"""Stores of rows: a digest becomes the row that was computed for it, in memory or in a file."""

from sklearn_tl.cache.store import (
    MEMORY,
    MEMORY_LIMIT,
    LayerStore,
    cache_info,
    clear_cache,
    limit_cache,
    open_store,
)

__all__ = [
    "MEMORY",
    "MEMORY_LIMIT",
    "LayerStore",
    "cache_info",
    "clear_cache",
    "limit_cache",
    "open_store",
]
