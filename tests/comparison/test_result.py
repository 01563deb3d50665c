"""The result of a comparison: tables, and differences with intervals."""

import numpy as np
import pytest
from helpers.pictures import study
from helpers.strategies import two_strategies
from sklearn.dummy import DummyClassifier

from sklearn_tl import compare_strategies


@pytest.fixture(scope="module")
def result():
    X, y = study(2, 40)
    strategies = {"a": DummyClassifier(), **two_strategies()}
    return compare_strategies(X, y, strategies=strategies, cv=4, train_sizes=[10], random_state=0)


def test_the_difference_comes_from_resampled_images(result):
    mean, low, high = result.difference("linear", "a")
    assert mean == pytest.approx(result.scores("linear").mean() - result.scores("a").mean())
    # Of 40 images 20 are right by chance: the binomial interval of their share.
    assert (low, high) == pytest.approx((0.35, 0.65), abs=0.02)
    assert result.difference("a", "linear") == pytest.approx((-mean, -high, -low))
    assert result.expected_score().mean == pytest.approx(1)


def test_no_accuracy_above_1_is_expected_if_folds_differ_in_size():
    X, y = study(2, 40)
    chosen = compare_strategies(
        X, y, strategies=two_strategies(), cv=3, random_state=0, refit=False
    ).expected_score()
    assert chosen.highest == 1
    assert 0.85 < chosen.low < 0.95
    assert 0.999 < chosen.high <= 1


def test_with_another_score_the_difference_is_the_corrected_t_interval():
    X, y = study(2, 40)
    guess = DummyClassifier(strategy="uniform", random_state=0)
    result = compare_strategies(
        X, y, strategies={"a": guess, **two_strategies()}, cv=4, scoring="f1", random_state=0
    )
    mean, low, high = result.difference("linear", "a")
    differences = result.scores("linear") - result.scores("a")
    half = 3.182446 * np.sqrt((1 / 4 + 1 / 3) * differences.var(ddof=1))
    assert (mean, low, high) == pytest.approx(
        (differences.mean(), differences.mean() - half, differences.mean() + half), abs=1e-6
    )
    assert result.expected_score() is None


def test_means_deviations_and_ranks_follow_from_the_folds(result):
    frame = result.to_frame()
    assert frame["strategy"].tolist() == ["a", "a", "linear", "linear", "last", "last"]
    assert frame["train_size"].tolist() == [10, 30] * 3
    folds = frame.filter(regex="split._test_score").to_numpy()
    np.testing.assert_allclose(frame["mean_test_score"], folds.mean(1))
    np.testing.assert_allclose(frame["std_test_score"], folds.std(1))
    for size in (10, 30):
        some = frame[frame["train_size"] == size]
        ranks = some["mean_test_score"].rank(ascending=False, method="min")
        assert some["rank_test_score"].tolist() == ranks.tolist()


def test_scores_and_times_are_those_of_the_largest_training_sets_by_default(result):
    np.testing.assert_array_equal(result.scores("linear"), result.scores("linear", 30))
    row = result.to_frame().query("strategy == 'linear' and train_size == 30").iloc[0]
    assert result.fit_time("linear") == row["mean_fit_time"]


def test_unknown_strategies_and_sizes_are_errors_that_list_the_known(result):
    with pytest.raises(ValueError, match="Did you mean 'linear'"):
        result.scores("liner")
    with pytest.raises(ValueError, match="must be one of 10, 30"):
        result.scores("linear", 20)
