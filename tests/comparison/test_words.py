"""The summary: plain sentences with the right figures in them."""

import numpy as np
import pytest
from helpers.pictures import study
from helpers.strategies import two_strategies
from sklearn.dummy import DummyClassifier

from sklearn_tl import compare_strategies
from sklearn_tl.comparison.words import standard_error


def test_the_first_within_one_standard_error_of_the_best_is_taken():
    X, y = study(2, 40)
    names = {"cheap": DummyClassifier(), "same": DummyClassifier(), **two_strategies()}
    result = compare_strategies(X, y, strategies=names, cv=4, random_state=0)
    assert result.best_strategy_ == "linear"
    text = result.summary()
    assert "40 images in 2 classes, 4 folds." in text
    assert "Take 'linear': no other strategy scores higher." in text
    assert "- 'cheap' scores 0.500 lower (95 % interval -0.650 to -0.350; ahead in 0 of 4" in text
    assert "The difference is more than chance" in text
    assert "'last' ties with it." in text
    assert "- 'last' scores the same." in text


def test_a_cheaper_strategy_is_preferred_to_a_slightly_higher_score():
    X, y = study(2, 40)
    guesses = {str(i): DummyClassifier(strategy="uniform", random_state=i) for i in (2, 3, 1)}
    result = compare_strategies(X, y, strategies=guesses, cv=4, random_state=0)
    highest = max(guesses, key=lambda name: result.scores(name).mean())
    assert result.best_strategy_ != highest
    best = result.best_strategy_
    start = f"Take {best!r}: {highest!r} scores higher, but by less than one standard error, and "
    fits = result.results_["mean_fit_time"]
    places = [result.strategies_.index(name) for name in (best, highest)]
    fits[places] = 1.26, 31.4
    assert f"{start}a fit takes 1.3 s instead of 31 s." in result.summary()
    fits[places] = 31.4, 1.26  # the first in the list is not the cheaper one
    assert f"{start}{best!r} comes first in the list." in result.summary()


def test_the_summary_says_how_sure_the_folds_are():
    X, y = study(2, 40)
    guesses = {str(i): DummyClassifier(strategy="uniform", random_state=i) for i in range(3)}
    text = compare_strategies(X, y, strategies=guesses, cv=4, random_state=0).summary()
    assert "These images cannot tell the two apart" in text
    assert "more than chance" not in text
    both = guesses | two_strategies()
    text = compare_strategies(X, y, strategies=both, cv=4, random_state=0).summary()
    assert "The difference is more than chance" in text


def test_one_fold_gives_no_interval():
    X, y = study(2, 20)
    split = [(np.arange(10), np.arange(10, 20))]
    several = {"dummy": DummyClassifier(), **two_strategies()}
    text = compare_strategies(X, y, strategies=several, cv=split).summary()
    assert "20 images in 2 classes, 1 fold." in text
    few = (
        "- 'dummy' scores 0.500 lower (ahead in 0 of 1 fold). One fold is too few for an interval."
    )
    assert few in text
    assert "inf" not in text


def test_three_folds_are_enough_to_see_a_large_difference():
    X, y = study(2, 45)
    several = {"raw pixels": DummyClassifier(), **two_strategies()}
    text = compare_strategies(X, y, strategies=several, cv=3, random_state=0).summary()
    assert "ahead in 0 of 3 folds). The difference is more than chance." in text
    assert "transfer learning helps" not in text


def test_raw_pixels_win_only_if_they_are_ahead_of_another():
    X, y = study(2, 40)
    linear = two_strategies()["linear"]
    for others in ({}, {"other": linear}):
        named = {"raw pixels": linear, **others}
        text = compare_strategies(X, y, strategies=named, cv=2).summary()
        assert "win" not in text
        assert ("do not show that transfer learning helps" in text) == bool(others)
    named = {"raw pixels": linear, "other": DummyClassifier()}
    text = compare_strategies(X, y, strategies=named, cv=2).summary()
    assert "- 'other' scores 0.500 lower" in text
    assert "Raw pixels win" in text


def test_doubt_about_transfer_learning_is_said():
    X, y = study(2, 40)
    guesses = {
        name: DummyClassifier(strategy="uniform", random_state=seed)
        for name, seed in [("raw pixels", 1), ("other", 2)]
    }
    result = compare_strategies(X, y, strategies=guesses, cv=4, random_state=0)
    assert result.scores("other").mean() > result.scores("raw pixels").mean()
    assert "do not show that transfer learning helps with these images" in result.summary()
    sure = {"raw pixels": DummyClassifier(), **two_strategies()}
    text = compare_strategies(X, y, strategies=sure, cv=4, random_state=0).summary()
    assert "do not show" not in text


def test_the_best_strategy_is_named_for_each_training_size():
    X, y = study(2, 40)
    names = {"dummy": DummyClassifier(), **two_strategies()}
    text = compare_strategies(
        X, y, strategies=names, cv=2, train_sizes=[10], random_state=0
    ).summary()
    assert text.endswith(
        "Highest mean score by the number of training images:\n"
        "      10  linear (1.000)\n      20  linear (1.000)"
    )


def test_the_standard_error_is_that_of_a_mean():
    assert standard_error(np.array([0.5, 0.7, 0.9])) == pytest.approx(0.2 / np.sqrt(3))
    assert standard_error(np.array([0.5])) == 0
