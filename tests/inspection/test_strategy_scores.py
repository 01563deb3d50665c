"""The scores of a comparison, on each fold, with an arrow at the chosen strategy."""

import numpy as np
import pytest
from helpers.inspection import linear
from helpers.pictures import study

from sklearn_tl import StrategyDisplay, compare_strategies

pytestmark = pytest.mark.usefixtures("no_screen")


def test_the_points_are_the_scores_of_the_folds():
    X, y = study(2, 40)
    names = ["linear, with a name that takes all the room there is", "b"]
    result = compare_strategies(X, y, strategies=dict.fromkeys(names, linear()[0]), cv=3)
    display = StrategyDisplay.from_results(result)
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert len(labels) == 2
    assert labels[0].endswith("…" + " ←")
    assert labels[1] == "b"
    np.testing.assert_array_equal(display.ax_.get_lines()[0].get_xdata(), result.scores(names[0]))


def test_the_bars_are_seconds():
    seconds = np.array([0.5, 20.0])
    display = StrategyDisplay(
        names=["a", "b"], scores=np.array([[0.5, 0.6], [0.7, 0.8]]), seconds=seconds, best="b"
    ).plot()
    (cost,) = (axes for axes in display.figure_.axes if axes is not display.ax_)
    ends = [bar.get_x() + bar.get_width() for bar in cost.patches]
    np.testing.assert_allclose(ends, seconds)
