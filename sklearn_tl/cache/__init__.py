"""Stores of rows: a digest becomes the row that was computed for it, in memory or in a file.

Other rooms get a store from `open_store` and wrap it in a `LayerStore`. Users look into a store,
empty it and limit it with `cache_info`, `clear_cache` and `limit_cache`.
"""

from sklearn_tl.cache.layers import LayerStore
from sklearn_tl.cache.manage import (
    CacheInfo,
    cache_info,
    clear_cache,
    limit_cache,
    open_store,
)
from sklearn_tl.cache.memory import MEMORY, MEMORY_LIMIT
from sklearn_tl.cache.store import Store

__all__ = [
    "MEMORY",
    "MEMORY_LIMIT",
    "CacheInfo",
    "LayerStore",
    "Store",
    "cache_info",
    "clear_cache",
    "limit_cache",
    "open_store",
]
