"""What goes through the frozen layers, and how often."""

import numpy as np
import pytest
from helpers.estimators import make
from helpers.networks import NormNet
from helpers.pictures import save_all, study
from sklearn.base import clone
from torch import nn

from sklearn_tl import clear_cache
from sklearn_tl.cache import MEMORY
from sklearn_tl.embedding import rows as embedding
from sklearn_tl.images import sequence as images_module


def test_the_frozen_part_sees_each_image_once(network_images):
    X, y = study(3, 30)
    classifier = make(1, max_epochs=4).fit(X, y)
    assert sum(network_images) == 30
    classifier.fit(X, y)
    classifier.predict(X)
    clone(classifier).set_params(lr=1e-3).fit(X[:20], y[:20])
    assert sum(network_images) == 30
    make(None).fit(X, y)  # other rows
    make("all").fit(X, y)  # for its head the rows of the line before
    assert sum(network_images) == 60


def test_files_are_read_once_for_all_epochs(tmp_path, monkeypatch):
    X, y = study(3, 30)
    paths = save_all(X, tmp_path)
    classifier = make("all", max_epochs=3, cache=None)
    expected = classifier.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(classifier.fit(paths, y).predict_proba(paths), expected)
    decoded = []
    decode = images_module.EncodedImage.decode

    def counting(self, at_least):
        decoded.append(at_least)
        return decode(self, at_least)

    monkeypatch.setattr(images_module.EncodedImage, "decode", counting)
    classifier.fit(paths, y)
    assert len(decoded) == 60  # once for the head's rows, once for the training


@pytest.mark.parametrize("cache", ["memory", "file"])
def test_large_activations_are_kept_in_a_file(cache, tmp_path, monkeypatch, network_images):
    """And leave the memory cache to what fits there."""
    cache = tmp_path / "cache" if cache == "file" else cache
    X, y = study(3, 30)
    X[7] = X[3]
    wanted = make(lr=1e-4).fit(X, y).predict_proba(X)
    clear_cache()
    made, in_file = [], embedding.array_in_file

    def counting(shape, *advice):
        made.append(shape)
        return in_file(shape, *advice)

    monkeypatch.setattr(embedding, "array_in_file", counting)
    monkeypatch.setattr(embedding, "LARGE", 10_000)
    network_images.clear()
    np.testing.assert_array_equal(make(lr=1e-4, cache=cache).fit(X, y).predict_proba(X), wanted)
    assert made == [(30, 640)] * 2  # to train on, and to predict
    assert len(MEMORY) == 0
    assert sum(network_images) == (29 if cache != "memory" else 58)


def test_a_network_may_work_in_place():
    X, y = study(3, 30)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=8),
        nn.ReLU(inplace=True),
        nn.Conv2d(8, 8, 1),
        nn.Flatten(),
        nn.Linear(32, 5),
    )
    classifier = make("1", backbone=network)  # the boundary is in front of the ReLU
    expected = classifier.fit(X, y).predict_proba(X)
    assert classifier.first_pass(X).frozen.features == (("0", "flatten"),)
    network[1] = nn.ReLU()
    np.testing.assert_array_equal(make("1", backbone=network).fit(X, y).predict_proba(X), expected)


def test_a_network_that_ends_in_a_softmax_is_refused():
    X, y = study(2, 12)
    network = nn.Sequential(NormNet().stem, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
    network.append(nn.Softmax(dim=1))
    assert make(None, backbone=network).fit(X, y).score(X, y) == 1
    with pytest.raises(ValueError, match="Sequential cannot be trained.*softmax"):
        make("all", backbone=network).fit(X, y)
