"""Learning rates fall from layer to layer and from step to step."""

import pytest
from helpers.estimators import make
from helpers.pictures import study
from skorch.callbacks import Callback
from torch import nn

from sklearn_tl import _finetuner
from sklearn_tl.backbones import load_backbone
from sklearn_tl.finetuning import Tail, cut_network, learning_rate_groups
from sklearn_tl.finetuning.schedule import WarmupCosine


def test_learning_rates_fall_from_layer_to_layer_and_step_to_step():
    X, y = study(3, 40)
    classifier = make("all", lr=0.01, layer_decay=0.5, batch_size=8, max_epochs=4).fit(X, y)
    groups = classifier.net_.optimizer_.param_groups
    assert [group["initial_lr"] for group in groups] == [0.01, 0.005, 0.0025, 0.00125]
    rates = classifier.history_[:, "lr"]
    assert max(rates) < 0.01
    assert rates == sorted(rates, reverse=True)
    assert classifier.history_[-1, "lr_lowest"] == pytest.approx(rates[-1] / 8)
    factor = WarmupCosine(100)
    assert [factor(0), factor(9), factor(10), factor(55)] == pytest.approx([0.1, 1, 1, 0.5])
    assert factor(99) < 0.001


@pytest.mark.parametrize(
    ("name", "first", "tokens"),
    [
        ("timm/vit_tiny_patch16_224", "patch_embed", ["cls_token", "pos_embed"]),
        ("vit_b_32", "conv_proj", ["class_token", "encoder.pos_embedding"]),
    ],
)
def test_tokens_and_positions_learn_as_the_first_layer(name, first, tokens):
    backbone = load_backbone(name, None)
    tail = Tail(cut_network(backbone, backbone.layers, keep_frozen=True), None)
    started = backbone.structure.started
    rates = dict(learning_rate_groups(tail, backbone.layers, 1.0, 0.5, started))
    lowest = rates[f"network.{first}.*"]["lr"]
    assert lowest == min(rate["lr"] for rate in rates.values()) < 1e-3
    assert [rates[f"network.{token}"]["lr"] for token in tokens] == [lowest, lowest]


@pytest.mark.parametrize(
    ("n_images", "net_params", "steps_per_epoch"),
    [
        (9, {"iterator_train__batch_size": 8}, 1),  # the ninth image would be a batch on its own
        (33, {}, 1),
        (34, {}, 2),
        (9, {"iterator_train__batch_size": 2}, 4),
        (20, {"iterator_train__batch_size": 8, "iterator_train__drop_last": True}, 2),
    ],
)
def test_the_schedule_knows_the_number_of_steps(n_images, net_params, steps_per_epoch, monkeypatch):
    monkeypatch.setattr(_finetuner, "HEAD_STEPS", 1)  # the head's own training is not looked at
    X, y = study(3, n_images)
    steps = []

    class Count(Callback):
        def on_batch_end(self, net, training, **kwargs):
            steps.append(net.optimizer_.param_groups[0]["lr"])

    def head(n_features, n_classes):
        return nn.Sequential(nn.BatchNorm1d(n_features), nn.Linear(n_features, n_classes))

    classifier = make(1, max_epochs=4, callbacks=[Count()], net_params=net_params, head=head)
    classifier.fit(X, y)
    assert len(steps) == 4 * steps_per_epoch
    factor = WarmupCosine(4 * steps_per_epoch)
    assert steps[-1] == pytest.approx(1e-3 * factor(4 * steps_per_epoch))
