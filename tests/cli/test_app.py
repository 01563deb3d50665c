"""`sklearn-tl app` opens a model and its page."""

import shutil
import socket
from types import SimpleNamespace

import joblib
import pytest

from sklearn_tl.cli.app import app
from sklearn_tl.cli.model_file import save_model

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


def options(model, **others):
    usual = {"port": None, "no_browser": False, "allow_pickle": False}
    return SimpleNamespace(model=str(model), **(usual | others))


@pytest.fixture
def served(monkeypatch):
    """Return a list of what is served, and serve nothing."""
    calls = []
    monkeypatch.setattr("sklearn_tl.pages.serve", lambda *arguments: calls.append(arguments))
    return calls


@pytest.fixture(scope="module")
def data(model, tmp_path_factory):
    """Return the model as a file of data."""
    path = tmp_path_factory.mktemp("data") / "m.sktl"
    save_model(joblib.load(model), path)
    return path


def test_a_file_of_data_is_opened(data, served):
    assert app(options(data)) == 0
    assert app(options(data, port=8123, no_browser=True)) == 0
    (first, *more), (_, *others) = served
    assert first.state.token
    assert (more, others) == ([None, True], [8123, False])


def test_a_pickle_is_opened_only_if_that_is_allowed(model, data, tmp_path, served):
    with pytest.raises(ValueError, match=r"m.joblib may be a pickle.*--allow-pickle"):
        app(options(model))
    shutil.copy(model, tmp_path / "disguised.sktl")
    with pytest.raises(ValueError, match="disguised.sktl is not a model file"):
        app(options(tmp_path / "disguised.sktl", allow_pickle=True))
    assert served == []
    assert app(options(model, allow_pickle=True)) == 0
    assert len(served) == 1


def test_a_port_that_is_taken_is_an_error(data):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"--port {port} cannot be used"):
            app(options(data, port=port))
