"""How long training layers will take, said beforehand."""

from types import SimpleNamespace

import pytest
from helpers.networks import NormNet
from helpers.pictures import study
from sklearn.base import BaseEstimator

from sklearn_tl.comparison import QUICK_STRATEGIES, duration, expected_seconds


class Timed(BaseEstimator):
    """A classifier whose epochs take 3 seconds for 6 images, then 2, if one believes it."""

    def __init__(self, max_epochs=5, lr=3e-4):
        self.max_epochs = max_epochs
        self.lr = lr

    def fit(self, X, y):
        self.history_ = [{"dur": dur} for dur in (3.0, 2.0)[: self.max_epochs]]
        return self

    def predict(self, X):
        clock.now += 1.5
        return [0] * len(X)


clock = SimpleNamespace(now=0.0)


def test_the_time_of_an_epoch_is_scaled_to_images_and_epochs(monkeypatch):
    monkeypatch.setattr(duration.time, "perf_counter", lambda: clock.now)
    X, y = study(2, 6)
    seconds = duration._seconds(Timed(max_epochs=5), X, y, n_trained=120, n_tested=40)
    assert seconds == pytest.approx(5 * 120 * 2 / 6 + 40 * 1.5 / 6)


def test_all_images_of_all_folds_and_sizes_are_counted(monkeypatch):
    counted = []

    def note(strategy, X, y, n_trained, n_tested):
        counted.append((strategy.unfreeze, len(X), sorted(set(y)), n_trained, n_tested))
        return 0.0

    monkeypatch.setattr(duration, "_seconds", note)
    X, y = study(3, 45)
    options = {"backbone": NormNet, "image_size": 16}
    expected_seconds(X, y, cv=3, train_sizes=[6], **options)
    n_trained, n_tested = 3 * (6 + 30), 2 * 45
    assert counted == [
        (1, 16, [0, 1, 2], n_trained, n_tested),
        ("all", 16, [0, 1, 2], n_trained, n_tested),
    ]
    counted.clear()
    expected_seconds(X, y, cv=3, strategies=["raw pixels", "last layer"], **options)
    assert [unfreeze for unfreeze, *_ in counted] == [1]


def test_strategies_that_train_no_layers_are_not_tried(network_images):
    X, y = study(2, 12)
    assert expected_seconds(X, y, strategies=QUICK_STRATEGIES, backbone=NormNet) == {}
    assert not network_images


def test_few_images_of_any_kind_are_measured():
    X, y = study(2, 8)
    rows, labels = X.reshape(8, -1) * 16.0, ["dark" if label else "light" for label in y]
    reading = {"image_shape": (24, 30, 3), "value_range": (0, 4080)}
    seconds = expected_seconds(rows, labels, backbone=NormNet, image_size=16, cv=2, **reading)
    assert list(seconds) == ["last layer", "all layers"]
    assert all(value > 0 for value in seconds.values())


def test_wrong_parameters_are_the_errors_of_the_comparison():
    X, y = study(2, 8)
    with pytest.raises(ValueError, match="cv=5, but the class 0 has 4 images"):
        expected_seconds(X, y, backbone=NormNet)
    with pytest.raises(ValueError, match="Did you mean 'all layers'"):
        expected_seconds(X, y, backbone=NormNet, strategies=["all layer"])
