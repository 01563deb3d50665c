"""Whole files: they answer as their models do, and onnxruntime needs no torch for them."""

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
from helpers.networks import NormNet, TinyNet
from helpers.pictures import study
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from torch import nn

from sklearn_tl import (
    ConvFeatureExtractor,
    FineTuneClassifier,
    TransferClassifier,
    TransferRegressor,
)
from sklearn_tl.comparison import default_strategies
from sklearn_tl.export import export_onnx
from sklearn_tl.export.checks import check_answers
from sklearn_tl.export.parts import take_apart

SIZES = [(45, 61), (80, 33)]
NO_TORCH = """
import sys
sys.modules["torch"] = None
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1])
print(session.run(["label"], {"image": np.load(sys.argv[2])})[0].tolist())
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.onnx"


def images(make_images):
    return [image for size in SIZES for image in make_images(2, *size)]


def test_a_fine_tuned_classifier_without_torch(make_images, opened, path, tmp_path):
    X, codes = study(3, n=24)
    y = np.array(["ångström", "dog", "ox"])[codes]
    model = FineTuneClassifier(NormNet(), image_size=32, max_epochs=1, random_state=0).fit(X, y)
    model.temperature_ = 2.5
    export_onnx(model, path)
    run = opened(path)
    for image in images(make_images):
        found = run(image[None])
        assert np.allclose(found["probabilities"], model.predict_proba([image]), atol=1e-3)
        assert found["label"].tolist() == model.predict([image]).tolist()
    batch = make_images(3)
    assert np.allclose(run(batch)["probabilities"], model.predict_proba(batch), atol=1e-3)

    np.save(tmp_path / "batch.npy", batch)
    command = [sys.executable, "-c", NO_TORCH, str(path), str(tmp_path / "batch.npy")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(model.predict(batch).tolist())

    metadata = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert json.loads(metadata["classes"]) == ["dog", "ox", "ångström"]
    assert metadata["task"] == "classification"
    assert metadata["backbone"] == "NormNet"
    assert metadata["backbone_fingerprint"] == model.backbone_fingerprint_
    assert "scikit-learn" in json.loads(metadata["versions"])


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_the_embeddings_of_a_comparison(task, make_images, opened, path):
    X, codes = study(3, n=24)
    y = {"classification": codes, "multilabel": np.eye(3, dtype=int)[codes]}.get(task, codes * 1e5)
    model = default_strategies(NormNet(), image_size=32, task=task)["embeddings"]
    if task != "regression":  # one value of C, so that the search is short
        model[-1].param_grid = {name: [1.0] for name in model[-1].param_grid}
    model.fit(X, y)
    export_onnx(model, path)
    found = opened(path)(X)
    values = model.predict(X) if task == "regression" else model.predict_proba(X)
    name = "values" if task == "regression" else "probabilities"
    assert np.allclose(found[name].reshape(values.shape), values, rtol=1e-4, atol=1e-3)


def test_numbers_of_tiles_in_their_units(make_images, opened, path):
    X, codes = study(3, n=24)
    y = np.column_stack([codes * 1e5 + 3e5, codes * -1e-3])
    model = TransferRegressor(NormNet(), image_size=32, resize_mode="tiles").fit(X, y)
    export_onnx(model, path)
    run = opened(path)
    for image in images(make_images):
        off = np.abs(run(image[None])["values"] - model.predict([image]))
        assert (off < 1e-3 * np.abs(y).max(axis=0)).all()
    batch = make_images(3)
    assert np.allclose(run(batch)["values"], model.predict(batch), rtol=1e-3, atol=1e-6)


def test_all_layers_of_four_bands_with_a_value_range(opened, path):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 4096, (12, 40, 52, 4)).astype(np.uint16), np.arange(12) % 2
    X[y == 1, ..., 2] //= 2
    extractor = ConvFeatureExtractor(
        NormNet(),
        layer="all",
        pooling="avgmax",
        normalization="power",
        image_size=32,
        channels=(3, 2, 0),
        value_range=(0, 4095),
    )
    model = make_pipeline(extractor, LogisticRegression()).fit(X, y)
    export_onnx(model, path)
    found = opened(path)(X.astype(np.float32))
    assert np.allclose(found["probabilities"], model.predict_proba(X), atol=1e-3)
    assert np.array_equal(found["label"], model.predict(X))


def test_the_extractor_alone_at_native_sizes(make_images, opened, path):
    model = ConvFeatureExtractor(TinyNet(), layer="stage", image_size="native")
    export_onnx(model.fit(make_images()), path)
    run = opened(path)
    for image in images(make_images):
        assert np.allclose(run(image[None])["rows"], model.transform([image]), atol=1e-5)


def test_eight_bits_and_answers_that_differ(make_images, opened, path):
    X, y = study(3, n=24)
    model = FineTuneClassifier(NormNet(), image_size=32, unfreeze=None).fit(X, y)
    cache = model.cache
    export_onnx(model, path, quantize=X)
    file = onnx.load(path)
    assert "QuantizeLinear" in {node.op_type for node in file.graph.node}
    found = opened(path)(X)
    off = np.abs(found["probabilities"] - model.predict_proba(X))
    assert 0 < off.max() < 0.2
    assert (found["label"] == model.predict(X)).mean() > 0.9
    model.temperature_ = 20.0
    with pytest.raises(ValueError, match="not written.*probabilities differ"):
        check_answers(model, take_apart(model), file)
    assert model.cache == cache


def test_eight_bits_are_joined_with_steps_of_scikit_learn(path, opened):
    X, y = study(3, n=24)
    extractor = ConvFeatureExtractor(NormNet(), image_size=32)
    model = make_pipeline(extractor, LogisticRegression(max_iter=1000)).fit(X, y)
    export_onnx(model, path, quantize=X)
    assert (opened(path)(X)["label"] == model.predict(X)).mean() > 0.9


class Branching(nn.Module):
    """A network that chooses its path by what it sees."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

    def forward(self, x):
        x = self.conv(x)
        if float(x.sum()) > 0:
            x = x * 2
        return self.fc(x.mean((2, 3)))


def test_a_network_that_cannot_be_converted_is_named(path):
    X, y = study(2)
    model = FineTuneClassifier(Branching(), image_size=32, unfreeze=None).fit(X, y)
    with pytest.raises(ValueError, match="The network Branching cannot be converted to ONNX: .+"):
        export_onnx(model, path)
    assert not path.exists()


def test_a_folder_and_missing_packages_are_named(tmp_path, monkeypatch):
    X, y = study(2)
    model = TransferClassifier(TinyNet(), image_size=32).fit(X, y)
    with pytest.raises(ValueError, match=r"is a folder. Name a file: .*model.onnx"):
        export_onnx(model, tmp_path)
    monkeypatch.setattr("sklearn_tl.export.onnx_file.PACKAGES", ("onnx", "not_there"))
    with pytest.raises(ImportError, match=r"needs not_there: pip install not_there"):
        export_onnx(model, tmp_path / "model.onnx")
