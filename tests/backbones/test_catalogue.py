"""A name, a module or a factory becomes a backbone, or an error that says what to type."""

import pytest
import torch
import torchvision
from helpers.networks import TinyNet, run_layers
from torch import nn

from sklearn_tl import list_backbones
from sklearn_tl.backbones import load_backbone


def test_a_module_is_copied(tiny):
    tiny.train()
    backbone = load_backbone(tiny)
    assert tiny.training
    assert tiny.fc.weight.requires_grad
    assert backbone.layers == ["stem", "stage"]
    with torch.no_grad():
        tiny.stem[0].weight.zero_()
    x = torch.rand(1, 3, 32, 32)
    (wanted,) = run_layers(load_backbone(TinyNet()), x)
    torch.testing.assert_close(run_layers(backbone, x)[0], wanted)


def test_a_factory_makes_the_same_network_each_time():
    def factory():
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    state = torch.random.get_rng_state()
    assert load_backbone(factory).fingerprint == load_backbone(factory).fingerprint
    assert torch.equal(state, torch.random.get_rng_state())
    assert run_layers(load_backbone(factory), torch.rand(2, 3, 9, 9))[0].shape == (2, 4)
    assert load_backbone(factory).layers == ["0"]


def test_a_factory_may_return_a_network_that_is_in_use(tiny):
    tiny.train()
    before = load_backbone(lambda: tiny)
    assert tiny.training
    assert tiny.fc.weight.requires_grad
    with torch.no_grad():
        tiny.stem[0].weight.zero_()
    assert before.module.stem[0].weight.any()


def test_your_own_network_brings_its_preprocessing(tiny):
    assert load_backbone(tiny).preprocessing.mean == pytest.approx((0.485, 0.456, 0.406))
    tiny.transforms = torchvision.models.MobileNet_V3_Large_Weights.IMAGENET1K_V2.transforms()
    backbone = load_backbone(tiny)
    assert backbone.preprocessing.resize == (232, 232)
    # The preset is a module itself, but no part of the network.
    assert backbone.layers == ["stem", "stage"]
    assert run_layers(backbone, torch.rand(1, 3, 16, 16))[0].shape == (1, 6)
    tiny = TinyNet()
    tiny.transforms = torchvision.transforms.ToTensor()
    with pytest.raises(ValueError, match="attribute transforms of TinyNet"):
        load_backbone(tiny)


@pytest.mark.parametrize(
    ("backbone", "weights", "error", "message"),
    [
        ("resnet81", "default", ValueError, "no backbone 'resnet81'.*Did you mean.*resnet18"),
        ("timm/resnet10", "default", ValueError, "timm has no model 'resnet10'.*resnet101"),
        ("resnet50", "IMAGENET1K_V3", ValueError, "Did you mean.*IMAGENET1K_V2"),
        ("efficientnet_lite0", "imagenet", ValueError, 'weights=.imagenet. must be "default"'),
        ("timm/resnet18", "a1_in1k", ValueError, "timm/resnet18.a1_in1k"),
        (7, "default", TypeError, "backbone=7 must be"),
        (
            lambda: 7,
            "default",
            TypeError,
            "Expected a torch.nn.Module from .* got int",
        ),
        (TinyNet, "IMAGENET1K_V1", ValueError, "your own network"),
    ],
)
def test_a_wrong_name_is_an_error_that_says_what_to_type(backbone, weights, error, message):
    with pytest.raises(error, match=message):
        load_backbone(backbone, weights)


def test_all_networks_are_listed_with_their_layers():
    names = list_backbones()
    assert len(names) > 80
    assert "efficientnet_lite0" in list_backbones(offline=True)
    layers = list_backbones("*net*_*4*", layers=True)
    assert all(layers.values())


def test_listing_layers_takes_no_memory_for_weights():
    assert list_backbones("regnet_y_128gf", layers=True)["regnet_y_128gf"][0] == "stem"
