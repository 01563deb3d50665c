"""Intervals of proportions agree with scipy, and contain the truth also with groups."""

import numpy as np
import pytest
from scipy.stats import binomtest

from sklearn_tl.assessment.intervals import (
    check_level,
    effective_numbers,
    upper_bound,
    wilson_interval,
)


@pytest.mark.parametrize(("k", "n"), [(0, 5), (5, 5), (3, 7), (97, 100)])
def test_bounds_agree_with_scipy(k, n):
    share, number = np.array([k / n]), np.array([float(n)])
    low, high = wilson_interval(share, number, 0.9)
    expected = binomtest(k, n).proportion_ci(0.9, method="wilson")
    np.testing.assert_allclose([low[0], high[0]], expected, atol=1e-12)
    exact = binomtest(k, n, alternative="less").proportion_ci(0.9, method="exact")
    np.testing.assert_allclose(upper_bound(share, number, 0.9), exact.high, atol=1e-12)


def test_no_image_leaves_everything_open():
    low, high = wilson_interval(np.array([np.nan]), np.array([0.0]), 0.95)
    assert (low[0], high[0]) == (0, 1)


def test_images_without_groups_count_as_they_are():
    assert effective_numbers(np.array([True, False, True]), None, 0.95).tolist() == [1, 2, 3]


def test_groups_whose_images_all_agree_count_as_one_image_each():
    groups = np.array([7, 7, 3, 3, 3])
    assert effective_numbers(np.ones(5, dtype=bool), groups, 0.95).tolist() == [1, 1, 2, 2, 2]


def test_the_running_numbers_are_those_of_each_beginning():
    rng = np.random.default_rng(0)
    success, groups = rng.random(60) < 0.7, rng.integers(0, 9, 60)
    running = effective_numbers(success, groups, 0.95)
    for n in (1, 2, 10, 33, 60):
        assert running[n - 1] == pytest.approx(effective_numbers(success[:n], groups[:n], 0.95)[-1])


def test_the_number_follows_from_the_variance_between_groups():
    success = np.array([1, 1, 1, 0, 0, 0, 1, 0], dtype=bool)
    groups = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    residuals = [1.5, -1.5, 0.0]  # sums over a group of success - 1/2
    variance = 3 / 2 * np.square(residuals).sum() / 8**2
    few = (1.959964 / 4.302653) ** 2  # normal against t with two degrees of freedom
    assert effective_numbers(success, groups, 0.95)[-1] == pytest.approx(
        few * 0.25 / variance, rel=1e-5
    )


@pytest.mark.parametrize("grouped", [False, True])
def test_intervals_contain_the_truth_as_often_as_they_say(grouped):
    rng = np.random.default_rng(0)
    inside, inside_if_ignored, n_draws = 0, 0, 200
    groups = np.repeat(np.arange(30), 6)
    for _ in range(n_draws):
        chance = rng.beta(1.6, 0.4, 30)[groups] if grouped else 0.8  # both have the mean 0.8
        success = rng.random(180) < chance
        share = success.mean(keepdims=True)
        for is_used in (True, False):
            number = effective_numbers(success, groups if is_used else None, 0.95)[-1:]
            low, high = wilson_interval(share, number, 0.95)
            hit = low[0] <= 0.8 <= high[0]
            inside += hit and is_used
            inside_if_ignored += hit and not is_used
    assert inside / n_draws > 0.92
    assert (inside_if_ignored / n_draws < 0.87) == grouped


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_outside_0_and_1_is_refused(level):
    with pytest.raises(ValueError, match="must be between 0 and 1, for example 0.95"):
        check_level(level)
