"""Other processes, which start with the package imported and with nothing else."""

import multiprocessing
import warnings
from concurrent.futures import ProcessPoolExecutor

METHODS = multiprocessing.get_all_start_methods()
ELSEWHERE = multiprocessing.get_context("forkserver" if "forkserver" in METHODS else "spawn")
ELSEWHERE.set_forkserver_preload(["sklearn_tl"])


def elsewhere(function, *args):
    """Return what a function returns in another process, where warnings are errors."""
    strict = {"initializer": warnings.simplefilter, "initargs": ("error",)}
    with ProcessPoolExecutor(1, mp_context=ELSEWHERE, **strict) as pool:
        return pool.submit(function, *args).result()
