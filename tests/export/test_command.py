"""The command that exports a model file."""

from argparse import Namespace

import joblib
import numpy as np
import pytest
from helpers.networks import TinyNet
from helpers.pets import draw_pets
from helpers.pictures import study
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline

from sklearn_tl import ConvFeatureExtractor, TransferClassifier
from sklearn_tl.cli.export import export


@pytest.fixture
def saved(tmp_path):
    """Return a function that fits a model and returns the path of its file."""

    def save(model):
        X, y = study(3, n=24)
        path = tmp_path / "model.joblib"
        joblib.dump(model.fit(X, y), path)
        return str(path)

    return save


@pytest.fixture
def exported(monkeypatch):
    """Return a list of the calls of `export_onnx`, which takes seconds and is tested elsewhere."""
    calls = []

    def write(model, path, *, quantize):
        calls.append((model, quantize))
        path.write_bytes(b"0" * 1_200_000)

    monkeypatch.setattr("sklearn_tl.cli.export.export_onnx", write)
    return calls


def test_a_model_file_becomes_an_onnx_file(saved, tmp_path, exported, capsys):
    model = saved(TransferClassifier(TinyNet(), image_size=32))
    pets, out = draw_pets(tmp_path / "pets"), tmp_path / "m.onnx"
    assert export(Namespace(model=model, out=out, quantize=None)) == 0
    assert capsys.readouterr().out == f"Wrote {out}: 1.2 MB.\n"
    assert exported[-1][1] is None
    assert exported[-1][0].classes_.tolist() == [0, 1, 2]
    assert export(Namespace(model=model, out=out, quantize=str(pets))) == 0
    assert capsys.readouterr().out.endswith("MB, 8 bits, ranges from 24 images.\n")
    assert len(exported[-1][1]) == 24


def test_a_large_folder_gives_some_images_of_each_part(saved, tmp_path, exported, monkeypatch):
    model, pets = saved(TransferClassifier(TinyNet(), image_size=32)), draw_pets(tmp_path / "pets")
    monkeypatch.setattr("sklearn_tl.cli.export.MOST", 6)
    export(Namespace(model=model, out=tmp_path / "m.onnx", quantize=str(pets)))
    assert len(exported[-1][1]) == 6
    assert {path.split("/")[-2] for path in exported[-1][1]} == {"cat", "dog", "fish"}


def test_a_wrong_name_is_refused_before_the_work(tmp_path):
    (tmp_path / "models").mkdir()
    for out, message in (
        (tmp_path / "m.sktl", r"does not end in .onnx. Name a file: sklearn-tl export x .*m.onnx"),
        (tmp_path / "models", r"is a folder. Name a file: sklearn-tl export x .*model.onnx"),
    ):
        with pytest.raises(ValueError, match=message):
            export(Namespace(model="x", out=out, quantize=None))


def test_a_model_that_has_no_form_in_onnx_is_one_line(saved, tmp_path):
    extractor = ConvFeatureExtractor(TinyNet(), image_size=32)
    model = saved(make_pipeline(extractor, LogisticRegression()))
    broken = joblib.load(model)
    broken.steps[-1] = ("ridge", NoProbabilities().fit(np.zeros((2, 6)), [0, 1]))
    joblib.dump(broken, model)
    with pytest.raises(ValueError, match=r"cannot be exported. Step 'ridge'"):
        export(Namespace(model=model, out=tmp_path / "m.onnx", quantize=None))


class NoProbabilities(RidgeClassifier):
    """A classifier that skl2onnx does not know."""

    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5)
