"""Work in threads, each of which computes on one core.

torch keeps one number of threads per thread, and a default for threads that have not computed
yet. `torch.set_num_threads` sets both. The rest of the program must not notice what is set here.
Therefore another thread restores the default at once, and a lock protects the moment between.
"""

import functools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import ParamSpec, TypeVar

import torch
from joblib import cpu_count

Item = TypeVar("Item")
Result = TypeVar("Result")
Parameters = ParamSpec("Parameters")

_forked = False
_default_changes = threading.RLock()  # held while torch's default is another than before


def _after_fork() -> None:
    global _forked
    _forked = True
    _default_changes.release()


if hasattr(os, "register_at_fork"):
    # A child must begin with the default of its parent, and with a lock that is free.
    os.register_at_fork(
        before=_default_changes.acquire,
        after_in_parent=_default_changes.release,
        after_in_child=_after_fork,
    )


def n_cores() -> int:
    """Return how many cores one computation may use.

    This is 1 in a forked process, because torch's other threads do not survive the fork: a
    computation that counts on them would wait for ever.
    """
    return 1 if _forked else cpu_count()


def in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], n_threads: int, ahead: int
) -> Iterator[Result]:
    """Map a function over items in threads, in order, with at most `ahead` results waiting.

    In each of these threads torch computes on one core. Several images on one core each are done
    sooner than one image after another on all cores, and the number of cores that share a sum
    shows in its last bits.

    Parameters
    ----------
    function : callable
    items : iterable
        Taken in the thread of the caller.
    n_threads : int
    ahead : int

    Yields
    ------
    object
        What `function` returned for the next item.
    """
    pool = ThreadPoolExecutor(n_threads, initializer=_set_num_threads, initargs=(1,))
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def on_each_core(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Map a function that runs a network, in order, on as many cores as torch may use here."""
    n_threads = 1 if _forked else _num_threads()
    return in_threads(function, items, n_threads, ahead=2 * n_threads)


@contextmanager
def cores(n: int) -> Iterator[None]:
    """Let torch compute on `n` cores in this thread, until the block ends."""
    n_before = _num_threads()
    _set_num_threads(n)
    try:
        yield
    finally:
        _set_num_threads(n_before)


@contextmanager
def one_core() -> Iterator[None]:
    """Let torch compute on one core in this thread, until the block ends.

    The number of cores shows in the last bits of a sum. One core gives the same bits everywhere.
    """
    with cores(1):
        yield


def fork_safe(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Decorate a public function or method that computes with torch in the thread of the caller.

    In a forked process, torch computes on one core until the function returns. Any operation on a
    large tensor, even a copy, would otherwise wait for threads that did not survive the fork.
    """

    @functools.wraps(function)
    def wrapper(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        with one_core() if _forked else nullcontext():
            return function(*args, **kwargs)

    return wrapper


def _num_threads() -> int:
    """Return torch's number of threads in this thread.

    The first time that a thread asks, it takes the default and keeps it.
    """
    with _default_changes:
        return torch.get_num_threads()


def _set_num_threads(n: int) -> None:
    """Set torch's number of threads in this thread, and leave the default as it is."""
    with _default_changes:
        # Asking fixes the number of a thread that never asked. Otherwise torch would later replace
        # the number that is set below by the default.
        if torch.get_num_threads() == n:
            return
        with ThreadPoolExecutor(1) as other_thread:
            default = other_thread.submit(torch.get_num_threads).result()
            try:
                torch.set_num_threads(n)
            finally:
                other_thread.submit(torch.set_num_threads, default).result()
