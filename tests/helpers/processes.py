"""Other processes that have imported the package and hold no other state."""

import multiprocessing
import warnings
from concurrent.futures import ProcessPoolExecutor

import pytest

# The package loads torch with the first estimator, and torch its second part with the first trace.
METHODS = multiprocessing.get_all_start_methods()
ELSEWHERE = multiprocessing.get_context("forkserver" if "forkserver" in METHODS else "spawn")
ELSEWHERE.set_forkserver_preload(["sklearn_tl.comparison", "torch._dynamo"])


def elsewhere(function, *args):
    """Return what a function returns in another process, where warnings are errors."""
    strict = {"initializer": warnings.simplefilter, "initargs": ("error",)}
    with ProcessPoolExecutor(1, mp_context=ELSEWHERE, **strict) as pool:
        return pool.submit(function, *args).result()


def in_a_fork(function, *args):
    """Return what a function returns in a forked child, which is killed if it hangs."""
    if "fork" not in METHODS:
        pytest.skip("this system cannot fork")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
        pool = multiprocessing.get_context("fork").Pool(1)
    with pool:
        return pool.apply_async(function, args).get(timeout=120)
