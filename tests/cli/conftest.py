"""Fixtures for the command line: a folder of images, and a model that was trained on one."""

import pytest
from helpers.pets import FAST, draw_pets, draw_tables

from sklearn_tl.cli import main


@pytest.fixture
def pets(tmp_path):
    return draw_pets(tmp_path / "pets")


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """Return the path of a model of the pets."""
    folder = tmp_path_factory.mktemp("model")
    path = folder / "m.joblib"
    assert main(["study", str(draw_pets(folder / "pets")), *FAST, "--out", str(path)]) == 0
    return path


@pytest.fixture
def tables(tmp_path):
    """Return the path of a table with a class, tags, a number and a group of each of the pets."""
    return draw_tables(tmp_path)
