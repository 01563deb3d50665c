"""The score of the chosen strategy, and whether one strategy is ahead."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, r2_score

from sklearn_tl.assessment import resampling
from sklearn_tl.assessment.selection import paired_bootstrap, selection_bias


def guesses(seed, n_strategies=8, n_images=60):
    return np.random.default_rng(seed).random((n_strategies, n_images)) < 0.6


def r2(results):
    return [r2_score(y, predicted) for y, predicted in np.moveaxis(results, 2, 1)]


def average_precision(results):
    if not results[0, :, 0].any():
        return np.full(len(results), np.nan)
    return [average_precision_score(y, p) for y, p in np.moveaxis(results, 2, 1)]


def test_the_highest_of_equal_strategies_is_corrected_to_what_all_of_them_reach():
    chosen = [selection_bias(guesses(seed), n_resamples=200, random_state=0) for seed in range(30)]
    assert np.mean([c.highest for c in chosen]) > 0.66
    assert np.mean([c.mean for c in chosen]) == pytest.approx(0.6, abs=0.02)
    assert all(c.optimism == c.highest - c.mean and c.low < c.mean < c.high for c in chosen)


def test_a_strategy_that_is_far_ahead_needs_no_correction():
    results = np.stack([np.arange(200) % 10 > 0, np.arange(200) % 2 > 0])
    chosen = selection_bias(results, random_state=0)
    assert chosen.shares.tolist() == [1, 0]
    assert chosen.mean == pytest.approx(chosen.highest, abs=0.005)


def test_an_interval_has_a_width_also_if_all_predictions_are_right():
    chosen = selection_bias(np.ones((2, 45), dtype=bool), random_state=0)
    assert (chosen.mean, chosen.high) == (1.0, 1.0)
    assert chosen.low == pytest.approx(0.921, abs=1e-3)  # Wilson's for 45 of 45
    fewer = selection_bias(np.ones((2, 45)), groups=np.arange(45) % 9, random_state=0)
    assert fewer.low < chosen.low


def test_a_weighted_mean_stays_between_the_results():
    results = np.arange(11) > 0
    weight = np.repeat([1.2, 0.8], [5, 6])  # as if two folds had 5 and 6 images
    chosen = selection_bias([results, results], sample_weight=weight, random_state=0)
    assert chosen.highest == pytest.approx(np.average(results, weights=weight))
    assert chosen.high == 1
    right = selection_bias(np.ones((2, 11)), sample_weight=weight, random_state=0)
    assert (right.mean, right.high) == (1, 1)
    assert right.low < 0.8
    groups = np.arange(11)
    assert selection_bias(
        [results, results], sample_weight=weight, groups=groups, random_state=0
    ).low == pytest.approx(chosen.low)
    left_out = selection_bias(
        [results, results], sample_weight=np.append(0, np.ones(10)), random_state=0
    )
    assert left_out.highest == 1
    difference = paired_bootstrap(results, ~results, sample_weight=weight, random_state=0)
    assert difference.mean == pytest.approx(chosen.highest * 2 - 1)
    assert difference.high == 1


def test_a_score_takes_the_results_of_each_resample():
    random = np.random.default_rng(0)
    y, noise = random.normal(size=80), random.normal(size=(4, 80))
    results = np.stack([np.tile(y, (4, 1)), y + 0.5 * noise], axis=2)
    chosen = selection_bias(results, score=r2, n_resamples=100, random_state=0)
    assert chosen.highest == max(r2(results))
    assert chosen.low < chosen.mean < chosen.highest
    mean = selection_bias(guesses(0), random_state=0)
    same = selection_bias(guesses(0), score=lambda part: part.mean(axis=1), random_state=0)
    assert (same.mean, same.low) == pytest.approx((mean.mean, mean.low))


def test_resamples_without_a_score_are_left_out():
    y = np.arange(12) % 6 == 3  # many resamples have no image with the label
    results = np.stack([[y, np.arange(12)], [y, -np.arange(12)]]).swapaxes(1, 2).astype(float)
    chosen = selection_bias(results, score=average_precision, n_resamples=50, random_state=0)
    assert np.isfinite([chosen.mean, chosen.low, chosen.high]).all()
    with pytest.raises(ValueError, match="NaN for all 9 resamples"):
        selection_bias(results, score=lambda part: [np.nan, np.nan], n_resamples=9, random_state=0)


def test_images_of_a_group_are_drawn_together():
    a, b = np.random.default_rng(0).random((2, 20)) < [[0.8], [0.5]]
    groups = np.repeat(np.arange(20), 10)
    alone = paired_bootstrap(np.repeat(a, 10), np.repeat(b, 10), random_state=0)
    grouped = paired_bootstrap(np.repeat(a, 10), np.repeat(b, 10), groups=groups, random_state=0)
    single = paired_bootstrap(a, b, random_state=0)
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)
    assert (grouped.low, grouped.high) == pytest.approx((single.low, single.high))
    one = selection_bias(np.stack([a, b]), random_state=0)
    ten = selection_bias(np.repeat([a, b], 10, axis=1), groups=groups, random_state=0)
    assert (one.mean, one.high) == pytest.approx((ten.mean, ten.high))


def test_groups_of_unequal_size_count_their_images():
    a, b = np.array([1, 1, 1, 0, 1.0]), np.array([0, 0, 0, 0, 1.0])
    difference = paired_bootstrap(a, b, groups=["u", "u", "u", "v", "v"], random_state=0)
    assert difference.mean == pytest.approx(0.6)
    assert (difference.low, difference.high) == (0, 1)


def test_one_strategy_is_ahead_or_not():
    a, b = np.repeat([1, 0], [90, 10]), np.repeat([1, 0], [70, 30])
    assert paired_bootstrap(a, b, random_state=0).ahead == "a"
    assert paired_bootstrap(b, a, random_state=0).ahead == "b"
    assert paired_bootstrap(a, a, random_state=0).ahead is None


def test_resamples_in_parts_are_the_same(monkeypatch):
    whole = selection_bias(guesses(0), random_state=0)
    monkeypatch.setattr(resampling, "RESAMPLED_AT_ONCE", 60 * 99)
    parts = selection_bias(guesses(0), random_state=0)
    assert (whole.mean, whole.low, whole.high) == pytest.approx((parts.mean, parts.low, parts.high))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: selection_bias([1, 0, 1]), r"results of shape \(3,\)"),
        (
            lambda: selection_bias([[1, 0]], sample_weight=[1]),
            r"sample_weight of shape \(1,\).*each of the 2 images",
        ),
        (lambda: selection_bias([[1, 0]], sample_weight=[1, -1]), r"sample_weight\[1\] is -1"),
        (lambda: selection_bias([[1, 0]], sample_weight=[1, 1], score=len), "is for the mean"),
        (lambda: selection_bias(np.ones((2, 3, 2))), "more dimensions need a score"),
        (lambda: selection_bias([[1, np.inf]]), r"results\[0, 1\] is inf"),
        (lambda: selection_bias([[1, 0]], groups=["a"]), r"groups of shape \(1,\) and 2 images"),
        (lambda: selection_bias([[1, 0]], groups=["a", "a"]), "Found 1 groups"),
        (lambda: selection_bias([[1]]), "Found 1 images"),
        (lambda: paired_bootstrap([1, 0], [1]), r"a has shape \(2,\), but b has shape \(1,\)"),
        (
            lambda: paired_bootstrap([1, 0], [0, 1], score=lambda part: [np.nan, np.nan]),
            "NaN for all 1000 resamples",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
