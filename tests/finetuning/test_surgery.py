"""Networks are cut where they are frozen, and what is frozen stays as it was."""

import pytest
import torch
from helpers.estimators import DEPTHS, make
from helpers.networks import NormNet
from helpers.pictures import study
from skorch.callbacks import Callback, Unfreezer

from sklearn_tl.backbones import load_backbone
from sklearn_tl.finetuning import cut_network, surgery


@pytest.mark.parametrize(
    ("unfreeze", "names"),
    [
        (1, ["stage2"]),
        (2, ["stage1", "stage2"]),
        (3, ["stem", "pool", "stage1", "stage2"]),  # pool has no weights and does not count
        ("pool", ["pool", "stage1", "stage2"]),
        ("all", ["stem", "pool", "stage1", "stage2"]),
    ],
)
def test_unfreeze_names_the_last_layers(unfreeze, names):
    assert surgery.layers_to_tune(load_backbone(NormNet), unfreeze) == names


@pytest.mark.parametrize(
    ("name", "first", "share"),
    [
        ("vit_b_32", "encoder.layers.encoder_layer_11", 0.08),
        ("timm/vit_tiny_patch16_224", "blocks.11", 0.08),
        ("timm/swin_tiny_patch4_window7_224", "layers.3", 0.56),
        ("timm/mobilenetv4_conv_small", "conv_head", 0.49),
        ("timm/dla34", "level5", 0.59),
        ("timm/coat_tiny", "parallel_blocks.5.norm12", 0.05),  # four weights come after it
        ("resnet18", "layer4", 0.75),
    ],
)
def test_the_last_layer_is_a_block_with_its_norm_in_every_family(name, first, share):
    backbone = load_backbone(name, None)
    tuned = surgery.layers_to_tune(backbone, 1)
    assert tuned[0] == first
    network = cut_network(backbone, tuned, keep_frozen=True)
    trained = sum(p.numel() for p in network.parameters())
    frozen = sum(b.numel() for b in network.buffers())
    assert trained / (trained + frozen) == pytest.approx(share, abs=0.01)


class ToggleTraining(Callback):
    """What skorch itself does when it scores in the middle of a training."""

    def on_batch_begin(self, net, training, **kwargs):
        net.module_.eval()
        net.module_.train()


@pytest.mark.parametrize("augment", [None, "standard"])
@pytest.mark.parametrize("unfreeze", DEPTHS)
def test_frozen_is_frozen_and_the_rest_learns(unfreeze, augment):
    X, y = study(3, 24)
    callbacks = [Unfreezer("*"), ToggleTraining()]
    backbone = load_backbone(NormNet)
    before = {k: v.clone() for k, v in backbone.module.state_dict().items()}
    classifier = make(unfreeze, augment=augment, callbacks=callbacks).fit(X, y)
    after = classifier.tuned_backbone().module.state_dict()
    tuned = () if unfreeze is None else surgery.layers_to_tune(backbone, unfreeze)
    for name, tensor in before.items():
        assert torch.equal(backbone.module.state_dict()[name], tensor)  # the shared one
        is_statistic = "running" in name or "num_batches" in name
        is_tuned = name.split(".")[0] in tuned and not is_statistic
        assert torch.equal(after[name], tensor) == (not is_tuned), name


@pytest.mark.parametrize(
    ("backbone", "unfreeze", "boundary"),
    [
        ("efficientnet_lite0", 2, "blocks.5"),
        ("resnet18", "layer4", "layer3"),
        ("mobilenet_v3_small", 3, "features.9"),
        ("densenet121", "features.denseblock4", "features.transition3"),
        ("squeezenet1_1", 1, "features.11"),
        ("convnext_tiny", 1, "features.6"),
        ("regnet_y_400mf", 1, "trunk_output.block3"),
        ("shufflenet_v2_x0_5", 1, "stage4"),
        ("timm/mobilenetv3_small_050", "blocks.5", "blocks.4"),
        ("timm/convnext_atto", 1, "stages.2"),
        ("vit_b_16", 1, None),  # its tokens are no chain of layers
        ("swin_t", 2, "features.5"),
        ("swin_t", "all", None),
    ],
)
def test_networks_are_cut_where_they_are_frozen(backbone, unfreeze, boundary):
    backbone = load_backbone(backbone, None)
    tuned = surgery.layers_to_tune(backbone, unfreeze)
    found = surgery.find_boundary(backbone, tuned, (224, 224) if boundary is None else (96, 96))
    assert (found and found[0][0][0]) == boundary
    if boundary is None:
        network = cut_network(backbone, tuned, keep_frozen=True)
        image = torch.rand(1, 3, 224, 224)
        assert surgery.agrees(network, image, backbone, image)
