"""The estimate, its interval, and what it says."""

import numpy as np
import pytest

from sklearn_tl.annotation.estimate import estimate


def hits(n, wrong):
    return np.arange(n) >= wrong


@pytest.mark.parametrize(
    ("n", "now", "before"), [(3, hits(3, 0), hits(3, 0)), (30, None, None), (0, None, None)]
)
def test_nothing_is_claimed_too_early(n, now, before):
    found = estimate(n, now, before)
    assert found.accuracy is None
    assert not found.can_stop
    assert found.words.startswith("Go on")


def test_the_interval_is_that_of_wilson():
    found = estimate(40, hits(40, 4), hits(40, 10))
    assert found.accuracy == 0.9
    # By the formula of Wilson (1927) with z = 1.96.
    assert (found.low, found.high) == pytest.approx((0.7695, 0.9604), abs=1e-4)
    assert found.before == 0.75
    assert not found.can_stop
    assert "75 %" in found.words


def test_stop_if_the_second_half_of_the_answers_brought_nothing():
    assert estimate(40, hits(40, 4), hits(40, 4)).can_stop
    assert "You can stop" in estimate(40, hits(40, 4), hits(40, 3)).words
    assert not estimate(15, hits(15, 1), hits(15, 1)).can_stop  # too few to compare
