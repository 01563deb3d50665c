"""The package, `--help` and wrong arguments load no large library."""

import pickle
import subprocess
import sys

import pytest

import sklearn_tl
from sklearn_tl.cli.options.program import COMMANDS

LARGE = {"torch", "torchvision", "sklearn", "scipy", "numpy", "skorch", "PIL", "joblib"}
MAIN = """
from sklearn_tl.cli import main
for arguments in {arguments}:
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = stop.code
    print("status", status)
"""


def run(code):
    """Run code in a new process; return the lines that it printed, and what it loaded."""
    code += "\nimport sys; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *lines, modules = done.stdout.splitlines()
    return lines, {name.split(".")[0] for name in modules.split()} & LARGE


def test_the_package_loads_nothing_before_it_is_used():
    _, loaded = run("import sklearn_tl; sklearn_tl.__version__; dir(sklearn_tl)")
    assert loaded == set()


def test_help_and_wrong_arguments_load_nothing():
    arguments = [
        *(["--help"], ["--version"], *([command, "--help"] for command in COMMANDS)),
        *(["stuyd"], ["study", "--cvv", "3"], ["study", "--cv", "x"]),
        *(["study", "nowhere"], ["study", "--train", "no", "--test", "where"]),
        ["predict", "nowhere.sktl", "1.jpg"],
    ]
    lines, loaded = run(MAIN.format(arguments=arguments))
    assert [line for line in lines if line.startswith("status")] == [
        *["status 0"] * (2 + len(COMMANDS)),
        *["status 2"] * 3,
        *["status 1"] * 3,
    ]
    assert loaded == set()


def test_every_public_name_and_room_can_be_had_in_each_way():
    code = """
import sklearn_tl
print(sklearn_tl.datasets.load_folder.__name__)  # a room that nobody has imported
from sklearn_tl import *
from sklearn_tl import ConvFeatureExtractor
assert ConvFeatureExtractor is sklearn_tl.ConvFeatureExtractor
print(*set(sklearn_tl.__all__) - set(globals()), *set(sklearn_tl.__all__) - set(dir(sklearn_tl)))
"""
    lines, loaded = run(code)
    assert lines == ["load_folder", ""]
    assert "torch" in loaded


def test_pickles_name_classes_as_before():
    assert b"sklearn_tl.extractor" in pickle.dumps(sklearn_tl.ConvFeatureExtractor)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="ConvFeatureExtractr"):
        sklearn_tl.ConvFeatureExtractr  # noqa: B018
