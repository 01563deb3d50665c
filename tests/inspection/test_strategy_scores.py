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


def display_of(scores, **parameters):
    names = ["a", "b", "c"][: len(scores)]
    seconds = np.ones(len(scores))
    return StrategyDisplay(
        names=names, scores=np.array(scores), seconds=seconds, best="a", **parameters
    ).plot()


def test_a_dotted_line_is_the_score_of_the_same_answer_for_all_images():
    X, y = study(2, 40)
    y[0] = 1
    result = compare_strategies(X, y, strategies={"a": linear()[0]}, cv=2, scoring="accuracy")
    display = StrategyDisplay.from_results(result)
    line = display.ax_.get_lines()[-1]
    assert line.get_linestyle() == ":"
    assert line.get_label() == "always the largest class"
    assert line.get_xdata() == pytest.approx([result.dummy_scores_.mean()] * 2)
    words = display.ax_.get_xlabel()
    assert words.startswith("accuracy on each fold (points)")
    assert words.endswith(f"dotted: always the largest class ({result.dummy_scores_.mean():.2f})")


def test_without_a_score_of_the_same_answer_there_is_no_dotted_line():
    X, y = study(2, 12)
    result = compare_strategies(X, y, strategies={"a": linear()[0]}, cv=2)
    result.dummy_scores_ = np.full(2, np.nan)
    display = StrategyDisplay.from_results(result)
    assert "dotted" not in display.ax_.get_xlabel()
    assert all(line.get_linestyle() != ":" for line in display.ax_.get_lines())


def test_a_fold_with_a_very_low_r2_is_an_arrow_at_the_edge():
    scores = [[0.3, 0.5, -40.0], [0.6, 0.7, 0.65]]
    display = display_of(scores, score_name="R²", dummy_score=-0.1)
    arrows = [line for line in display.ax_.get_lines() if line.get_marker() == "<"]
    drawn = [(*line.get_xdata(), *line.get_ydata()) for line in arrows if len(line.get_xdata())]
    assert drawn == [(-0.5, 0), (-0.5, 0)]  # the fold, and the mean
    assert display.ax_.get_xlim()[0] == -0.5
    assert "◂ a fold or a mean below −0.5" in display.ax_.get_xlabel()
    assert "(−0.10)" in display.ax_.get_xlabel()


@pytest.mark.parametrize(
    ("scores", "name"), [([[-0.4, 0.5]], "R²"), ([[-40.0, -30.0]], "R²"), ([[-40.0, 0.5]], "cost")]
)
def test_other_negative_scores_are_shown(scores, name):
    display = display_of(scores, score_name=name)
    assert display.ax_.get_xlim()[0] < np.min(scores)
    assert "below" not in display.ax_.get_xlabel()
