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
from numpy.testing import assert_array_equal

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="counts in /proc")
def test_memory_threads_files_and_children_stay_what_they_are(tmp_path):
    path = tmp_path / "figures.json"  # of a process of its own, of which all is counted
    options = ["--tiny", "--rounds", "16", "--json", path]
    command = [sys.executable, BENCHMARKS / "long_run.py", *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = json.loads(path.read_text())
    assert found["growth"] < 0.05
    assert found["more"] == [0, 0, 0]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="looks into /proc")
@pytest.mark.parametrize("work", ["transform", "search, n_jobs=2"])
def test_ctrl_c_ends_all_and_leaves_the_cache_whole(benchmark, work):
    (row,) = benchmark("interrupt", "--repeat", 1, "--wait", 1, "--work", work)["table"]
    assert row["status"] in (-2, 130)
    assert row["left running"] == row["wrong rows"] == 0
    assert row["rows kept"] > 0


def _rows(estimator, X):
    return estimator.transform(X)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_child_processes(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    X, y = study(3, 40)
    estimators = [
        ConvFeatureExtractor(image_size=64).fit(X),
        FineTuneClassifier(NormNet, image_size=16, unfreeze=1, max_epochs=1).fit(X, y),
    ]
    wanted = [estimator.transform(X) for estimator in estimators]  # with the threads of torch
    context = multiprocessing.get_context(method)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
        pool = context.Pool(2)
    with pool:
        jobs = [pool.apply_async(_rows, (estimator, X)) for estimator in estimators]
        for job, rows in zip(jobs, wanted, strict=True):
            assert_array_equal(job.get(timeout=120), rows)


def test_two_threads_with_one_extractor():
    X, _ = study(3, 120)
    extractor = ConvFeatureExtractor(image_size=64, cache=None).fit(X)
    wanted, n_threads = extractor.transform(X), torch.get_num_threads()
    with ThreadPoolExecutor(2) as pool:
        for rows in pool.map(lambda part: extractor.transform(X[part:]), [0, 3, 0, 7]):
            assert_array_equal(rows, wanted[-len(rows) :])
    assert torch.get_num_threads() == n_threads
