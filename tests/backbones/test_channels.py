"""Networks take images of other numbers of channels than three."""

import pickle

import numpy as np
import pytest
import torch
from helpers.networks import TinyNet
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from sklearn_tl import (
    ConvFeatureExtractor,
    FineTuneClassifier,
    class_activation_maps,
    compare_strategies,
)
from sklearn_tl.backbones import load_backbone
from sklearn_tl.images import Preprocessing

BANDS = np.random.default_rng(0).integers(0, 256, (6, 24, 24, 6), dtype=np.uint8)
BANDS[::2] //= 3
LABELS = ["dark", "light"] * 3
NAMES = ["efficientnet_lite0", "googlenet", "timm/vit_tiny_patch16_224"]


@pytest.mark.parametrize("name", NAMES)
def test_six_channels_that_repeat_rgb_give_almost_what_rgb_gives(name):
    X = np.concatenate([BANDS[:2, ..., :3]] * 2, axis=3)
    six = load_backbone(name, None, 6)
    rgb = load_backbone(name, None)
    assert six.fingerprint != rgb.fingerprint
    images = [backbone.preprocessing(pixels) for backbone, pixels in ((six, X), (rgb, X[..., :3]))]
    outputs = [
        backbone.run(x, {None: torch.clone})[None]
        for backbone, x in zip((six, rgb), images, strict=True)
    ]
    assert_allclose(*outputs, atol=1e-4 * float(outputs[1].abs().max()) + 1e-6)


@pytest.mark.parametrize("n_channels", [1, 2, 4, 7])
def test_convolutions_are_adapted_as_timm_does(n_channels):
    timm_layers = pytest.importorskip("timm.models")
    ours = load_backbone("resnet18", None, n_channels).module.conv1
    weight = load_backbone("resnet18", None).module.conv1.weight
    assert ours.in_channels == n_channels
    torch.testing.assert_close(ours.weight, timm_layers.adapt_input_conv(n_channels, weight))


def test_one_channel_gives_what_grey_gives_as_rgb():
    # This network normalises all channels alike.
    one = ConvFeatureExtractor(image_size=64, channels=(2,)).fit_transform(BANDS)
    grey = ConvFeatureExtractor(image_size=64).fit_transform(BANDS[..., 2])
    assert_allclose(one, grey, atol=1e-4 * np.abs(grey).max())


def test_channels_are_chosen_from_arrays_tensors_and_files(tmp_path):
    extractor = ConvFeatureExtractor(TinyNet, image_size=16, channels=(5, 0, 2))
    rows = extractor.fit_transform(BANDS)
    plain = ConvFeatureExtractor(TinyNet, image_size=16).fit_transform(BANDS[..., [5, 0, 2]])
    assert_array_equal(rows, plain)
    tensor = torch.from_numpy(BANDS.transpose(0, 3, 1, 2).copy())
    assert_array_equal(extractor.transform(tensor), rows)
    assert_array_equal(extractor.transform(list(tensor)), rows)
    np.save(tmp_path / "a.npy", BANDS[0])
    assert_array_equal(extractor.transform([tmp_path / "a.npy"]), rows[:1])
    with pytest.raises(
        ValueError, match=r"X\[0\] has 3 channels, but channels=\(5, 0, 2\) asks for 5"
    ):
        extractor.transform(BANDS[..., :3])


@pytest.mark.parametrize("engine", ["torch", "openvino"])
@pytest.mark.parametrize("channels", [(1,), (0, 1, 2, 3, 4, 5)])
def test_an_extractor_of_several_channels_is_small_and_comes_back(engine, channels):
    extractor = ConvFeatureExtractor(image_size=64, channels=channels, engine=engine, cache=None)
    rows = extractor.fit_transform(BANDS)
    data = pickle.dumps(extractor)
    assert len(data) < 5_000
    assert_allclose(pickle.loads(data).transform(BANDS), rows, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("unfreeze", [1, "all"])
def test_layers_are_trained_on_several_channels(unfreeze):
    classifier = FineTuneClassifier(
        unfreeze=unfreeze, channels=range_of(4), image_size=32, max_epochs=1, random_state=0
    ).fit(BANDS, LABELS)
    expected = classifier.predict_proba(BANDS)
    loaded = pickle.loads(pickle.dumps(classifier))
    assert_array_equal(loaded.predict_proba(BANDS), expected)
    assert class_activation_maps(classifier, BANDS).shape[0] == 6
    weight = classifier.tuned_backbone().module.conv_stem[0].weight
    assert weight.shape[1] == 4


def range_of(n):
    return tuple(range(n))


@pytest.mark.parametrize("augment", ["standard", lambda image: image.flip(-1)])
def test_augmentation_takes_tensors_of_several_channels(augment):
    classifier = FineTuneClassifier(
        channels=range_of(4), image_size=32, max_epochs=1, augment=augment, random_state=0
    ).fit(BANDS, LABELS)
    assert classifier.history_[0]["train_loss"] > 0
    with pytest.raises(ValueError, match=r"returned a tensor of shape \(3,.*must be \(4, "):
        classifier.set_params(augment=lambda image: image[:3]).fit(BANDS, LABELS)


def test_a_comparison_reads_the_channels_that_it_is_told_to():
    result = compare_strategies(
        np.concatenate([BANDS] * 2), LABELS * 2, strategies=["raw pixels", "head alone"],
        channels=range_of(5), image_size=32, cv=2, random_state=0, duplicates="ignore",
    )  # fmt: skip
    assert len(result.best_estimator_.predict(BANDS)) == 6


class Grey(TinyNet):
    def __init__(self):
        super().__init__()
        self.stem[0] = nn.Conv2d(1, 4, 3, stride=2)


def test_a_network_of_grey_images_says_which_channels_to_name():
    with pytest.raises(ValueError, match=r"takes images of 1 channel, but 3.*channels=\(0,\)"):
        ConvFeatureExtractor(Grey, image_size=16).fit(BANDS[..., 0])
    rows = ConvFeatureExtractor(Grey, image_size=16, channels=(0,)).fit_transform(BANDS[..., 0])
    assert np.isfinite(rows).all()
    with pytest.raises(ValueError, match=r"takes images of 3 channels, but 2.*\(0, 1, 2\)"):
        ConvFeatureExtractor(TinyNet, image_size=16, channels=(0, 1)).fit(BANDS)


def test_statistics_of_rgb_are_repeated():
    rgb = Preprocessing((8, 8), (8, 8), (0.1, 0.2, 0.3), (1.0, 2.0, 3.0))
    assert rgb.of_channels(3) is rgb
    assert rgb.of_channels(5).mean == (0.1, 0.2, 0.3, 0.1, 0.2)
    assert rgb.of_channels(1).std == (2.0,)
