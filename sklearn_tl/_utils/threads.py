"""Work in threads, of which each keeps to one core."""

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch
from joblib import cpu_count

_forked = False


def n_cores():
    """Return how many cores torch may take for one thing."""
    return 1 if _forked else cpu_count()


def _after_fork():
    """Keep torch to one thread: a forked process would wait for those that it has not got."""
    global _forked
    _forked = True
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def in_threads(function, items, n_threads, ahead):
    """Map in threads, in order, with at most `ahead` results waiting.

    Torch has one core in each of them. Several images on a core each are done sooner than one
    after the other on all cores; and the number of cores would show in the last bits of a sum.
    """
    n_before = torch.get_num_threads()
    pool = ThreadPoolExecutor(n_threads, initializer=_take_one_core)
    pending = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(n_before)  # which is also what threads of others begin with


def _take_one_core():
    torch.get_num_threads()  # else torch would later ask the process, where it may be another
    torch.set_num_threads(1)


def on_each_core(function, items):
    """Map a function that runs a network, in order, on as many cores as torch may take."""
    n_threads = torch.get_num_threads()
    return in_threads(function, items, n_threads, ahead=2 * n_threads)


@contextmanager
def one_core():
    """Let torch run on one core here."""
    n_before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_before)


def filled(batch, size):
    """Fill a batch up with zeros.

    In which order a sum is made depends on the shape of the whole batch. With one shape for all,
    the bits of a row depend on its own image and on no other.
    """
    if len(batch) == size:
        return batch
    return torch.cat([batch, batch.new_zeros(size - len(batch), *batch.shape[1:])])
