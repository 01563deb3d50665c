"""Layers in order, and the classifier, which is no layer."""

import pytest
from helpers.networks import TinyNet
from torch import nn

from sklearn_tl.backbones import stock
from sklearn_tl.backbones.structure import (
    find_classifier,
    has_channels_last_maps,
    layer_names,
)


def build(name):
    with stock.NoMemory():
        return stock.build(name)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("efficientnet_lite0", "conv_stem", "conv_head"),
        ("resnet18", "conv1", "layer4"),
        ("vgg11", "features.0", "features.20"),
        ("swin_t", "features.0", "norm"),
        ("squeezenet1_1", "features.0", "features.12"),
        ("vit_b_16", "conv_proj", "encoder"),
    ],
)
def test_layers_are_listed_from_input_to_output(name, first, last):
    names = layer_names(build(name))
    assert (names[0], names[-1]) == (first, last)


def test_a_container_of_stages_is_opened():
    network = nn.Sequential(nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU()))
    assert layer_names(network) == ["0.0", "0.1"]


def test_the_classifier_is_the_last_linear_layer():
    linear = nn.Linear(4, 2)
    ends = [linear], [nn.Sequential(nn.Dropout(), linear, nn.Softmax(1))], [linear, nn.Dropout()]
    for end in ends:
        assert find_classifier(nn.Sequential(nn.Conv2d(3, 4, 1), *end)) is linear
    tiny = TinyNet()
    assert find_classifier(tiny) is tiny.fc


def test_networks_without_a_classifier_have_none():
    assert find_classifier(nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten())) is None
    assert find_classifier(nn.ReLU()) is None


def test_squeezenets_classifier_is_a_sequence_of_layers():
    network = build("squeezenet1_1")
    assert find_classifier(network) is network.classifier


def test_networks_with_channels_last_are_known():
    assert has_channels_last_maps(build("swin_t"))
    assert not has_channels_last_maps(build("resnet18"))
