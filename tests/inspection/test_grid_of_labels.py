"""The grid of several labels per image shows which labels are wrongly added, and which missed."""

import numpy as np
import pandas as pd
import pytest
from helpers.inspection import labelled, several_labels
from helpers.pictures import study

from sklearn_tl import PredictionGridDisplay

pytestmark = pytest.mark.usefixtures("no_screen")

Y = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0], [1, 1, 1]])
PROBABILITIES = np.array(
    [
        [0.9, 0.2, 0.1],  # right
        [0.8, 0.65, 0.2],  # "red" is added
        [0.05, 0.9, 0.93],  # "red" is missed, and "rare" is added
        [0.1, 0.45, 0.1],  # right
        [0.4, 0.3, 0.2],  # all are missed
    ]
)
NAMES = ["red", "round", "rare"]


def drawn(show, y=Y, **parameters):
    X, _ = study(2, 5)
    return PredictionGridDisplay.from_predictions(X, y, PROBABILITIES, show=show, **parameters)


def titles(display):
    """Return the titles without their last line, which names the image."""
    drawn = [axes.get_title(loc="left") for axes in display.ax_.flat[: len(display.images)]]
    return [title.rpartition("\n")[0] for title in drawn]


def test_the_most_confidently_wrong_labels_come_first():
    display = drawn("wrong", target_names=NAMES)
    assert display.positions.tolist() == [2, 1, 4]
    assert titles(display) == [
        "−red (0.05)\n+rare (0.93)",
        "+red (0.80)",
        "−rare (0.20)\n−round (0.30)\n−red (0.40)",
    ]


def test_the_least_sure_labels_come_first():
    display = drawn("unsure", target_names=NAMES, n_images=3)
    assert display.positions.tolist() == [3, 4, 1]
    assert titles(display)[0] == "✓ no label\nleast sure: round (0.45)"


def test_labels_that_are_right_are_named():
    assert titles(drawn("first", target_names=NAMES))[0] == "✓ red\nleast sure: round (0.20)"


def test_names_come_from_a_table_or_are_numbers():
    table = pd.DataFrame(Y, columns=NAMES)
    assert titles(drawn("wrong", table))[0] == "−red (0.05)\n+rare (0.93)"
    assert titles(drawn("wrong"))[0] == "−label 0 (0.05)\n+label 2 (0.93)"


def test_a_title_names_three_wrong_labels():
    X, _ = study(2, 2)
    y, probabilities = np.ones((2, 5), dtype=int), np.full((2, 5), 0.1)
    display = PredictionGridDisplay.from_predictions(X, y, probabilities)
    assert titles(display)[0].splitlines()[2:] == ["−label 2 (0.10)", "and 2 more"]
    higher = display.figure_.get_size_inches()[1]
    assert higher > drawn("first", n_images=4).figure_.get_size_inches()[1]


def test_without_errors_the_grid_says_so():
    X, _ = study(2, 5)
    display = PredictionGridDisplay.from_predictions(X, Y, Y.astype(float))
    assert "No label is wrong" in display.ax_.flat[0].get_title()


@pytest.mark.parametrize("kind", ["list of arrays", "network"])
def test_an_estimator_of_several_labels(kind):
    X, y = labelled()
    estimator = several_labels(kind).fit(X, y)
    flipped = y.copy()
    flipped.loc[3, "light"] = 1 - y.loc[3, "light"]
    display = PredictionGridDisplay.from_estimator(estimator, X, flipped)
    assert display.positions.tolist() == [3]
    assert titles(display)[0].startswith("+light (" if y.loc[3, "light"] else "−light (")
    with pytest.raises(TypeError, match="Expected maps=False.* predicts several labels"):
        PredictionGridDisplay.from_estimator(estimator, X, y, maps=True)


def test_an_estimator_knows_the_names():
    X, y = labelled()
    estimator = several_labels("network").fit(X, y)
    display = PredictionGridDisplay.from_estimator(estimator, X, 1 - y.to_numpy(), n_images=1)
    assert display.target_names == ["red", "light"]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            {"y": Y[:4]},
            r"Found 5 images and y_true of shape \(4, 3\). Expected an indicator",
        ),
        ({"y": Y[:, :2]}, r"probabilities of shape \(5, 3\) and y_true of shape \(5, 2\)"),
        ({"y": Y + 1, "task": "multilabel"}, r"y\[0\] is 2 in column 0, but an indicator matrix"),
        ({"target_names": ["red"]}, "Found 1 names in target_names, but y has 3 columns"),
        ({"task": "tags"}, "task='tags' must be one of 'classification', 'multilabel', 'regr"),
    ],
)
def test_wrong_arguments_are_named(change, match):
    with pytest.raises(ValueError, match=match):
        drawn("wrong", **change)
