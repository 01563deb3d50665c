"""A threshold keeps its promise on other images, and says if there is none."""

import numpy as np
import pytest
from scipy.stats import binomtest

from sklearn_tl.assessment import coverage_curve, threshold_for_error


def answers(n, seed=0):
    """Return labels, and probabilities that are right as often as they say."""
    rng = np.random.default_rng(seed)
    confidence = 1 - rng.random(n) ** 2 / 2
    right = rng.random(n) < confidence
    return np.where(right, 0, 1), np.column_stack([confidence, 1 - confidence])


def test_the_curve_counts_the_surest_images_first():
    curve = coverage_curve(["a", "a", "b", "a"], [[0.9, 0.1], [0.7, 0.3], [0.7, 0.3], [0.4, 0.6]])
    assert curve.thresholds.tolist() == [0.9, 0.7, 0.6]
    assert curve.coverage.tolist() == [0.25, 0.75, 1.0]
    assert curve.n_answered.tolist() == [1, 3, 4]
    np.testing.assert_allclose(curve.accuracy, [1, 2 / 3, 1 / 2])
    assert curve.to_frame()["threshold"].tolist() == [0.9, 0.7, 0.6]


def test_the_bound_is_that_of_scipy_and_the_threshold_is_the_lowest():
    y, rows = answers(250)
    found = threshold_for_error(y, rows, error=0.1)
    assert found.is_reached
    curve = coverage_curve(y, rows)
    bounds = [
        binomtest(n - round(accuracy * n), n, alternative="less").proportion_ci().high
        for n, accuracy in zip(curve.n_answered.tolist(), curve.accuracy.tolist(), strict=True)
    ]
    last = np.flatnonzero(np.array(bounds) <= 0.1)[-1]
    assert found.threshold == curve.thresholds[last]
    assert found.coverage == curve.coverage[last]
    assert found.accuracy == pytest.approx(curve.accuracy[last])
    assert found.bound == pytest.approx(bounds[last])
    assert found.summary().startswith(f"Answers {found.coverage:.0%} of images at ")


def test_the_promise_holds_on_other_images_and_a_naive_threshold_breaks_it():
    y_new, rows_new = answers(50_000, seed=99)
    right, confidence = y_new == 0, rows_new[:, 0]

    def is_broken(threshold):
        return not right[confidence >= threshold].mean() >= 0.95

    broken, broken_if_naive = 0, 0
    for seed in range(100):
        y, rows = answers(500, seed)
        broken += is_broken(threshold_for_error(y, rows, error=0.05).threshold)
        curve = coverage_curve(y, rows)
        broken_if_naive += is_broken(curve.thresholds[curve.accuracy >= 0.95].min())
    assert broken <= 12
    assert broken_if_naive >= 30


def test_images_of_one_group_do_not_count_twice():
    y, rows = answers(300)
    once = threshold_for_error(y, rows, error=0.1)
    copies = [np.repeat(a, 5, axis=0) for a in (y, rows, np.arange(300))]
    assert threshold_for_error(*copies[:2], error=0.1).coverage > once.coverage
    grouped = threshold_for_error(*copies[:2], error=0.1, groups=copies[2])
    assert grouped.coverage == pytest.approx(once.coverage, abs=0.05)


def test_no_threshold_is_an_answer_too():
    y, rows = answers(100)
    found = threshold_for_error(y, rows, error=0.01)
    assert not found.is_reached
    assert (found.threshold, found.coverage) == (np.inf, 0)
    assert np.isnan(found.accuracy)
    assert found.bound > 0.01
    assert "No threshold has an error of at most 0.01" in found.summary()


def test_149_right_answers_are_needed_for_two_percent():
    sure = np.tile([[0.9, 0.1], [0.1, 0.9]], (100, 1))
    y = [0, 1] * 100
    assert not threshold_for_error(y[:148], sure[:148]).is_reached
    assert threshold_for_error(y[:149], sure[:149]).coverage == 1


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"error": 0}, "error=0 must be a share between 0 and 1"),
        ({"error": 2}, "error=2 must be"),
        ({"level": 95}, "level=95 must be between 0 and 1"),
        ({"groups": [1, 2]}, "Expected one group for each of the 100 images"),
    ],
)
def test_wrong_parameters_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        threshold_for_error(*answers(100), **parameters)


def test_several_labels_are_asked_about_one_by_one():
    y = np.array([[0, 1], [1, 0]])
    with pytest.raises(ValueError, match="one column at a time: y\\[:, j\\]"):
        coverage_curve(y, [[0.1, 0.9], [0.8, 0.2]])
