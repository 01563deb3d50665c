"""The part of a network that is trained."""

from helpers.estimators import make
from helpers.networks import NormNet
from helpers.pictures import study
from torch import nn

from sklearn_tl.backbones import load_backbone
from sklearn_tl.finetuning import Tail, cut_network


def test_only_trained_layers_use_dropout():
    class Dropping(NormNet):
        def __init__(self):
            super().__init__()
            self.stage1.append(nn.Dropout(0.9))
            self.stage2.append(nn.Dropout(0.9))

    X, y = study(3, 12)
    backbone = load_backbone(Dropping)
    network = cut_network(backbone, ["stage2"], keep_frozen=True)
    tail = Tail(network, nn.Identity()).train()
    dropping = [name for name, module in tail.named_modules() if module.training and "." in name]
    assert dropping == ["network.stage2.3", "network.classifier.0"]
    assert make(1, backbone=Dropping, augment="standard").fit(X, y).score(X, y) > 0.5
