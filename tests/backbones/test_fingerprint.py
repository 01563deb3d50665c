"""Which network it is: a digest for pickles, and another one for the cache."""

import copy
import pickle

import numpy as np
import pytest
import torch
from helpers.networks import NormNet, TinyNet
from torch import nn

from sklearn_tl import ConvFeatureExtractor
from sklearn_tl.backbones import check_fingerprint, load_backbone
from sklearn_tl.backbones.fingerprint import probe


class Power(TinyNet):
    def __init__(self, power, shift=0.0):
        super().__init__()
        self.power = power
        self.register_buffer("shift", torch.tensor(shift), persistent=False)

    def forward(self, x):
        return self.fc(self.avgpool(self.stage(self.stem(x**self.power))).flatten(1) + self.shift)


class Louder(TinyNet):
    def forward(self, x):
        return self.fc(self.avgpool(self.stage(self.stem(2 * x))).flatten(1))


def test_a_fingerprint_covers_more_than_weights():
    private = Power(1)
    private._hidden = 3
    networks = [TinyNet(), Power(1), Power(2), Power(1, 0.5), Louder(), private]
    Louder.__qualname__ = TinyNet.__qualname__  # as if a notebook's cell had been run again
    assert len({load_backbone(network).fingerprint for network in networks}) == 6
    assert load_backbone(Power(2)).fingerprint == load_backbone(Power(2)).fingerprint
    copied = pickle.loads(pickle.dumps(Power(2)))
    assert load_backbone(copied).fingerprint == load_backbone(Power(2)).fingerprint


def test_another_fingerprint_is_an_error_that_names_both():
    backbone = load_backbone(TinyNet)
    check_fingerprint(backbone, backbone.fingerprint, "default")
    with pytest.raises(
        ValueError, match=f"fingerprint {16 * '0'}…, but .*{backbone.fingerprint[:16]}"
    ):
        check_fingerprint(backbone, 64 * "0", "default")


def test_the_cache_key_of_a_named_network_is_its_fingerprint():
    backbone = load_backbone("resnet18", weights=None)
    assert backbone.cache_key == backbone.fingerprint
    assert backbone._state is None


def test_the_cache_key_of_your_own_network_is_the_same_each_time():
    keys, n_threads = set(), torch.get_num_threads()
    try:
        for n in (1, 2, 2):
            torch.set_num_threads(n)
            keys.add(load_backbone(NormNet).cache_key)
    finally:
        torch.set_num_threads(n_threads)
    assert len(keys) == 1
    assert load_backbone(NormNet(seed=1)).cache_key not in keys


def test_a_copy_on_another_device_has_the_same_cache_key():
    backbone = load_backbone(TinyNet)
    assert backbone.on("meta").cache_key == backbone.cache_key


def test_a_change_that_no_code_shows_changes_the_cache_key(monkeypatch):
    before = load_backbone(TinyNet)
    before_key = before.cache_key
    monkeypatch.setattr(nn.ReLU, "forward", lambda self, x: x.abs())
    after = load_backbone(TinyNet)
    assert after.fingerprint == before.fingerprint
    assert after.cache_key != before_key


def factor():
    return 1.0


class Scaled(TinyNet):
    def forward(self, x):
        return self.fc(factor() * self.avgpool(self.stage(self.stem(x))).flatten(1))


class Saturated(TinyNet):
    """A network whose output says nothing about its layers."""

    def forward(self, x):
        return super().forward(factor() * x) * 0


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_code_that_changes_after_fit_brings_back_no_old_rows(engine, make_images, monkeypatch):
    X = make_images(3)
    extractor = ConvFeatureExtractor(Scaled, layer="stem", image_size=32, engine=engine).fit(X)
    extractor.set_params(layer=None).fit(X)
    rows = extractor.transform(X)
    monkeypatch.setitem(globals(), "factor", lambda: 0.5)
    fresh = ConvFeatureExtractor(Scaled, image_size=32, cache=None).fit(X).transform(X)
    assert abs(extractor.transform(X) - fresh).max() <= 1e-4 * abs(fresh).max()
    assert abs(rows - 2 * fresh).max() <= 1e-4 * abs(rows).max()


SCALES = {"all": 1.0}


class Listed(TinyNet):
    def forward(self, x):
        return self.fc(SCALES["all"] * self.avgpool(self.stage(self.stem(x))).flatten(1))


def test_a_global_value_that_changes_after_fit_brings_back_no_old_rows(make_images, monkeypatch):
    X = make_images(3)
    extractor = ConvFeatureExtractor(Listed, image_size=32).fit(X)
    rows = extractor.transform(X)
    monkeypatch.setitem(SCALES, "all", 0.5)
    np.testing.assert_allclose(extractor.transform(X), rows / 2, rtol=1e-5)


def test_the_probe_looks_at_every_layer(monkeypatch):
    network = Saturated().eval()
    before = probe(network, ["stem", "stage"], (3, 32, 32))
    assert probe(network, ["stem", "stage"], (3, 32, 32)) == before
    monkeypatch.setitem(globals(), "factor", lambda: 0.5)
    assert probe(network, ["stem", "stage"], (3, 32, 32)) != before
    assert not network.stem._forward_hooks


class Choosy(TinyNet):
    def forward(self, x):
        assert x.shape[-1] == 40, "40 pixels, please"
        return super().forward(x)


def test_a_network_that_cannot_be_probed_works(make_images):
    X = make_images(2)
    assert len(load_backbone(Choosy).cache_key) == 64
    rows = ConvFeatureExtractor(Choosy, image_size=40).fit_transform(X)
    assert abs(rows - ConvFeatureExtractor(TinyNet, image_size=40).fit_transform(X)).max() == 0


class Several(TinyNet):
    def forward(self, x):
        return {"scores": [super().forward(x), 3]}


class Random(TinyNet):
    def forward(self, x):
        return super().forward(x + torch.rand_like(x))


def test_a_network_may_return_anything():
    assert load_backbone(Several).cache_key != load_backbone(TinyNet).cache_key


def test_the_probe_leaves_random_numbers_alone():
    state = torch.random.get_rng_state()
    assert load_backbone(Random).cache_key == load_backbone(Random).cache_key
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_network_itself_is_not_run():
    class Notes(TinyNet):
        def forward(self, x):
            self.note = x
            return super().forward(x)

    backbone = load_backbone(Notes)
    assert copy.deepcopy(backbone.module).__dict__.keys() == backbone.module.__dict__.keys()
    assert backbone.cache_key
    assert not hasattr(backbone.module, "note")
