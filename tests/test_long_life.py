"""Processes that live long, are interrupted, fork, and share an estimator among threads."""

import json
import multiprocessing
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from conftest import BENCHMARKS
from helpers.networks import NormNet
from helpers.pictures import study
from helpers.processes import in_a_fork
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier, class_activation_maps, clear_cache

HAS_PROC = Path("/proc/self/statm").exists()
needs_proc = pytest.mark.skipif(not HAS_PROC, reason="looks into /proc")


@pytest.fixture(scope="module", autouse=True)
def long_run(tmp_path_factory):
    """Start a long run in a process of its own, beside the other tests of this module."""
    if not HAS_PROC:
        yield None
        return
    path = tmp_path_factory.mktemp("long_run") / "figures.json"
    options = ["--tiny", "--rounds", "16", "--json", path]
    command = [sys.executable, BENCHMARKS / "long_run.py", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        yield process, path
        process.kill()


@needs_proc
def test_ctrl_c_ends_all_processes_and_leaves_the_cache_whole(benchmark):
    work = ["transform", "search, n_jobs=2"]
    table = benchmark("interrupt", "--repeat", 1, "--wait", 1, "--at-once", "--work", *work)[
        "table"
    ]
    assert [row["work"] for row in table] == work
    for row in table:
        assert row["status"] in (-2, 130)
        assert row["left running"] == row["wrong rows"] == 0
        assert row["rows kept"] > 0


def _rows(estimator, X):
    return estimator.transform(X)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_child_processes_of_every_kind_return_the_same_rows(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    context = multiprocessing.get_context(method)
    # Spawned children import the package meanwhile. Forked ones must come after torch's threads.
    pool = context.Pool(1) if method == "spawn" else None
    X, y = study(3, 40)
    estimators = [
        ConvFeatureExtractor(image_size=64).fit(X),
        FineTuneClassifier(NormNet, image_size=16, unfreeze=1, max_epochs=1).fit(X, y),
    ]
    wanted = [estimator.transform(X) for estimator in estimators]  # with the threads of torch
    if pool is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
            pool = context.Pool(2)
    with pool:
        jobs = [pool.apply_async(_rows, (estimator, X)) for estimator in estimators]
        for job, rows in zip(jobs, wanted, strict=True):
            assert_array_equal(job.get(timeout=120), rows)


def _fit_and_transform(X, y):
    clear_cache()  # of networks too, so that a child loads and folds its own
    parameters = {"image_size": 64, "cache": None}
    tuned = FineTuneClassifier(unfreeze=1, max_epochs=1, random_state=0, **parameters).fit(X, y)
    rows = ConvFeatureExtractor(**parameters).fit_transform(X)
    class_activation_maps(tuned, X[:2])
    return rows, tuned.transform(X), torch.get_num_threads()


def test_a_forked_child_does_not_wait_for_threads_that_it_does_not_have():
    X, y = study(3, 24)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        torch.rand(1000, 1000) @ torch.rand(1000, 1000)  # starts threads, which no child has
        rows, tuned, n_threads = in_a_fork(_fit_and_transform, X, y)
        assert n_threads == 3  # afterwards, as it was before
        wanted, wanted_tuned, _ = _fit_and_transform(X, y)
    finally:
        torch.set_num_threads(before)
    assert_array_equal(rows, wanted)
    assert_allclose(tuned, wanted_tuned, rtol=0, atol=1e-3 * wanted_tuned.max())


def test_threads_may_share_an_extractor():
    X, _ = study(3, 120)
    extractor = ConvFeatureExtractor(image_size=64, cache=None).fit(X)
    wanted, n_threads = extractor.transform(X), torch.get_num_threads()
    with ThreadPoolExecutor(2) as pool:
        for rows in pool.map(lambda part: extractor.transform(X[part:]), [0, 3, 0, 7]):
            assert_array_equal(rows, wanted[-len(rows) :])
        assert torch.get_num_threads() == n_threads
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == n_threads


@needs_proc
def test_memory_threads_files_and_children_do_not_grow(long_run):
    process, path = long_run
    assert process.wait() == 0
    found = json.loads(path.read_text())
    assert found["growth"] < 0.05
    assert found["more"] == [0, 0, 0]
