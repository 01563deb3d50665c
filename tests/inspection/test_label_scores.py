"""The bars are the average precision of each label, with the score of chance."""

import numpy as np
import pandas as pd
import pytest
from helpers.inspection import labelled, several_labels
from sklearn.metrics import average_precision_score

from sklearn_tl import LabelScoresDisplay

pytestmark = pytest.mark.usefixtures("no_screen")

Y = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 0]])
PROBABILITIES = np.array(
    [[0.3, 0.1, 0.2], [0.6, 0.9, 0.2], [0.4, 0.8, 0.9], [0.7, 0.2, 0.1], [0.5, 0.3, 0.2]]
)


def test_the_bars_are_sorted_average_precisions():
    names = ["red", "round", "never seen"]
    display = LabelScoresDisplay.from_predictions(Y, PROBABILITIES, target_names=names)
    expected = [average_precision_score(Y[:, j], PROBABILITIES[:, j]) for j in (1, 0)]
    np.testing.assert_allclose([bar.get_width() for bar in display.ax_.patches], expected)
    labels = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert labels == ["round", "red", "never seen"]
    (chance,) = display.ax_.collections
    np.testing.assert_allclose([line[0, 0] for line in chance.get_segments()], [2 / 5, 3 / 5])
    (right,) = display.ax_.child_axes
    assert [text.get_text() for text in right.get_yticklabels()] == ["2", "3", "0"]
    assert right.get_ylabel() == "images (of 5)"


def test_a_label_without_images_is_not_tested():
    display = LabelScoresDisplay.from_predictions(Y, PROBABILITIES)
    (text,) = display.ax_.texts
    assert (text.get_text(), text.get_position()[1]) == ("not tested", 2)
    assert np.isnan(display.scores[2])
    assert display.names == ["label 0", "label 1", "label 2"]


def test_a_table_has_the_names():
    table = pd.DataFrame(Y, columns=["red", "round", "rare"])
    assert LabelScoresDisplay.from_predictions(table, PROBABILITIES).names == [*table]


@pytest.mark.parametrize("kind", ["list of arrays", "network"])
def test_an_estimator_is_asked_for_probabilities(kind):
    X, y = labelled()
    estimator = several_labels(kind).fit(X, y)
    display = LabelScoresDisplay.from_estimator(estimator, X, y)
    assert display.names == ["red", "light"]
    assert display.scores.min() > 0.9
    assert display.n_images == len(X)
    array = LabelScoresDisplay.from_estimator(estimator, X, y.to_numpy())
    assert array.names == (["red", "light"] if kind == "network" else ["label 0", "label 1"])


@pytest.mark.parametrize(
    ("y", "probabilities", "names", "match"),
    [
        (Y[:, 0], PROBABILITIES, None, r"Found y of shape \(5,\). Expected an indicator matrix"),
        (Y * 2, PROBABILITIES, None, r"y\[0\] is 2 in column 0"),
        (
            Y,
            PROBABILITIES[:, :2],
            None,
            r"shape \(5, 3\) and probabilities of shape \(5, 2\)",
        ),
        (Y, PROBABILITIES, ["red"], "Found 1 names in target_names, but y has 3 columns"),
    ],
)
def test_wrong_arguments_are_named(y, probabilities, names, match):
    with pytest.raises(ValueError, match=match):
        LabelScoresDisplay.from_predictions(y, probabilities, target_names=names)
