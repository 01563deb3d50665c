"""Learning curves of a comparison with several sizes of training set."""

import numpy as np
import pytest
from helpers.inspection import linear
from helpers.pictures import study

from sklearn_tl import StrategyCurvesDisplay, compare_strategies

pytestmark = pytest.mark.usefixtures("no_screen")


def compared(**parameters):
    X, y = study(2, 40)
    return compare_strategies(X, y, strategies={"a": linear()[0]}, cv=3, **parameters)


def test_a_curve_has_the_mean_score_at_each_size():
    result = compared(train_sizes=[0.5])
    (line,) = StrategyCurvesDisplay.from_results(result).ax_.get_lines()
    assert line.get_xdata().tolist() == [13, 27]
    means = [result.scores("a", size).mean() for size in (13, 27)]
    np.testing.assert_allclose(line.get_ydata(), means)


def test_one_size_makes_no_curve():
    with pytest.raises(ValueError, match="got one size instead. Pass train_sizes"):
        StrategyCurvesDisplay.from_results(compared())
