"""The first pass fills the caches, and reads every image."""

import pytest
from helpers.pictures import study
from helpers.strategies import two_strategies
from sklearn.dummy import DummyClassifier

from sklearn_tl.comparison import RawPixels, first_pass


def test_features_that_the_cache_cannot_keep_are_left_out(network_images, monkeypatch):
    X, _ = study(2, 20)
    linear, last = two_strategies().values()
    (_, embedding, _), (_, boundary, _) = linear[0].first_pass(X), last.first_pass(X)
    sizes = [4 * 20 * sum(frozen.lengths()) for frozen in (embedding, boundary)]
    for limit, n_features in [(sum(sizes) - 1, 1), (sum(sizes), 2)]:
        monkeypatch.setattr(first_pass, "LARGE", limit)
        joined = first_pass.join_passes([embedding, boundary], 20, "memory")
        assert len(joined.features) == n_features
    assert len(first_pass.join_passes([embedding, boundary], 20, "rows.sqlite").features) == 2
    first_pass.fill_caches(two_strategies(cache=None), X, 0)
    assert not network_images  # nothing could be kept: the images were only read
    with pytest.raises(FileNotFoundError, match=r"X\[1\]"):
        first_pass.fill_caches(two_strategies(cache=None), [X[0], "missing.png"], 0)


def test_strategies_that_read_images_differently_share_no_pass():
    rows = study(2, 4)[0].reshape(4, -1).astype(float)
    strategies = {
        name: RawPixels(image_shape=shape, value_range=value_range)
        for name, shape, value_range in [
            ("a", (24, 30, 3), (0, 255)),
            ("b", (24, 30, 3), (0, 255)),
            ("another shape", (30, 24, 3), (0, 255)),
            ("another range", (24, 30, 3), (0, 500)),
        ]
    }
    seconds = first_pass.fill_caches(strategies, rows, 0).seconds
    assert seconds["a"] == seconds["b"]
    assert len(set(seconds.values())) == 3


def test_a_strategy_that_takes_no_images_needs_no_pass():
    X, _ = study(2, 4)
    assert first_pass.fill_caches({"dummy": DummyClassifier()}, X, 0).seconds == {"dummy": 0.0}
