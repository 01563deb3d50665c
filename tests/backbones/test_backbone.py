"""A backbone runs the layers that are requested, in any thread, and is shared."""

import copy
import gc
import pickle
import threading
import weakref

import pytest
import torch
from helpers.networks import TinyNet, assert_equal_in_scale, run_layers
from torch import nn

from sklearn_tl import ConvFeatureExtractor, clear_cache
from sklearn_tl.backbones import load_backbone


def test_only_the_needed_layers_run():
    backbone = load_backbone("resnet18", weights=None)
    wanted, ran = ("layer2", "layer1"), []
    with backbone._replicas(wanted).one() as module:
        for name in backbone.layers:
            module.get_submodule(name).register_forward_hook(lambda *_, name=name: ran.append(name))
    run_layers(backbone, torch.zeros(1, 3, 64, 64), wanted)
    assert ran[-1] == "layer2"
    assert len(module.layer1._forward_hooks) == 1  # the one above
    assert not backbone.module.layer1._forward_hooks


def test_networks_in_wrappers_have_the_same_embedding(tiny):
    x = torch.rand(2, 3, 16, 16)
    wanted = run_layers(load_backbone(tiny), x)[0]
    body = [tiny.stem, tiny.stage, tiny.avgpool, nn.Flatten()]
    for network in (
        nn.DataParallel(tiny),
        torch.compile(tiny, backend="eager"),
        nn.Sequential(*body, tiny.fc, nn.Dropout(), nn.Softmax(1)),
    ):
        assert_equal_in_scale(run_layers(load_backbone(network), x)[0], wanted)
    tiny.unused = nn.Linear(3, 3)  # stands where a classifier would
    assert_equal_in_scale(run_layers(load_backbone(tiny), x)[0], wanted)


def test_layers_without_an_embedding_are_an_error():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.unused, self.pair = (
                nn.Conv2d(3, 4, 3),
                nn.Conv2d(4, 4, 3),
                nn.AdaptiveMaxPool2d(1, return_indices=True),
            )

        def forward(self, x):
            return self.pair(self.stem(x))[0]

    backbone = load_backbone(Odd)
    with pytest.raises(ValueError, match="without passing unused"):
        run_layers(backbone, torch.rand(2, 3, 9, 9), ("unused",))
    with pytest.raises(ValueError, match="layer 'pair' of Odd, got tuple"):
        run_layers(backbone, torch.rand(2, 3, 9, 9), ("pair",))


def test_a_network_in_double_precision_runs_in_float32(tiny):
    x = torch.rand(2, 3, 16, 16)
    (wanted,) = run_layers(load_backbone(tiny), x)
    assert_equal_in_scale(run_layers(load_backbone(TinyNet().double()), x)[0], wanted)


def test_a_copy_on_another_device_leaves_the_shared_network():
    backbone = load_backbone("efficientnet_lite0")
    twin = backbone.on("meta")
    assert twin is not backbone
    assert next(twin.module.parameters()).device.type == "meta"
    assert next(backbone.module.parameters()).device.type == "cpu"


def test_a_network_that_takes_all_sizes_is_not_copied_for_one(monkeypatch):
    backbone = load_backbone("resnet18", weights=None)
    monkeypatch.setattr(type(backbone), "copy_module", None)  # a call would be an error
    assert backbone.at_size((64, 48)) is backbone


def test_two_threads_share_a_backbone():
    backbone = load_backbone("resnet18", weights=None)
    x = torch.rand(2, 3, 64, 64)
    wanted = {layer: run_layers(backbone, x, (layer,))[0] for layer in ("layer1", "layer3")}
    equal = []

    def work(layer):
        for _ in range(5):
            equal.append(torch.equal(run_layers(backbone, x, (layer,))[0], wanted[layer]))

    threads = [threading.Thread(target=work, args=(layer,)) for layer in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert equal == [True] * 10


def test_the_pickle_of_a_named_backbone_contains_no_weights():
    backbone = load_backbone("efficientnet_lite0")
    assert len(pickle.dumps(backbone)) < 300
    assert pickle.loads(pickle.dumps(backbone)) is backbone


def test_a_deep_copy_of_a_named_backbone_is_the_shared_one():
    backbone = load_backbone("efficientnet_lite0")
    assert copy.deepcopy(backbone) is backbone


def test_the_error_for_an_unknown_layer_lists_the_layers():
    with pytest.raises(ValueError, match=r"no layer 'layer5'. Did you mean 'layer4'.*conv1, bn1"):
        load_backbone("resnet18", None).resolve_layers("layer5")


def test_a_copy_on_another_device_is_kept_in_the_backbone():
    backbone = load_backbone(TinyNet)
    twin = backbone.on("meta")
    assert backbone.on("meta") is twin
    assert backbone.on("cpu") is backbone
    twin.kept["something"] = backbone.kept
    assert not backbone.kept


def test_a_pickle_leaves_out_what_was_derived():
    backbone = load_backbone(TinyNet())
    run_layers(backbone, torch.zeros(1, 3, 16, 16))
    backbone.kept["something"] = threading.Lock()
    loaded = pickle.loads(pickle.dumps(backbone))
    assert loaded.fingerprint == backbone.fingerprint
    assert not loaded.kept


@pytest.mark.parametrize("backbone", ["resnet18", TinyNet])
@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_nothing_that_was_derived_outlives_the_estimator(backbone, engine, make_images):
    extractor = ConvFeatureExtractor(backbone, weights=None, image_size=32, engine=engine)
    extractor.fit_transform(make_images(2))
    shared = load_backbone("resnet18", None) if backbone == "resnet18" else None
    found = extractor.frozen_pass().backbone
    assert shared in (None, found)
    run_layers(found, torch.zeros(1, 3, 32, 32), found.layers[:1])
    derived = [found, found.module, found.on("meta").module]
    derived += [replicas.module for replicas in found._inference.values()]
    derived += [one for key, one in found.kept.items() if key[0] == "compiled"]
    assert len(derived) >= 4
    gone = [weakref.ref(one) for one in derived]
    del extractor, shared, found, derived
    clear_cache()
    gc.collect()
    assert [one() for one in gone] == [None] * len(gone)


def test_a_change_of_the_code_drops_what_was_derived(monkeypatch):
    backbone = load_backbone(TinyNet)
    before = backbone.cache_key
    twin = backbone.on("meta")
    backbone.kept["something"] = 1
    assert backbone.cache_key == before
    assert backbone.kept
    monkeypatch.setattr(TinyNet, "forward", lambda self, x: self.fc(self.stem(x).mean((2, 3))))
    assert backbone.cache_key != before
    assert not backbone.kept
    assert backbone.on("meta") is not twin
