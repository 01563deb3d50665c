"""Layers in order, and the classifier, which is no layer."""

import pytest
import torch
from helpers.networks import TinyNet, run_layers
from torch import nn

from sklearn_tl.backbones import LayerError, list_backbones, load_backbone, stock
from sklearn_tl.backbones.structure import has_channels_last_maps, study

SHAPE = (3, 32, 32)


def build(name):
    with stock.NoMemory():
        return stock.build(name).eval()


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("efficientnet_lite0", "conv_stem", "conv_head"),
        ("resnet18", "conv1", "layer4"),
        ("vgg11", "features.0", "features.20"),
        ("swin_t", "features.0", "norm"),
        ("squeezenet1_1", "features.0", "features.12"),
        ("vit_b_16", "conv_proj", "encoder.ln"),
        ("timm/vit_tiny_patch16_224", "patch_embed", "norm"),
        ("timm/convnextv2_atto", "stem", "stages.3"),
        ("timm/mobilenetv4_conv_small", "conv_stem", "norm_head"),
        ("timm/dla34", "base_layer", "level5"),
        ("timm/twins_svt_small", "patch_embeds.0", "norm"),
        ("timm/tresnet_m", "body.s2d", "body.layer4"),
        ("timm/vit_tiny_r_s16_p8_224", "patch_embed", "norm"),
    ],
)
def test_layers_are_listed_from_input_to_output(name, first, last):
    (names,) = list_backbones(name, layers=True).values()
    assert (names[0], names[-1]) == (first, last)


def test_the_layers_of_ones_own_network_are_listed():
    assert list_backbones(TinyNet(), layers=True) == {"TinyNet": ["stem", "stage"]}
    assert list_backbones(TinyNet()) == ["TinyNet"]


def test_a_container_of_stages_is_opened():
    network = nn.Sequential(nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU()))
    assert study(network, SHAPE).layers == ["0.0", "0.1"]
    network.append(nn.Flatten())  # now the first part is a stage, if the only one
    assert study(network, SHAPE).layers == ["0"]


class Branches(nn.Module):
    """A network with parts that are not layers: one returns a list, one never runs."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.both = Both()
        self.unused = nn.Conv2d(4, 4, 1)
        self.end = nn.Conv2d(4, 4, 1)

    def forward(self, x):
        left, right = self.both(self.stem(x))
        return self.end(left + right)


class Both(nn.Module):
    def __init__(self):
        super().__init__()
        self.left = nn.Conv2d(4, 4, 1)
        self.right = nn.Conv2d(4, 4, 1)

    def forward(self, x):
        return [self.left(x), self.right(x)]


def test_what_cannot_be_a_layer_is_replaced_by_its_parts_or_left_out():
    assert study(Branches(), SHAPE).layers == ["stem", "both.left", "both.right", "end"]


@pytest.mark.parametrize(
    ("end", "classifier"),
    [
        ([nn.Linear(4, 2)], "2"),
        ([nn.Sequential(nn.Dropout(), nn.Linear(4, 2), nn.Softmax(1))], "2.1"),
        ([nn.Linear(4, 2), nn.Dropout()], "2"),
        ([nn.Linear(4, 2), nn.LogSoftmax(1)], "2"),
        ([], None),
        ([nn.Linear(4, 2), nn.BatchNorm1d(2)], None),
    ],
)
def test_the_classifier_is_the_linear_layer_that_makes_the_output(end, classifier):
    network = nn.Sequential(nn.Conv2d(3, 4, 1), Mean(), *end)
    assert study(network.eval(), SHAPE).classifier == classifier


class Mean(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


class Wrapper(nn.Module):
    """Holds a network like a Lightning module does: between other things."""

    def __init__(self, net):
        super().__init__()
        self.net = net
        self.loss = nn.CrossEntropyLoss()

    def forward(self, x):
        return self.net(x)


def test_wrappers_are_opened():
    found = study(Wrapper(TinyNet()), SHAPE)
    assert (found.layers, found.classifier) == (["net.stem", "net.stage"], "net.fc")
    found = study(nn.Sequential(nn.BatchNorm2d(3), TinyNet()).eval(), SHAPE)
    assert (found.layers, found.classifier) == (["0", "1.stem", "1.stage"], "1.fc")


class Residual(nn.Module):
    """Ends in a linear layer whose output is not that of the network."""

    def __init__(self):
        super().__init__()
        self.conv, self.mlp = nn.Conv2d(3, 4, 1), nn.Linear(4, 4)

    def forward(self, x):
        tokens = self.conv(x).flatten(2).transpose(1, 2)
        return (tokens + self.mlp(tokens)).mean(1)


def test_a_linear_layer_inside_is_no_classifier():
    assert study(Residual(), SHAPE).classifier is None


class Shared(nn.Module):
    """Two stages have the same ReLU."""

    def __init__(self):
        super().__init__()
        relu = nn.ReLU()
        self.one = nn.Sequential(nn.Conv2d(3, 4, 1), relu)
        self.two = nn.Sequential(nn.Conv2d(4, 4, 1), relu)

    def forward(self, x):
        return self.two(self.one(x))


def test_parts_may_be_shared():
    assert study(Shared(), SHAPE).layers == ["one", "two"]


def test_squeezenets_classifier_is_a_sequence_of_layers():
    assert study(build("squeezenet1_1"), (3, 224, 224)).classifier == "classifier"


def test_a_network_that_cannot_be_run_has_all_layers_that_it_seems_to_have():
    network = nn.Sequential(nn.Conv2d(5, 4, 1), nn.Linear(7, 3))
    assert study(network, SHAPE).layers == ["0", "1"]


@pytest.mark.parametrize(
    ("name", "n_prefix"),
    [
        ("timm/vit_tiny_patch16_224", 1),
        ("timm/deit_tiny_distilled_patch16_224", 2),
        ("timm/vit_small_patch14_reg4_dinov2", 5),
        ("timm/mixer_s32_224", 0),
        ("vit_b_32", 1),
    ],
)
def test_tokens_before_those_of_the_patches_are_counted(name, n_prefix):
    found = study(build(name), (3, *stock.input_size(name)))
    of_blocks = {n for layer, n in found.n_prefix.items() if layer and layer.endswith("11")}
    assert of_blocks <= {n_prefix}
    assert found.n_prefix[found.layers[-1]] == n_prefix


class OneImage(TinyNet):
    def forward(self, x):
        assert len(x) == 1
        return super().forward(x)


def test_the_output_of_a_network_that_could_not_be_watched_is_refused():
    """It may be classes."""
    with pytest.raises(LayerError, match="OneImage could not be run on two noise images"):
        run_layers(load_backbone(OneImage()), torch.zeros(1, 3, 16, 16))


def test_networks_with_channels_last_are_known():
    assert has_channels_last_maps(build("swin_t"))
    assert has_channels_last_maps(Wrapper(build("swin_t")))
    assert not has_channels_last_maps(build("resnet18"))


def test_looking_leaves_the_network_alone():
    network = TinyNet().eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    study(network, SHAPE)
    assert not any(part._forward_hooks for part in network.modules())
    assert all(torch.equal(network.state_dict()[name], before[name]) for name in before)
