"""Learning curves of a comparison with several sizes of training set."""

import numpy as np
import pytest
from helpers.inspection import legend_texts, linear
from helpers.pictures import study

from sklearn_tl import StrategyCurvesDisplay, compare_strategies

pytestmark = pytest.mark.usefixtures("no_screen")


def compared(**parameters):
    X, y = study(2, 40)
    return compare_strategies(X, y, strategies={"a": linear()[0]}, cv=3, **parameters)


def test_a_curve_has_the_mean_score_at_each_size():
    result = compared(train_sizes=[0.5])
    display = StrategyCurvesDisplay.from_results(result)
    line, same_answer = display.ax_.get_lines()
    assert line.get_xdata().tolist() == [13, 27]
    means = [result.scores("a", size).mean() for size in (13, 27)]
    np.testing.assert_allclose(line.get_ydata(), means)
    assert legend_texts(display.ax_) == ["a", "always the largest class"]
    assert same_answer.get_ydata() == pytest.approx([result.dummy_scores_.mean()] * 2)
    assert display.ax_.get_ylabel() == "accuracy\nmean ± standard error"


def test_a_very_low_r2_does_not_squash_the_others():
    scores = [[[-40.0, 0.1], [0.5, 0.6]], [[0.1, 0.2], [0.6, 0.7]], [[-2.0, -2.0], [-3.0, -1.0]]]
    display = StrategyCurvesDisplay(
        names=["a", "b", "c"], sizes=np.array([10, 30]), scores=np.array(scores), score_name="R²"
    ).plot()
    assert display.ax_.get_ylim() == (-0.5, 1.02)
    assert display.ax_.get_ylabel() == "R²\nmean ± standard error, cut at −0.5"
    assert legend_texts(display.ax_) == ["a", "b", "c (below −0.5)"]


def test_one_size_makes_no_curve():
    with pytest.raises(ValueError, match="got one size instead. Pass train_sizes"):
        StrategyCurvesDisplay.from_results(compared())
