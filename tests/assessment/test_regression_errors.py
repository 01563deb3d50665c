"""By how much numbers are off, overall and by their size."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from sklearn_tl.assessment import error_report

RNG = np.random.default_rng(0)
Y = RNG.normal(size=100)
PREDICTED = 0.5 * Y + RNG.normal(scale=0.1, size=100)


def test_the_figures_agree_with_their_definitions():
    report = error_report(Y, PREDICTED)
    absolute = np.abs(PREDICTED - Y)
    assert report.mean_absolute_error == pytest.approx(absolute.mean())
    assert report.bias == pytest.approx((PREDICTED - Y).mean())
    np.testing.assert_allclose(report.interval, ttest_1samp(absolute, 0).confidence_interval())


def test_predictions_towards_the_mean_are_too_high_for_small_numbers():
    frame = error_report(Y, PREDICTED).to_frame()
    assert frame["n"].tolist() == [20] * 5
    assert frame["bias"].iloc[0] > 0.3
    assert frame["bias"].iloc[-1] < -0.3
    assert (frame["low"].to_numpy()[1:] > frame["high"].to_numpy()[:-1]).all()
    ordered = np.argsort(Y)[:20]
    assert frame["mean_absolute_error"].iloc[0] == pytest.approx(
        np.abs(PREDICTED - Y)[ordered].mean()
    )


def test_copies_in_a_group_make_nothing_surer():
    copies = [np.repeat(a, 4) for a in (Y, PREDICTED, np.arange(100))]
    grouped = error_report(*copies[:2], groups=copies[2]).interval
    np.testing.assert_allclose(grouped, error_report(Y, PREDICTED).interval)


def test_equal_numbers_share_a_part():
    parts = error_report([1.0] * 8 + [2.0] * 2, np.full(10, 1.5)).by_quintile
    assert parts["n"].tolist() == [8, 2]
    assert parts["bias"].tolist() == [0.5, -0.5]


@pytest.mark.parametrize(
    ("y", "predicted", "parameters", "message"),
    [
        ([1, 2, 3], [1, 2], {}, "predicted has 2 numbers and y has 3"),
        ([[1, 2], [3, 4]], [1, 2], {}, "y has the shape \\(2, 2\\).*one column at a time"),
        ([1, np.nan], [1, 2], {}, "y contains NaN"),
        ([1, 2], [1, 2], {"groups": ["a", "a"]}, "at least two images or groups"),
        ([1, 2], [1, 2], {"level": 2}, "level=2 must be between"),
    ],
)
def test_wrong_input_is_refused(y, predicted, parameters, message):
    with pytest.raises(ValueError, match=message):
        error_report(y, predicted, **parameters)
