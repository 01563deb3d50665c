"""A folded network returns what the plain one does."""

import pytest
import torch
from helpers.networks import NETWORKS, NormNet, train_a_little
from torch import nn

from sklearn_tl.backbones import Backbone, load_backbone
from sklearn_tl.backbones.folding import find_pairs, folded as folded_pairs

# BatchNorms that come before their convolution, or belong to a part that is not run.
NOT_FOLDED = {"densenet121": 62, "googlenet": 2}


def folded(module, image):
    return folded_pairs(module, find_pairs(module, image), image)


def n_norms(module):
    return sum(isinstance(child, nn.BatchNorm2d) for child in module.modules())


@pytest.mark.parametrize("name", NETWORKS)
def test_folded_networks_return_the_output_of_the_plain_ones(name):
    backbone = load_backbone(name, "default" if name == "efficientnet_lite0" else None)
    module = backbone.copy_module()
    if name != "efficientnet_lite0":
        train_a_little(module)
    x = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    network = folded(module, x[:1])
    with torch.inference_mode():
        wanted, got = module(x), network(x)
    assert (wanted - got).abs().max() <= 1e-4 * wanted.abs().max()
    assert n_norms(network) == NOT_FOLDED.get(name, 0)
    assert n_norms(module) > n_norms(network) or name in ("squeezenet1_1", "convnext_tiny")


@pytest.mark.parametrize(
    "name", ["resnet18", "densenet121", "timm/mobilenetv3_small_050", "timm/resnet10t"]
)
def test_every_layer_of_a_folded_network_is_as_in_the_plain_one(name):
    """A convolution is not folded if it ends a layer that is asked for.

    In resnet10t it is the last one of the layer conv1, which is a Sequential.
    """
    shared = load_backbone(name, weights=None)  # which other tests may have folded
    backbone = Backbone(name, train_a_little(shared.copy_module()), shared.preprocessing)
    x = torch.rand(1, 3, 96, 96)
    for layer in backbone.layers:
        seen = []
        with torch.inference_mode():
            got = backbone.run(x, {layer: torch.clone})[layer]
            hook = backbone.module.get_submodule(layer).register_forward_hook(
                lambda module, inputs, output, seen=seen: seen.append(output.clone())
            )
            backbone.module(x)
            hook.remove()
        assert (got - seen[0]).abs().max() <= 1e-4 * seen[0].abs().max()


class TwoWays(NormNet):
    """The output of a convolution also goes another way than into BatchNorm."""

    def forward(self, x):
        conv, norm, relu = self.stem
        x = conv(x)
        x = self.stage2(self.stage1(self.pool(relu(norm(x)) + x)))
        return self.classifier(self.avgpool(x).flatten(1))


class Choosy(NormNet):
    def forward(self, x):
        assert x.shape[-1] == 40, "40 pixels, please"
        return super().forward(x)


class Tuple(NormNet):
    def forward(self, x):
        return super().forward(x), x


class Normed(NormNet):
    """The weights of a convolution are computed from others."""

    def __init__(self):
        super().__init__()
        nn.utils.parametrizations.weight_norm(self.stem[0])


@pytest.mark.parametrize(("make", "n_left"), [(TwoWays, 1), (Normed, 1), (Choosy, 3), (Tuple, 3)])
def test_what_cannot_be_folded_stays_as_it_is(make, n_left):
    module = train_a_little(make().eval())
    x = torch.rand(1, 3, 32, 32)
    network = folded(module, x)
    assert n_norms(network) == n_left
    assert network is not module
    if make is not Choosy:
        with torch.inference_mode():
            wanted, got = module(x), network(x)
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)
