"""Copies of images in a comparison: kept together, dropped or ignored, and always said."""

import warnings

import numpy as np
import pandas as pd
import pytest
from helpers.pictures import save_all
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from sklearn_tl import compare_strategies
from sklearn_tl.comparison import RawPixels

MEMORY = make_pipeline(RawPixels(), KNeighborsClassifier(1))
TINY = {"random_state": 0, "strategies": {"nearest": MEMORY}}


def pictures(n=40, seed=0):
    """Return different pictures of random patterns, and labels that do not depend on them."""
    rng = np.random.default_rng(seed)
    patterns = np.kron(rng.integers(0, 256, (n, 12, 12, 3)), np.ones((1, 4, 4, 1)))
    return patterns.astype(np.uint8), np.arange(n) % 2


def with_copies():
    """Return pictures, of which the last 20 are copies of the first: lighter, and mirrored."""
    X, y = pictures()
    copies = (X[:20, :, ::-1] * 0.8).astype(np.uint8)
    return np.concatenate([X, copies]), np.concatenate([y, y[:20]])


def test_copies_stay_together_and_are_said():
    X, y = with_copies()
    with pytest.warns(UserWarning, match=r"Of 60 images, 20 are copies of another one, as X\[0\]"):
        result = compare_strategies(X, y, **TINY)
    for train, test in result.splits_:
        assert not set(result.groups_[train]) & set(result.groups_[test])
    assert len(np.unique(result.groups_)) == 40
    assert result.kept_.tolist() == list(range(60))
    assert "40 of the images belong to 20 groups, which no fold divides." in result.summary()
    # Two in three images belong together, so folds that divide them were run to compare with.
    assert "would claim" in result.summary()


def test_copies_can_be_dropped():
    X, y = with_copies()
    with pytest.warns(UserWarning, match="All but the first of each set of copies are left out"):
        result = compare_strategies(X, y, duplicates="drop", **TINY)
    assert result.kept_.tolist() == list(range(40))
    assert result.predictions_["nearest"].shape == (40,)
    assert "40 images in 2 classes" in result.summary()
    only_first = compare_strategies(X[:40], y[:40], **TINY)
    np.testing.assert_array_equal(only_first.scores("nearest"), result.scores("nearest"))


def test_copies_can_be_ignored():
    X, y = with_copies()
    result = compare_strategies(X, y, duplicates="ignore", **TINY)
    assert result.groups_ is result.duplicates_ is None
    with pytest.raises(ValueError, match="duplicates='none' must be one of 'group', 'drop', 'ig"):
        compare_strategies(X, y, duplicates="none", **TINY)


def test_images_that_differ_need_no_groups():
    X, y = pictures()
    result = compare_strategies(X, y, **TINY)
    assert result.groups_ is None
    assert len(result.duplicates_.pairs) == 0


def test_copies_between_given_parts_are_said_and_can_be_dropped():
    X, y = with_copies()
    split = [(np.arange(30), np.arange(30, 60))]
    with pytest.warns(UserWarning, match="cv gives test 20 images of which a related one was tra"):
        result = compare_strategies(X, y, cv=split, refit=split[0][0], **TINY)
    assert result.splits_[0][1].tolist() == list(range(30, 60))
    with pytest.warns(UserWarning, match="left out"):
        result = compare_strategies(X, y, cv=split, refit=split[0][0], duplicates="drop", **TINY)
    assert result.splits_[0][1].tolist() == list(range(30, 40))
    apart = [(np.arange(20, 40), np.r_[:20, 40:60])]
    with pytest.warns(UserWarning, match="No fold that cv gives divides them"):
        compare_strategies(X, y, cv=apart, refit=False, **TINY)


def test_copies_with_different_labels_are_named(tmp_path):
    X, y = with_copies()
    y[40] = 1 - y[40]
    paths = save_all(X, tmp_path)
    with pytest.warns(
        UserWarning, match=r"1 pair of copies has different labels: X\[0\] .*0.png.*"
    ):
        compare_strategies(paths, y, refit=False, **TINY)


def test_copies_join_groups_that_are_given():
    X, y = with_copies()
    pairs = np.r_[np.arange(40) // 2, np.arange(20, 40)]
    with pytest.warns(UserWarning, match="20 are copies"):
        result = compare_strategies(X, y, groups=pairs, cv=4, refit=False, **TINY)
    # Images 0 and 1 are a pair, and 40 and 41 are copies of them.
    assert len(set(result.groups_[[0, 1, 40, 41]].tolist())) == 1
    assert len(np.unique(result.groups_)) == 20


def test_a_class_of_copies_is_a_warning():
    X, y = pictures()
    X, y = np.concatenate([X, X[:1], X[:1]]), np.r_[y, 2, 2]
    y[0] = 2
    with (
        pytest.warns(UserWarning, match=r"All images of a class belong together \(2\)"),
        pytest.warns(UserWarning, match="2 are copies"),
    ):
        compare_strategies(X, y, cv=3, refit=False, **TINY)


def test_names_survive_dropping():
    X, y = with_copies()
    named = pd.DataFrame({"even": 1 - y, "odd": y})
    pixels = make_pipeline(RawPixels(), KNeighborsClassifier(1))
    with pytest.warns(UserWarning, match="left out"):
        result = compare_strategies(
            X, named, strategies={"a": pixels}, duplicates="drop", random_state=0, refit=False
        )
    assert result.target_names_ == ["even", "odd"]


def test_dropping_keeps_repeats_and_leaves_out_folds_without_tests():
    X, y = with_copies()
    train = np.r_[:30, :30]
    cv = [(train, np.arange(30, 50)), (train, np.arange(40, 60))]
    with pytest.warns(UserWarning, match="left out"):
        result = compare_strategies(X, y, cv=cv, duplicates="drop", refit=False, **TINY)
    ((kept_train, kept_test),) = result.splits_  # the second fold tests nothing but copies
    assert len(kept_train) == 60
    assert kept_test.tolist() == list(range(30, 40))
    with (
        pytest.raises(ValueError, match="All images to test on are copies of other images"),
        pytest.warns(UserWarning, match="left out"),
    ):
        compare_strategies(X, y, cv=cv[1:], duplicates="drop", refit=False, **TINY)


def test_images_that_are_all_copies_are_an_error():
    X = np.repeat(pictures()[0][:1], 30, axis=0)
    for y, message in [
        (np.arange(30) % 2, "All 30 images belong together"),
        (np.r_[np.zeros(30, int), np.ones(20, int)], "a fold would be trained on one class"),
    ]:
        some = np.concatenate([X, pictures()[0]])[: len(y)]
        some = some if len(y) == 30 else np.concatenate([X[:1].repeat(30, 0), pictures()[0][1:21]])
        with (
            pytest.raises(ValueError, match=message),
            warnings.catch_warnings(action="ignore"),
        ):
            compare_strategies(some, y, cv=3, refit=False, **TINY)


def test_a_search_is_told_of_groups_that_were_found():
    X, y = with_copies()
    search = GridSearchCV(KNeighborsClassifier(1), {"p": [1, 2]}, cv=3)
    with (
        pytest.warns(UserWarning, match="'own' makes choices on folds that do not know"),
        pytest.warns(UserWarning, match="are copies"),
    ):
        compare_strategies(
            X, y, strategies={"own": make_pipeline(RawPixels(), search)}, refit=False
        )


def test_the_images_to_fit_on_at_the_end_may_be_a_mask():
    X, y = pictures()
    mask = np.arange(40) < 30
    by_mask, by_place = (
        compare_strategies(X, y, refit=refit, **TINY).best_estimator_
        for refit in (mask, np.arange(30))
    )
    np.testing.assert_array_equal(by_mask.predict(X), by_place.predict(X))
    for wrong in ([-1], [40], [], 1, [0.5], mask[:5]):
        with pytest.raises(ValueError, match="must be True, False, positions from 0 to 39"):
            compare_strategies(X, y, refit=wrong, **TINY)
