"""Comparisons of numbers and of several labels."""

import numpy as np
import pandas as pd
import pytest
from helpers.networks import NormNet
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline

from sklearn_tl import compare_strategies
from sklearn_tl.comparison import RawPixels, default_strategies, expected_seconds
from sklearn_tl.comparison.scores import mean_average_precision
from sklearn_tl.comparison.strategies import InnerFolds, n_trainable_parameters

QUICK = ["raw pixels", "embeddings", "head alone"]


def patches(n=60, seed=0, grey=False):
    """Return images of a colour, the share of each of three colours, and which are bright."""
    rng = np.random.default_rng(seed)
    levels = rng.uniform(0, 1, (n, 3))
    if grey:
        levels[:] = levels[:, :1]
    X = rng.normal(40 + 160 * levels[:, None, None], 8, (n, 16, 16, 3)).clip(0, 255)
    return X.astype(np.uint8), levels, (levels > 0.5).astype(int)


@pytest.fixture(scope="module")
def numbers():
    X, levels, _ = patches(grey=True)
    y = pd.Series(20 + 60 * levels[:, 0], name="age")
    return compare_strategies(
        X, y, backbone=NormNet, image_size=16, strategies=QUICK, cv=3, random_state=0
    )


@pytest.fixture(scope="module")
def labels():
    X, _, y = patches()
    y = pd.DataFrame(y, columns=["red", "green", "blue"])
    strategies = [*QUICK, "last layer"]
    return compare_strategies(
        X, y, backbone=NormNet, image_size=16, strategies=strategies, cv=3, random_state=0
    )


def test_numbers_are_scored_by_r2_and_in_their_own_units(numbers):
    assert numbers.task_ == "regression"
    assert numbers.classes_ is None
    assert numbers.target_names_ == ["age"]
    y = 20 + 60 * patches(grey=True)[1][:, 0]
    for name in QUICK:
        assert numbers.scores(name).mean() > 0.8
        error = np.abs(numbers.predictions_[name] - y).mean()
        assert numbers.mean_absolute_errors_[name] == pytest.approx([error])
    dummy = [
        DummyRegressor().fit(y[train], y[train]).score(y[test], y[test])
        for train, test in numbers.splits_
    ]
    np.testing.assert_allclose(numbers.dummy_scores_, dummy)
    best = numbers.mean_absolute_errors_[numbers.best_strategy_][0]
    other = numbers.dummy_absolute_error_[0]
    text = numbers.summary()
    assert text.startswith("60 images, age from 20")
    assert "Mean R² over the folds" in text
    assert "(always the mean of the training set)" in text
    assert (
        f"It is off by {best:.3g} on average in age; the mean of the training images is off by "
        f"{other:.3g}." in text
    )
    assert other > 2 * best
    assert numbers.best_estimator_.predict(patches(5, seed=1)[0]).shape == (5,)


def test_several_labels_are_scored_by_average_precision(labels):
    _, _, y = patches()
    assert labels.task_ == "multilabel"
    assert labels.target_names_ == ["red", "green", "blue"]
    for name in labels.strategies_:
        assert labels.scores(name).mean() > 0.8
        assert labels.probabilities_[name].shape == labels.predictions_[name].shape == (60, 3)
        assert (labels.predictions_[name] == y).mean() > 0.7
    np.testing.assert_allclose(labels.dummy_scores_.mean(), y.mean(), atol=0.1)
    text = labels.summary()
    assert text.startswith("60 images with 3 labels, 1.6 per image, 3 folds.")
    assert "Mean average precision of the labels over the folds" in text
    assert "(always the labels' frequencies)" in text


def test_several_numbers_have_an_error_each():
    X, levels, _ = patches()
    strategies = {"pixels": make_pipeline(RawPixels(), Ridge())}
    found = compare_strategies(X, levels[:, :2], strategies=strategies, cv=2, random_state=0)
    assert found.target_names_ == ["target 0", "target 1"]
    assert found.mean_absolute_errors_["pixels"].shape == (2,)
    assert found.predictions_["pixels"].shape == (60, 2)
    assert found.summary().count("It is off by") == 2


def test_large_numbers_have_no_exponent():
    X, _, _ = patches(grey=True)
    y = pd.Series(np.linspace(22_000, 5_858_000, 60), name="price")
    strategies = {"pixels": make_pipeline(RawPixels(), Ridge())}
    found = compare_strategies(X, y, strategies=strategies, cv=2, random_state=0)
    text = found.summary()
    assert text.startswith("60 images, price from 22,000 to 5,858,000, 2 folds.")
    assert "e+0" not in text


def test_the_score_may_be_another():
    X, levels, _ = patches()
    strategies = {"pixels": make_pipeline(RawPixels(), Ridge())}
    found = compare_strategies(
        X,
        levels[:, 0],
        strategies=strategies,
        cv=2,
        scoring="neg_mean_absolute_error",
        random_state=0,
    )
    error = found.mean_absolute_errors_["pixels"][0]
    assert found.scores("pixels").mean() == pytest.approx(-error, rel=1e-6)
    assert found.dummy_scores_.mean() == pytest.approx(-found.dummy_absolute_error_[0], rel=0.05)
    assert "Mean neg_mean_absolute_error over the folds" in found.summary()


def test_whole_numbers_are_a_guess_that_is_said_aloud():
    X, levels, _ = patches()
    y = np.round(1000 * levels[:, 0]).astype(int)
    strategies = {"pixels": make_pipeline(RawPixels(), Ridge())}
    with pytest.warns(UserWarning, match='different whole numbers.*task="classification"'):
        found = compare_strategies(X, y, strategies=strategies, cv=2, random_state=0)
    assert found.task_ == "regression"
    known = compare_strategies(X, y, task="regression", strategies=strategies, cv=2, random_state=0)
    assert known.summary() == found.summary()


def test_always_the_same_answer_is_shown_for_classes_too():
    X, y = np.zeros((9, 16, 16, 3), np.uint8), [0, 0, 1] * 3
    found = compare_strategies(X, y, strategies={"a": DummyClassifier()}, cv=3)
    np.testing.assert_allclose(found.dummy_scores_, 2 / 3)
    assert "(always the largest class)  0.667 ± 0.000" in found.summary()
    assert "No strategy beats always answering the largest class." in found.summary()


def test_a_score_that_needs_images_leaves_the_line_out():
    def score(estimator, X, y):
        assert X.shape[1:] == (16, 16, 3)
        return 1.0

    X, y = np.zeros((6, 16, 16, 3), np.uint8), [0, 1] * 3
    found = compare_strategies(X, y, strategies={"a": DummyClassifier()}, cv=2, scoring=score)
    assert np.isnan(found.dummy_scores_).all()
    assert "always" not in found.summary()


def test_a_label_too_rare_for_the_folds_is_named_once(recwarn):
    X, _, y = patches()
    y[:, 2] = 0
    y[7, 2] = 1
    y = pd.DataFrame(y, columns=["red", "green", "rare"])
    found = compare_strategies(
        X, y, backbone=NormNet, image_size=16, strategies=QUICK, cv=3, random_state=0
    )
    messages = [str(warning.message) for warning in recwarn]
    assert len(messages) == 1, messages
    assert "have or lack the following labels: 'rare' (1). Their scores" in messages[0]
    assert found.scores("embeddings").mean() > 0.8


def test_average_precision_takes_any_form_of_probabilities():
    X, _, y = patches()
    rows = X.reshape(60, -1)
    several = MultiOutputClassifier(LogisticRegression(C=1e-6)).fit(rows, y)
    assert mean_average_precision(several, rows, y) > 0.9
    nobody = y.copy()
    nobody[:, 1] = 0  # has no average precision
    assert mean_average_precision(several, rows, nobody) > 0.9


def test_inner_folds_share_the_rarest_label():
    y = np.zeros((12, 2), int)
    y[:6, 0] = y[::4, 1] = 1
    for _, test in InnerFolds().split(None, y):
        assert y[test, 1].sum() == 1


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_default_strategies_exist_for_all_tasks(task):
    X, levels, flags = patches(30)
    y = {"classification": flags[:, 0], "multilabel": flags, "regression": levels}[task]
    strategies = default_strategies(NormNet, task=task, image_size=16, random_state=0)
    assert list(strategies) == [*QUICK, "features of all layers", "last layer", "all layers"]
    fitted = strategies["embeddings"].fit(X, y)
    n_outputs = {"classification": 1, "multilabel": 3, "regression": 3}[task]
    assert n_trainable_parameters(fitted) == 9 * n_outputs
    seconds = expected_seconds(
        X, y, task=task, strategies=["last layer"], cv=2, backbone=NormNet, image_size=16
    )
    assert seconds["last layer"] > 0
