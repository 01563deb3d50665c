"""The scores of a comparison, on each fold, with an arrow at the chosen strategy."""

from itertools import pairwise

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


def drawn(seconds):
    """Return the axis of the seconds, drawn."""
    display = StrategyDisplay(
        names=["a", "b"], scores=np.array([[0.5, 0.6], [0.7, 0.8]]), seconds=seconds, best="b"
    ).plot()
    display.figure_.canvas.draw()
    (cost,) = (axes for axes in display.figure_.axes if axes is not display.ax_)
    return cost


def test_the_bars_are_seconds():
    seconds = np.array([0.5, 20.0])
    ends = [bar.get_x() + bar.get_width() for bar in drawn(seconds).patches]
    np.testing.assert_allclose(ends, seconds)


@pytest.mark.parametrize("seconds", [[0.5, 1.5], [0.3, 4000.0]])
def test_the_labels_of_the_seconds_do_not_overlap(seconds):
    axis = drawn(np.array(seconds)).xaxis
    labels = [*axis.get_ticklabels(), *axis.get_ticklabels(minor=True)]
    extents = [label.get_window_extent() for label in labels if label.get_text()]
    assert len(extents) > 1
    assert all(a.x1 < b.x0 for a, b in pairwise(sorted(extents, key=lambda e: e.x0)))
