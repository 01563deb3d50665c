"""Networks of many families are used as their makers mean them.

`benchmarks/families.py` asks one network of every family of timm. Here is a quick dozen.
"""

import numpy as np
import pytest
import timm
import torch
from conftest import BENCHMARKS
from helpers.networks import assert_equal_in_scale, run_layers
from helpers.processes import elsewhere
from torch import nn
from torchvision.models.quantization import resnet18 as quantizable_resnet18

from sklearn_tl import ConvFeatureExtractor, list_backbones
from sklearn_tl.backbones import load_backbone, sizes
from sklearn_tl.finetuning import Tail, cut_network

# Those whose classifier is not one linear layer at the end, and those with odd layers.
DOZEN = [
    "deit_tiny_distilled_patch16_224",
    "efficientformerv2_s0",
    "levit_128s",
    "pit_ti_distilled_224",
    "repvit_m0_9",
    "swiftformer_xs",
    "crossvit_tiny_240",
    "mobilenetv4_conv_small",
    "xcit_nano_12_p16_224",
    "vit_small_patch16_dinov3",
    "tnt_s_legacy_patch16_224",
    "fastvit_t8",
]


@pytest.fixture
def families(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import families

    return families


@pytest.mark.parametrize("name", DOZEN)
def test_embeddings_and_layers_are_those_of_timm(name, families, tmp_path):
    network = families.trained_a_little(timm.create_model(name).eval())
    path = str(tmp_path / "weights.pth")
    torch.save(network.state_dict(), path)
    families.embeds_as_timm(f"timm/{name}", path, network)
    families.layers_are_right(f"timm/{name}", path)


def train_all(names):
    """Return what networks answer after a step in which all of their layers are trained."""
    x = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    answers = []
    for name in names:
        backbone = load_backbone(f"timm/{name}", None)
        tail = Tail(
            cut_network(backbone, backbone.layers, keep_frozen=True), nn.Identity(), backbone
        )
        optimizer = torch.optim.AdamW(tail.parameters(), 1e-5)
        tail.train()(x).square().mean().backward()
        optimizer.step()
        answers.append(tail(x).detach().numpy())
    return answers


def test_training_does_not_end_the_process():
    """It did, in a convolution with few channels and a stride, on some processors."""
    for answers in elsewhere(train_all, ["fastvit_t8", "repvgg_a0"]):
        assert np.isfinite(answers).all()


class Lightning(nn.Module):
    """Holds a network between other things, as modules of Lightning do."""

    def __init__(self, net):
        super().__init__()
        self.net, self.loss = net, nn.CrossEntropyLoss()

    def forward(self, x):
        return self.net(x)


@pytest.mark.parametrize(
    "wrap",
    [
        Lightning,
        lambda net: nn.Sequential(nn.Identity(), net),
        lambda net: nn.Sequential(Lightning(net), nn.Softmax(1)),
    ],
)
@pytest.mark.parametrize("name", ["resnet18", "timm/deit_tiny_distilled_patch16_224"])
def test_a_wrapped_network_has_the_same_embedding(wrap, name):
    stock = load_backbone(name, None)
    x = torch.rand(2, 3, 224, 224)
    own = load_backbone(wrap(stock.copy_module()) if name == "resnet18" else wrap(_distilled()))
    wanted = stock.run(x, {None: lambda a: stock.pool(a, None, "avg")})[None]
    found = own.run(x, {None: lambda a: own.pool(a, None, "avg")})[None]
    assert_equal_in_scale(found, wanted)


def _distilled():
    """Return the network of this name with its weights, and with both classifiers."""
    network = timm.create_model("deit_tiny_distilled_patch16_224").eval()
    state = load_backbone("timm/deit_tiny_distilled_patch16_224", None).module.state_dict()
    network.load_state_dict(state, strict=False)
    return network


def test_the_classifier_of_a_network_that_can_be_quantized_is_found():
    own = load_backbone(quantizable_resnet18(weights=None, quantize=False))
    assert (own.structure.classifier, own.layers[-1]) == ("fc", "layer4")


class Logits(nn.Module):
    """Its output looks like classes, but no linear layer makes it."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1000, 8, stride=8)
        self.scale = nn.BatchNorm1d(1000)

    def forward(self, x):
        return self.scale(self.conv(x).mean((2, 3)))


def test_an_output_that_looks_like_classes_is_said():
    with pytest.warns(UserWarning, match="1000 columns, as many as .* layer='scale'"):
        load_backbone(Logits())


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
def test_networks_that_cannot_be_used_say_what_to_do():
    with pytest.raises(TypeError, match="TorchScript.*Pass the torch.nn.Module"):
        load_backbone(torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 1))))
    with pytest.raises(ValueError, match="0.weight of Sequential.*lazy.*Run the network once"):
        load_backbone(nn.Sequential(nn.LazyConv2d(4, 1)))
    with pytest.raises(ValueError, match="0.weight of Sequential.*meta.*Load the weights"):
        load_backbone(nn.Sequential(nn.Conv2d(3, 4, 1, device="meta")))


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x, ages):
        return self.conv(x).mean((2, 3)) + ages


def test_a_network_of_two_inputs_is_a_clear_error(make_images):
    with pytest.raises(ValueError, match="'ages'.*one tensor of images.*Wrap yours in a module"):
        ConvFeatureExtractor(TwoInputs()).fit(make_images(2))


def test_a_hook_of_the_user_is_part_of_the_cache_key():
    network = timm.create_model("mobilenetv3_small_050").eval()
    before = load_backbone(network).cache_key
    network.conv_stem.register_forward_hook(lambda module, inputs, output: output * 2)
    assert load_backbone(network).cache_key != before


def test_what_a_feature_extractor_of_torchvision_made_stays_in_evaluation_mode():
    from torchvision.models import resnet18
    from torchvision.models.feature_extraction import create_feature_extractor

    network = resnet18(weights=None).eval()
    with torch.inference_mode():
        wanted = network.layer1(network.maxpool(network.relu(network.bn1(network.conv1(X)))))
    own = load_backbone(create_feature_extractor(network, ["layer1"]))
    assert not any(part.training for part in own.copy_module().modules())
    assert_equal_in_scale(run_layers(own, X)[0], wanted)


X = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def test_a_transformer_takes_another_size(make_images, monkeypatch):
    monkeypatch.setattr(sizes, "TRIED", (192, 224))  # to try fewer
    images = make_images(3, 60, 60)
    small = ConvFeatureExtractor("timm/vit_tiny_patch16_224", weights=None, image_size=96)
    rows = small.fit_transform(images)
    assert rows.shape == (3, 192)
    assert small.frozen_pass().backbone.module.pos_embed.shape[1] == 37
    with pytest.raises(ValueError, match="maxvit_nano.* 200 x 200 pixels.*: image_size=192"):
        ConvFeatureExtractor("timm/maxvit_nano_rw_256", weights=None, image_size=200).fit(images)
    with pytest.raises(ValueError, match="vit_b_32.*160 x 160.*It takes square images of 224"):
        ConvFeatureExtractor("vit_b_32", weights=None, image_size=160).fit(images)


def test_a_module_says_its_own_size(make_images):
    network = timm.layers.PatchEmbed(img_size=48, patch_size=16, embed_dim=8)
    own = nn.Sequential()
    own.add_module("patch_embed", network)
    assert load_backbone(own).preprocessing.crop == (48, 48)


def test_layers_are_listed_of_a_network_that_is_computed_while_it_is_built():
    name = "timm/vit_tiny_r_s16_p8_224"
    assert list_backbones(name, layers=True)[name][1] == "blocks.0"
