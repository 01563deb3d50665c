"""Models that a page asks, and clients of the page."""

import contextlib

import numpy as np
import pytest
from helpers.networks import NormNet
from helpers.pictures import save_all, study
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from sklearn_tl import ConvFeatureExtractor
from sklearn_tl.answers import Sureness
from sklearn_tl.assessment import Novelty

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

NAMES = np.array(["cat", "dog", "fish"])
X, y = study(3, 60)
STRANGE = np.full((40, 40, 3), 255, np.uint8)  # no image in training is white


def extractor():
    return ConvFeatureExtractor(NormNet, image_size=32, resize_mode="squash")


@pytest.fixture(scope="session")
def classifier():
    """Return a model of three classes that knows when it is unsure, and its training images."""
    model = make_pipeline(extractor(), LogisticRegression(C=100, max_iter=10_000)).fit(X, NAMES[y])
    novelty = Novelty.fit(model[0].transform(X))
    shares, thresholds = np.array([0.01, 0.05]), np.array([np.inf, 0.7])
    model.sureness_ = Sureness(shares, thresholds, np.ones(2), novelty).to_dict()
    return model


@pytest.fixture(scope="session")
def tagger():
    """Return a model of two tags."""
    tags = np.column_stack([y == 0, y != 1]).astype(int)
    model = make_pipeline(extractor(), OneVsRestClassifier(LogisticRegression(C=100))).fit(X, tags)
    model.target_names_ = np.array(["furry", "wet"], dtype=object)
    return model


@pytest.fixture(scope="session")
def regressor():
    """Return a model of two numbers."""
    model = make_pipeline(extractor(), Ridge()).fit(X, np.column_stack([y + 1.0, 5.0 - y]))
    model.target_names_ = np.array(["weight", "price"], dtype=object)
    return model


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Return a folder with two images of each class, a strange one, and a file of text."""
    folder = tmp_path_factory.mktemp("photos") / "trip"
    (folder / "day 1").mkdir(parents=True)
    save_all(X[:6], folder / "day 1")
    save_all([STRANGE], folder)
    (folder / "0.png").rename(folder / "=strange.png")
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture
def client_of():
    """Return a function that returns a client of an application, which ends after the test."""
    from starlette.testclient import TestClient

    with contextlib.ExitStack() as stack:

        def make(app):
            address = f"http://127.0.0.1:8000/{app.state.token}/"
            client = TestClient(app, address, raise_server_exceptions=False)
            return stack.enter_context(client)

        yield make
