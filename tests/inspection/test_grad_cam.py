"""Grad-CAM finds what the class depends on, and reads images as `predict` does."""

import numpy as np
import pytest
from helpers.inspection import share_found, squares
from helpers.networks import NormNet
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier, class_activation_maps
from sklearn_tl.images import as_images


@pytest.mark.parametrize("unfreeze", [None, 1, "all"])
def test_the_map_is_on_the_square(unfreeze):
    X, y, cells = squares()
    classifier = FineTuneClassifier(
        NormNet, image_size=48, unfreeze=unfreeze, head_C=1e4, random_state=0, max_epochs=2
    ).fit(X, y)
    before = classifier.predict_proba(X)
    maps = class_activation_maps(classifier, X)
    assert maps.shape == (30, 24, 24)
    assert maps.min() >= 0
    assert share_found(maps, cells) > 0.7
    np.testing.assert_array_equal(classifier.predict_proba(X), before)


def test_the_map_of_a_linear_head_is_the_positive_part_of_the_exact_map():
    X, y, _ = squares()
    parameters = {"image_size": 48}
    classifier = FineTuneClassifier(NormNet, unfreeze=None, **parameters).fit(X, y)
    pipeline = make_pipeline(
        ConvFeatureExtractor(NormNet, **parameters), LogisticRegression(max_iter=1000)
    ).fit(X, y)
    exact = class_activation_maps(pipeline, X, y) - pipeline[-1].intercept_[y][:, None, None]
    grad = class_activation_maps(classifier, X, y)
    np.testing.assert_allclose(grad * 24 * 24, exact.clip(0), rtol=1e-2, atol=1e-2)


def test_a_large_jpeg_file_is_decoded_as_in_predict(tmp_path):
    X, y, _ = squares(3, 12)
    classifier = FineTuneClassifier(NormNet, unfreeze=None, image_size=48).fit(X, y)
    noise = np.random.default_rng(0).integers(0, 256, (800, 900, 3), dtype=np.uint8)
    path = tmp_path / "large.jpg"
    Image.fromarray(noise).save(path, quality=90)
    opened = as_images([path]).open(0)
    small = opened.decode(classifier.frozen_pass().preprocessing.at_least)
    assert small.shape == (200, 225, 3)  # a quarter
    maps = class_activation_maps(classifier, [path], [0])
    np.testing.assert_array_equal(maps, class_activation_maps(classifier, small[None], [0]))
    in_full = class_activation_maps(classifier, opened.decode()[None], [0])
    assert not np.allclose(maps, in_full, rtol=1e-3)
