import numpy as np
import pytest

from sklearn_tl.cli import demo
from sklearn_tl.cli.demo import demonstration, load_photographs
from sklearn_tl.cli.options.study import DEMONSTRATION, parser
from sklearn_tl.datasets import load_photo_patches


@pytest.fixture(scope="module")
def photos():
    return load_photo_patches()


@pytest.fixture(autouse=True)
def photographs_that_are_cut_once(photos, monkeypatch):
    monkeypatch.setattr(demo, "load_photo_patches", lambda: photos)


def test_ten_patches_of_each_upper_half_are_drawn_and_all_lower_halves_are_tested_on(photos):
    train_part = photos.train
    images, labels, splits = load_photographs(3, seed=0)
    assert images.shape == (504, 96, 96, 3)
    assert len(splits) == 3
    for train, test in splits:
        assert train_part[train].all()
        np.testing.assert_array_equal(test, np.flatnonzero(~train_part))
        assert set(np.unique(labels[train], return_counts=True)[1]) == {10}
        assert len(np.unique(train)) == 140


def test_draws_differ_and_the_seed_decides_them():
    _, _, splits = load_photographs(2, seed=0)
    _, _, again = load_photographs(2, seed=0)
    _, _, others = load_photographs(2, seed=1)
    for (train, _), (same, _), (other, _) in zip(splits, again, others, strict=True):
        np.testing.assert_array_equal(train, same)
        assert not np.array_equal(train, other)
    assert not np.array_equal(splits[0][0], splits[1][0])


def test_the_demonstration_is_a_study_of_2_and_5_and_10_patches_per_class():
    options = parser().parse_args(DEMONSTRATION)
    n_classes = len(np.unique(load_photographs(1, 0)[1]))
    assert [size / n_classes for size in options.train_sizes] == [2, 5]
    assert options.folder is None
    assert options.strategies == ["raw pixels", "embeddings"]


def test_the_script_that_draws_it_gets_what_the_command_compares():
    options = parser().parse_args(DEMONSTRATION)
    images, labels, parameters = demonstration()
    assert len(images) == len(labels) == 504
    assert len(parameters["cv"]) == options.cv
    for (train, _), (same, _) in zip(
        parameters.pop("cv"), load_photographs(options.cv, options.seed)[2], strict=True
    ):
        np.testing.assert_array_equal(train, same)
    assert parameters == {
        "strategies": options.strategies,
        "train_sizes": options.train_sizes,
        "random_state": options.seed,
        "duplicates": "ignore",
    }
