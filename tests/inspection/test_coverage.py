"""The curves of coverage have the accuracy on the surest images."""

import numpy as np
import pytest
from helpers.inspection import legend_texts
from helpers.pictures import study
from sklearn.dummy import DummyClassifier, DummyRegressor

from sklearn_tl import compare_strategies
from sklearn_tl.inspection import CoverageDisplay

pytestmark = pytest.mark.usefixtures("no_screen")


def test_a_curve_begins_with_ten_images():
    sure = np.linspace(0.99, 0.6, 20)
    y = np.where(np.arange(20) < 15, "a", "b")  # the least sure are wrong
    probabilities = np.column_stack([sure, 1 - sure])
    display = CoverageDisplay.from_predictions(y, probabilities, name="model")
    (line,) = display.ax_.get_lines()
    np.testing.assert_allclose(line.get_xdata(), np.arange(10, 21) / 20)
    np.testing.assert_allclose(line.get_ydata()[[0, 5, 10]], [1, 1, 0.75])
    assert legend_texts(display.ax_) == ["model"]
    assert display.ax_.get_ylim()[0] < 0.75


def test_few_images_make_a_point():
    display = CoverageDisplay.from_predictions(["a", "b"], [[0.9, 0.1], [0.6, 0.4]])
    (line,) = display.ax_.get_lines()
    assert line.get_xdata().tolist() == [1]
    assert line.get_marker() == "o"


def test_all_strategies_with_probabilities_are_drawn():
    X, y = study(2, 24)
    dummies = {"first": DummyClassifier(), "second": DummyClassifier()}
    result = compare_strategies(X, y, strategies=dummies, cv=2, random_state=0)
    assert list(CoverageDisplay.from_results(result).curves) == ["first", "second"]
    assert list(CoverageDisplay.from_results(result, "second").curves) == ["second"]


def test_numbers_have_no_coverage():
    X, _ = study(2, 12)
    strategies = {"mean": DummyRegressor()}
    result = compare_strategies(X, np.arange(12.5, 24.5), strategies=strategies, cv=2)
    with pytest.raises(ValueError, match="'mean' has no probabilities"):
        CoverageDisplay.from_results(result)
