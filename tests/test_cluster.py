"""joblib's backend for dask: the same rows from the workers of a cluster, even if one dies."""

import os
import signal
from pathlib import Path

import joblib
import pytest
from helpers.networks import NormNet
from helpers.pictures import save_all, study
from helpers.processes import elsewhere
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.utils.fixes import parse_version

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(
    parse_version(joblib.__version__) < parse_version("1.6"),
    reason="joblib 1.5 never ended a search of fine-tunings, so the extra dask requires 1.6",
)


class KilledOnce(NormNet):
    """A network that kills the first other process that runs a batch of real images."""

    def __init__(self, trace):
        super().__init__()
        self.trace, self.home = str(trace), os.getpid()

    def forward(self, x):
        if os.getpid() != self.home and x.std() > 0.1:
            try:
                Path(self.trace).touch(exist_ok=False)
                os.kill(os.getpid(), signal.SIGKILL)
            except FileExistsError:
                pass
        return super().forward(x)


@pytest.fixture(scope="module")
def client():
    elsewhere(int)  # starts a process that has imported the package, from which workers fork
    with (
        dask.config.set(
            {
                "distributed.worker.multiprocessing-method": "forkserver",
                # It drops copies of data, also the one that a test keeps for a worker that dies.
                "distributed.scheduler.active-memory-manager.start": False,
            }
        ),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def on_dask(client):
    client.wait_for_workers(2)  # joblib does not send work to a single worker
    with joblib.parallel_config(backend="dask"):
        yield client


def extractor(**parameters):
    return ConvFeatureExtractor(**({"backbone": NormNet, "image_size": 16} | parameters))


@pytest.mark.parametrize("form", ["paths", "array"])
def test_workers_return_the_same_rows_and_fill_the_cache(on_dask, form, tmp_path, network_images):
    X, _ = study(3, 150)
    X = save_all(X, tmp_path) if form == "paths" else X
    rows = extractor(cache=None).fit_transform(X)
    network_images.clear()
    cached = extractor(n_jobs=-1, cache=tmp_path / "rows.sqlite")
    assert_array_equal(cached.fit_transform(X), rows)
    assert network_images == []  # in this process
    with joblib.parallel_config(backend="loky"):  # finds the rows of dask's workers in the cache
        assert_array_equal(cached.set_params(n_jobs=None).fit_transform(X), rows)
    assert network_images == []


@pytest.mark.parametrize("form", ["paths", "array"])
def test_the_workers_of_a_search_share_a_cache(on_dask, form, tmp_path, network_images):
    X, y = study(3, 60)
    X = save_all(X, tmp_path) if form == "paths" else X
    cached = extractor(cache=tmp_path / "rows.sqlite")
    search = GridSearchCV(
        make_pipeline(cached, LogisticRegression(max_iter=10_000)),
        {"logisticregression__C": [1e-4, 100]},
        cv=3,
    ).fit(X, y)
    assert search.best_score_ == 1
    assert network_images == []  # in this process, where the refit found all rows
    with joblib.parallel_config(backend="loky"):
        again = clone(search).fit(X, y)
    for name in ("split0_test_score", "split1_test_score", "split2_test_score"):
        assert_array_equal(again.cv_results_[name], search.cv_results_[name])


def test_a_search_of_fine_tunings_gives_the_same_scores(on_dask):
    X, y = study(3, 60)
    classifier = FineTuneClassifier(NormNet, image_size=16, max_epochs=2, random_state=0)
    search = GridSearchCV(classifier, {"unfreeze": [None, 1]}, cv=2).fit(X, y)
    with joblib.parallel_config(backend="loky"):
        again = clone(search).fit(X, y)
    assert_array_equal(again.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"])


def test_a_worker_that_dies_in_a_transform_changes_no_row(on_dask, tmp_path):
    X, _ = study(3, 150)
    killer = KilledOnce(tmp_path / "trace")
    rows = extractor(backbone=killer, n_jobs=-1, cache=None).fit_transform(X)
    assert (tmp_path / "trace").exists()
    assert_array_equal(rows, extractor(cache=None).fit_transform(X))


@pytest.mark.parametrize("form", ["paths", "array"])
def test_a_worker_that_dies_in_a_search_changes_no_score(on_dask, form, tmp_path):
    X, y = study(3, 210)  # so many that joblib would store the splits with one worker
    y = y.tolist()  # of which joblib makes no data that one worker alone has
    options, kept = {"scatter": [X]}, on_dask.scatter([X], broadcast=True)
    while any(len(workers) < 2 for workers in on_dask.who_has(kept).values()):
        on_dask.replicate(kept)  # dask cannot replace what only the dying worker had
    if form == "paths":
        X, options = save_all(X, tmp_path), {}
    cached = extractor(backbone=KilledOnce(tmp_path / "trace"), cache=tmp_path / "rows.sqlite")
    model = make_pipeline(cached, LogisticRegression(max_iter=10_000))
    splits = [(a.tolist(), b.tolist()) for a, b in StratifiedKFold(3).split(y, y)]
    with joblib.parallel_config(backend="dask", **options):
        scores = cross_validate(model, X, y, cv=splits, error_score="raise")["test_score"]
    assert (tmp_path / "trace").exists()
    assert_array_equal(scores, 1)
    assert_array_equal(cached.fit_transform(X), extractor(cache=None).fit_transform(X))
