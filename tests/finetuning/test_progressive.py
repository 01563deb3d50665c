"""The first epochs of a training of all layers see smaller images."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.estimators import make
from helpers.networks import FlatNet, NormNet
from helpers.pictures import study
from skorch.callbacks import Callback
from torch import nn

from sklearn_tl.backbones import Backbone
from sklearn_tl.finetuning import Tail, cut_network
from sklearn_tl.finetuning.progressive import small_size
from sklearn_tl.images import IMAGENET


class WithPositions(nn.Module):
    """A network with an embedding per position, for images of 128 x 128 pixels only."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 32, stride=32)
        self.positions = nn.Parameter(torch.zeros(4, 4, 4))
        self.fc = nn.Linear(4, 5)

    def forward(self, x):
        return self.fc((self.stem(x) + self.positions).mean((2, 3)))


class Sizes(Callback):
    """Notes the sizes of the images in training and in validation."""

    def on_train_begin(self, net, **kwargs):
        self.trained_, self.validated_ = [], []
        self.hook_ = net.module_.network.register_forward_pre_hook(self._note)

    def on_train_end(self, net, **kwargs):
        self.hook_.remove()

    def _note(self, network, inputs):
        seen = self.trained_ if torch.is_grad_enabled() else self.validated_
        seen.append(tuple(inputs[0].shape[2:]))


def tune(unfreeze="all", **parameters):
    """Return a classifier that trains on 12 images at once."""
    defaults = {"image_size": 128, "max_epochs": 2, "batch_size": 12, "cache": None}
    return make(unfreeze, **{**defaults, **parameters})


def sizes_of(classifier, n=12):
    """Return the sizes of the images in training and in validation."""
    X, y = study(2, n)
    classifier.set_params(callbacks=[("sizes", Sizes())]).fit(X, y)
    noted = dict(classifier.net_.callbacks_)["sizes"]
    return noted.trained_, set(noted.validated_)


@pytest.mark.parametrize(("max_epochs", "n_small"), [(1, 0), (2, 1), (3, 1), (4, 2)])
def test_the_first_half_of_the_epochs_has_small_images(max_epochs, n_small):
    trained, _ = sizes_of(tune(max_epochs=max_epochs))
    assert trained == [(96, 96)] * n_small + [(128, 128)] * (max_epochs - n_small)


def test_a_training_with_augmentation_has_small_images_too():
    trained, _ = sizes_of(tune(augment="standard", image_size=(128, 160)))
    assert trained == [(96, 128), (128, 160)]


def test_validation_has_the_full_size():
    trained, validated = sizes_of(tune(early_stopping=True, validation_fraction=0.25), n=16)
    assert trained == [(96, 96), (128, 128)]
    assert validated == {(128, 128)}


@pytest.mark.parametrize(
    "parameters",
    [
        {"unfreeze": 1, "augment": lambda image: image},
        {"backbone": WithPositions},
        {"net_params": {"callbacks__progressive_resizing": None}},
    ],
    ids=["frozen layers", "positions", "switched off"],
)
def test_otherwise_all_epochs_have_the_full_size(parameters):
    trained, _ = sizes_of(tune(**parameters))
    assert trained == [(128, 128)] * 2


def test_each_fit_of_a_warm_start_begins_with_small_images():
    classifier = tune(warm_start=True)
    assert sizes_of(classifier) == sizes_of(classifier)
    assert len(classifier.history_) == 4


@pytest.mark.parametrize(
    ("full", "small"),
    [
        ((224, 224), (160, 160)),
        ((240, 240), (160, 160)),
        ((384, 384), (288, 288)),
        ((128, 160), (96, 128)),
        ((127, 300), None),
        (None, None),
    ],
)
def test_small_sizes_are_multiples_of_32(full, small):
    assert small_size(tail_of(NormNet()), replace(IMAGENET, crop=full)) == small


def test_an_embedding_must_have_the_same_length():
    network = FlatNet()
    network.classifier = nn.Linear(4 * 64 * 64, 5)
    assert small_size(tail_of(network), replace(IMAGENET, crop=(128, 128))) is None


def test_results_are_reproducible():
    X, y = study(3, 30)
    first, again = (tune().fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    off = tune(net_params={"callbacks__progressive_resizing": None}).fit(X, y).predict_proba(X)
    assert not np.array_equal(first, off)


def test_looking_for_a_size_leaves_the_random_numbers_alone():
    before = torch.get_rng_state()
    small_size(tail_of(NormNet()), IMAGENET)
    assert torch.equal(torch.get_rng_state(), before)


def tail_of(network):
    """Return a network without its classifier, as an estimator trains it."""
    backbone = Backbone("", network, replace(IMAGENET, crop=(128, 128), resize=(128, 128)))
    return Tail(cut_network(backbone, backbone.layers, keep_frozen=True), None, backbone)
