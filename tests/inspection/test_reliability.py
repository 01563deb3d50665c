"""The reliability curve has the shares that were counted, and their intervals."""

import numpy as np
import pytest
from helpers.inspection import legend_texts
from helpers.pictures import study
from sklearn.dummy import DummyClassifier

from sklearn_tl import compare_strategies
from sklearn_tl.inspection import ReliabilityDisplay

pytestmark = pytest.mark.usefixtures("no_screen")

Y = np.array([0, 1, 1, 1] * 20)
PROBABILITIES = np.array([[0.1, 0.9]] * 40 + [[0.4, 0.6]] * 40)


def test_a_point_is_the_share_of_right_answers():
    display = ReliabilityDisplay.from_predictions(Y, PROBABILITIES, name="model")
    diagonal, points, *_ = display.ax_.get_lines()
    assert list(diagonal.get_xdata()) == [0, 1]
    np.testing.assert_allclose(points.get_xdata(), [0.6, 0.9])
    np.testing.assert_allclose(points.get_ydata(), [0.75, 0.75])
    (bars,) = display.ax_.collections
    ends = np.array(bars.get_segments())[:, :, 1]
    curve = display.calibration.curve
    np.testing.assert_allclose(ends, np.column_stack([curve["low"], curve["high"]]))
    assert legend_texts(display.ax_) == ["right probabilities", "model"]
    low = display.ax_.get_ylim()[0]
    assert low == display.ax_.get_xlim()[0] <= ends.min()
    assert "40 images or more" in display.ax_.get_xlabel()


def test_several_labels_are_counted_one_by_one():
    truth = np.column_stack([Y, 1 - Y])
    display = ReliabilityDisplay.from_predictions(truth, PROBABILITIES)
    assert "labels or more" in display.ax_.get_xlabel()


def test_the_best_strategy_of_a_comparison_is_drawn():
    X, y = study(2, 24)
    dummies = {"first": DummyClassifier(), "second": DummyClassifier()}
    result = compare_strategies(X, y, strategies=dummies, cv=2, random_state=0)
    assert ReliabilityDisplay.from_results(result).name == "first"
    assert ReliabilityDisplay.from_results(result, "second").name == "second"
    with pytest.raises(ValueError, match="strategy='third' must be one of"):
        ReliabilityDisplay.from_results(result, "third")
