"""Folds and training sets."""

from itertools import pairwise

import numpy as np
import pytest

from sklearn_tl.comparison.folds import (
    make_splits,
    stratified_subset,
    training_sets,
    training_sizes,
)
from sklearn_tl.targets import Multiclass, read_labels, read_numbers

PAIR = Multiclass(np.array(["a", "b"]))


def test_subsets_are_nested_and_stratified():
    codes = np.repeat([0, 1, 2], [10, 20, 30])
    train = np.arange(60)[::-1]
    subsets = [stratified_subset(train, codes, n, seed=0) for n in range(3, 61)]
    for small, large in pairwise(subsets):
        assert set(small) < set(large)
    for subset in subsets:
        expected = len(subset) * np.array([1, 2, 3]) / 6
        counts = np.bincount(codes[subset], minlength=3)
        assert counts.min() >= 1
        assert np.abs(counts - expected).max() <= 2


def test_sizes_rise_and_the_last_is_the_whole_training_part():
    splits = [(np.arange(40), np.arange(40, 60)), (np.arange(38), np.arange(38, 60))]
    assert training_sizes(None, splits, PAIR) == [39]
    assert training_sizes([20, 5, 38], splits, PAIR) == [5, 20, 39]
    assert training_sizes([0.5, 1.0], splits, PAIR) == [19, 39]
    sets = training_sets(splits, np.arange(60) % 2, [5, 20, 39], seed=0)
    assert [[len(train) for train in of_size] for of_size in sets] == [[5, 5], [20, 20], [40, 38]]


def test_a_number_of_folds_means_shuffled_stratified_folds():
    codes = np.repeat([0, 1], [20, 40])
    splits = make_splits(4, PAIR, codes, seed=0)
    assert [np.bincount(codes[test]).tolist() for _, test in splits] == [[5, 10]] * 4
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(60))
    assert splits[0][1].tolist() != list(range(5)) + list(range(20, 30))
    other = make_splits(4, PAIR, codes, seed=1)
    assert splits[0][1].tolist() != other[0][1].tolist()


def test_more_folds_than_a_class_has_images_are_an_error():
    with pytest.raises(ValueError, match="cv=4, but the class a has 3 images.*Set cv=3"):
        make_splits(4, PAIR, np.repeat([0, 1], [3, 9]), seed=0)


def test_folds_of_numbers_are_drawn_at_random():
    task, targets = read_numbers(np.arange(60), 60)
    splits = make_splits(4, task, targets, seed=0)
    assert [len(test) for _, test in splits] == [15] * 4
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(60))
    assert training_sizes([2, 9], splits, task) == [2, 9, 45]
    with pytest.raises(ValueError, match="a fold can be trained on 2 to 45 images"):
        training_sizes([1], splits, task)
    with pytest.raises(ValueError, match="cv=61, but there are 60 images"):
        make_splits(61, task, targets, seed=0)


def test_folds_of_several_labels_share_the_rarest():
    rng = np.random.default_rng(0)
    matrix = rng.random((60, 3)) < 0.5
    matrix[:, 2] = np.arange(60) % 10 == 0
    task, targets = read_labels(matrix, 60)
    splits = make_splits(3, task, targets, seed=0)
    assert [int(targets[test][:, 2].sum()) for _, test in splits] == [2, 2, 2]


def test_a_users_splitter_sees_the_targets_themselves():
    class ByValue:
        def split(self, X, y):
            assert sorted(y.ravel().tolist()) == list(range(60))
            yield y.ravel() < 40, y.ravel() >= 40

        def get_n_splits(self, *args):
            return 1

    task, targets = read_numbers(np.arange(60), 60)
    ((train, test),) = make_splits(ByValue(), task, targets, seed=0)
    assert train.tolist() == list(range(40))
    assert test.tolist() == list(range(40, 60))
