"""The rows of OpenVINO are those of torch, and torch takes over if it must."""

import importlib.util
import sys

import numpy as np
import pytest
import torch
from helpers.networks import NormNet, TinyNet
from helpers.pictures import study
from numpy.testing import assert_array_equal

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier
from sklearn_tl._utils import release_all
from sklearn_tl.backbones import load_backbone
from sklearn_tl.datasets import load_photo_patches
from sklearn_tl.embedding import engines

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed"
)


@pytest.fixture(autouse=True)
def nothing_compiled():
    release_all()
    yield
    release_all()


@pytest.fixture
def compilations(monkeypatch):
    """Return a list to which every compilation adds its batch's shape."""
    shapes, make = [], engines._OpenVINO

    def counting(network, example, precision):
        shapes.append(tuple(example.shape))
        return make(network, example, precision)

    monkeypatch.setattr(engines, "_OpenVINO", counting)
    return shapes


def both(X, **parameters):
    """Return the rows of torch and of OpenVINO."""
    return [
        ConvFeatureExtractor(engine=name, batch_size=4, **parameters).fit(X).transform(X)
        for name in ("torch", "openvino")
    ]


@pytest.mark.parametrize(
    "parameters",
    [
        {"image_size": 64},
        {"image_size": (96, 64), "layer": ["blocks.1", "blocks.4"], "pooling": "avgmax"},
        {"image_size": 64, "layer": "blocks.5", "pooling": "flatten"},
        {"backbone": "resnet18", "weights": None, "image_size": 64},
        {"backbone": "mobilenet_v3_small", "weights": None, "image_size": 64},
        {"backbone": "timm/vit_tiny_patch16_224", "weights": None},
        {"backbone": NormNet, "image_size": 20},
    ],
    ids=str,
)
def test_rows_are_those_of_torch(parameters, make_images, compilations):
    wanted, got = both(make_images(3, 70, 70), **parameters)
    assert len(compilations) == 1
    assert np.abs(wanted - got).max() <= 1e-4 * np.abs(wanted).max()


def test_bits_depend_on_the_image_alone(make_images):
    X = make_images(9, 64, 64)
    parameters = {"image_size": 64, "batch_size": 4, "cache": None}
    rows = ConvFeatureExtractor(engine="openvino", **parameters).fit(X).transform
    wanted = rows(X)
    assert_array_equal(rows(X), wanted)
    assert_array_equal(rows(X[[7, 2, 0]]), wanted[[7, 2, 0]])


def test_the_cache_tells_engines_apart_and_a_warm_one_compiles_nothing(
    make_images, network_images, compilations
):
    X = make_images(4)
    both(X, backbone=NormNet, image_size=32)
    assert network_images == [4, 4]
    assert len(compilations) == 1
    both(X, backbone=NormNet, image_size=32)
    assert network_images == [4, 4]
    assert len(compilations) == 1


def test_auto_is_openvino_where_it_can_be(make_images, compilations):
    X = make_images(4)
    ConvFeatureExtractor(NormNet, image_size=32, engine="auto").fit_transform(X)
    assert len(compilations) == 1
    ConvFeatureExtractor(NormNet, image_size="native", engine="auto").fit_transform(X)
    assert len(compilations) == 1
    assert engines.resolve_engine("auto", "cuda", (32, 32)) == "torch"


@pytest.mark.parametrize(
    ("size", "device", "reason"), [("native", "cpu", "native"), (32, "meta", "the device is meta")]
)
def test_torch_takes_its_place_and_says_why(size, device, reason, make_images):
    crop = None if size == "native" else (size, size)
    with pytest.warns(UserWarning, match=f"OpenVINO is not used, since .*{reason}"):
        assert engines.resolve_engine("openvino", device, crop) == "torch"


class Numeric(TinyNet):
    """A network that goes through NumPy, where no trace can follow."""

    def forward(self, x):
        x = self.stage(self.stem(x))
        x = torch.from_numpy(np.sort(x.numpy().copy()))
        return self.fc(self.avgpool(x).flatten(1))


def test_networks_that_cannot_be_converted(make_images):
    X = make_images(4)
    wanted = ConvFeatureExtractor(Numeric, image_size=32).fit_transform(X)
    extractor = ConvFeatureExtractor(Numeric, image_size=32, engine="openvino").fit(X)
    with pytest.warns(UserWarning, match="OpenVINO is not used, since .* Numeric"):
        got = extractor.transform(X)
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_not_installed(make_images, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    X = make_images(2)
    with pytest.raises(ImportError, match="pip install openvino, or set engine"):
        ConvFeatureExtractor(TinyNet, engine="openvino").fit(X)
    ConvFeatureExtractor(TinyNet, engine="auto").fit(X).transform(X)


def test_fine_tuning_on_its_rows(compilations):
    X, y = study(3, 30)
    parameters = {"image_size": 16, "head_C": 100, "random_state": 0, "max_epochs": 2}
    for unfreeze in (None, 1, "all"):
        classifier = FineTuneClassifier(NormNet, unfreeze=unfreeze, engine="auto", **parameters)
        assert classifier.fit(X, y).score(X, y) > 0.9
    # For the embeddings, which None and "all" share, and for the activations before the last layer.
    assert len(compilations) == 2


def test_no_trace_of_it_stays_on_the_backbone():
    backbone = load_backbone("efficientnet_lite0")
    X = np.zeros((1, 32, 32, 3), dtype=np.uint8)
    before = {name: tensor.clone() for name, tensor in backbone.module.state_dict().items()}
    ConvFeatureExtractor(image_size=32, batch_size=1, engine="openvino").fit_transform(X)
    for name, tensor in backbone.module.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert not any(module._forward_hooks for module in backbone.module.modules())


def test_bfloat16_moves_rows_a_little():
    """Where the processor has none, OpenVINO computes in float32."""
    X = load_photo_patches().images[::30]
    wanted = ConvFeatureExtractor(image_size=128).fit_transform(X)
    for name in ("torch", "openvino"):
        extractor = ConvFeatureExtractor(image_size=128, engine=name, precision="bfloat16")
        got = extractor.fit_transform(X)
        assert got.dtype == np.float32
        assert np.linalg.norm(wanted - got) <= 0.2 * np.linalg.norm(wanted)
