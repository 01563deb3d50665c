"""The parameter `cache`, and the functions with which users manage a store."""

import os
from numbers import Integral
from typing import NamedTuple

from sklearn_tl._utils import close_matches, empty_cache, release_all
from sklearn_tl.cache.memory import MEMORY
from sklearn_tl.cache.sqlite import DiskStore
from sklearn_tl.cache.store import ManagedStore, NoStore, Store


def open_store(cache: str | os.PathLike[str] | None) -> Store:
    """Return the store that the parameter `cache` stands for: "memory", a path, or None."""
    return NoStore() if cache is None else _managed_store(cache)


def _managed_store(cache: str | os.PathLike[str]) -> ManagedStore:
    if cache is None:
        raise TypeError('Expected cache to be "memory" or a path, got None, which stores nothing.')
    if isinstance(cache, str) and cache == "memory":
        return MEMORY
    if isinstance(cache, str) and cache.isalpha() and close_matches(cache, ["memory"]):
        raise ValueError(
            f"cache={cache!r}: did you mean \"memory\"? For a file of that name write './{cache}'."
        )
    return DiskStore(cache)


class CacheInfo(NamedTuple):
    """The contents of a store, from `cache_info`."""

    rows: int
    bytes: int
    limit: int | None
    path: str | None


def cache_info(cache: str | os.PathLike[str] = "memory") -> CacheInfo:
    """Return how many embeddings a store contains, and how large it is.

    Parameters
    ----------
    cache : "memory" or path, default="memory"
        The store, as in the parameter `cache` of the estimators. This function never creates,
        changes or renames a file.

    Returns
    -------
    CacheInfo
        A named tuple:

        - rows (int): the number of rows. An image has one row per layer.
        - bytes (int): the size of the rows in memory, or the size of the file.
        - limit (int or None): the largest size in bytes. None: no limit.
        - path (str or None): the file. None: the store is in memory.

    Raises
    ------
    OSError
        If the file cannot be read, or was not written by this package.
    TypeError
        If `cache` is None.
    ValueError
        If `cache` looks like "memory" with a typing error.

    See Also
    --------
    clear_cache : Remove all embeddings.
    limit_cache : Set the limit.

    Examples
    --------
    >>> from sklearn_tl import cache_info, clear_cache
    >>> clear_cache()
    >>> cache_info()
    CacheInfo(rows=0, bytes=0, limit=1073741824, path=None)
    """
    return CacheInfo(*_managed_store(cache).info())


def clear_cache(cache: str | os.PathLike[str] = "memory") -> None:
    """Remove all cached embeddings, and free the memory that networks take.

    ``clear_cache()`` also frees the pretrained networks that this process keeps for the next
    estimator: the networks themselves, their compiled versions, and their copies on a GPU. An
    estimator that you still hold keeps its own network. The next use of any other network loads
    it again.

    Parameters
    ----------
    cache : "memory" or path, default="memory"
        The store to empty, as in the parameter `cache` of the estimators. Its limit remains. If
        the file does not exist, it is not created. With a path, only the rows in this file are
        removed, and networks stay in memory.

    Raises
    ------
    OSError
        If the file cannot be written.
    TypeError
        If `cache` is None.
    ValueError
        If `cache` looks like "memory" with a typing error.

    Warns
    -----
    UserWarning
        If the file is damaged or belongs to another program. It is renamed, and the warning gives
        its new name.

    See Also
    --------
    cache_info : Return the number and the size of the embeddings.
    limit_cache : Remove only the least recently used embeddings.

    Examples
    --------
    >>> from sklearn_tl import clear_cache
    >>> clear_cache()
    """
    store = _managed_store(cache)
    store.clear()
    if store is MEMORY:
        release_all()
        empty_cache()


def limit_cache(cache: str | os.PathLike[str], max_bytes: int | None) -> None:
    """Set the largest size of a store of embeddings.

    If the rows would take more, the least recently used ones are removed, now and whenever rows
    are added. The limit of a file is stored in the file, and applies to all processes and
    sessions. A file has no limit until you set one. The limit of the memory applies to this
    process, and is 1 GiB until you set another.

    Parameters
    ----------
    cache : "memory" or path
        The store, as in the parameter `cache` of the estimators. If the file does not exist, it
        is created.
    max_bytes : int or None
        The largest size in bytes. None: no limit. SQLite keeps a log of the last writes in a
        second file beside the first. The log has some MB and does not count.

    Raises
    ------
    OSError
        If the file cannot be written.
    TypeError
        If `cache` is None, or `max_bytes` is not an integer.
    ValueError
        If `max_bytes` is not positive, or `cache` looks like "memory" with a typing error.

    Warns
    -----
    UserWarning
        If the file is damaged or belongs to another program. It is renamed, and the warning gives
        its new name.

    See Also
    --------
    cache_info : Return the limit, and the number and the size of the embeddings.

    Examples
    --------
    >>> from sklearn_tl import cache_info, limit_cache
    >>> limit_cache("memory", 2**28)
    >>> cache_info().limit
    268435456
    >>> limit_cache("memory", 2**30)
    """
    store = _managed_store(cache)
    if max_bytes is not None:
        if not isinstance(max_bytes, Integral) or isinstance(max_bytes, bool):
            raise TypeError(
                f"max_bytes={max_bytes!r} must be an integer number of bytes, for example 10**9."
            )
        if max_bytes <= 0:
            raise ValueError(f"max_bytes={max_bytes} must be positive, or None for no limit.")
    store.set_limit(None if max_bytes is None else int(max_bytes))
