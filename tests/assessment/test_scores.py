import numpy as np
import pytest
from scipy.stats import binomtest

from sklearn_tl.assessment import score_interval


@pytest.mark.parametrize("n_right", [0, 17, 30])
def test_a_share_has_wilson_s_interval(n_right):
    found = score_interval(np.arange(30) < n_right)
    expected = binomtest(n_right, 30).proportion_ci(method="wilson")
    assert found.value == n_right / 30
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_groups_widen_an_interval_and_a_level_too():
    right = np.repeat([True, False, True, True], 25)
    groups = np.repeat(np.arange(4), 25)
    alone, together = score_interval(right), score_interval(right, groups=groups)
    assert together.high - together.low > 2 * (alone.high - alone.low)
    assert score_interval(right, level=0.99).low < alone.low


def test_another_score_has_the_percentiles_of_resamples():
    random = np.random.default_rng(0)
    results = np.column_stack([np.arange(80.0), np.arange(80) + random.normal(0, 8, 80)])

    def correlation(results):
        return np.array([np.corrcoef(part.T)[0, 1] for part in results])

    found = score_interval(results, score=correlation, random_state=0)
    assert found.value == pytest.approx(np.corrcoef(results.T)[0, 1])
    assert found.low < found.value < found.high
    standard_error = (1 - found.value**2) / np.sqrt(79)
    assert found.high - found.low == pytest.approx(2 * 1.96 * standard_error, rel=0.4)


def test_wrong_arguments():
    with pytest.raises(ValueError, match="level=95 must be between 0 and 1"):
        score_interval([True, False], level=95)
    with pytest.raises(ValueError, match="Found 1 images. Expected at least 2"):
        score_interval([True])
    with pytest.raises(ValueError, match="score is NaN for all 1000 resamples"):
        score_interval(np.ones((4, 2)), score=lambda results: np.full(len(results), np.nan))
