"""Labels, probabilities and groups are checked in one place."""

import numpy as np
import pandas as pd
import pytest

from sklearn_tl.assessment.inputs import (
    as_binary,
    read_groups,
    read_predictions,
    read_probabilities,
)

ROWS = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]]
Y = ["a", "b", "c"]


@pytest.mark.parametrize(
    ("y", "classes", "codes"),
    [
        (Y, None, [0, 1, 2]),
        (np.array(Y, dtype=object), ["c", "b", "a"], [2, 1, 0]),
        (pd.Series(Y, index=[5, 6, 7]), np.array(Y), [0, 1, 2]),
        ([1, 2, 1], [1, 2, 3], [0, 1, 0]),
        ([False, True, True], [False, "x", True], [0, 2, 2]),
    ],
)
def test_labels_become_columns(y, classes, codes):
    if classes is not None and "x" in list(classes):
        classes = np.array(classes, dtype=object)
    targets, rows, _, task = read_probabilities(y, ROWS, classes)
    assert targets.tolist() == codes
    assert task == "classification"
    np.testing.assert_allclose(rows, ROWS)


def test_rounded_probabilities_sum_to_one_again():
    rows = read_probabilities(Y, np.float32([[0.333, 0.333, 0.3335]] * 3))[1]
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-12)


@pytest.mark.parametrize(
    ("y", "rows", "classes", "message"),
    [
        (Y, [[0.7, 0.2, -0.1]] * 3, None, "probabilities\\[0, 2\\] is -0.1"),
        (Y, [[0.7, 0.2, 0.3]] * 3, None, "image 0 sum to 1.2. Expected 1"),
        (Y, [[0.7, 0.3]] * 3, None, "2 columns of probabilities and 3 classes.*model.classes_"),
        (Y, [[np.nan, 0.3, 0.7]] * 3, None, "NaN"),
        (Y[:2], ROWS, None, "X has 3 images and y has 2 labels"),
        (Y, ROWS, ["a", "b", "d"], "label 'c' is not one of classes=.*model.classes_"),
        (Y, ROWS, ["a", "b", "b"], "has a label twice"),
        (np.eye(3), np.full((3, 2), 0.5), None, "2 columns of probabilities and 3 classes"),
    ],
)
def test_wrong_probabilities_are_refused(y, rows, classes, message):
    with pytest.raises(ValueError, match=message):
        read_probabilities(y, rows, classes)


def test_an_indicator_matrix_becomes_decisions():
    y = pd.DataFrame(np.eye(3, dtype=int), columns=["x", "y", "z"])
    targets, rows, names, task = read_probabilities(y, np.full((3, 3), 0.9))
    assert (task, names.tolist()) == ("multilabel", ["x", "y", "z"])
    codes, pairs = as_binary(targets, rows, task)
    assert codes.tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 1]
    np.testing.assert_allclose(pairs, [[0.1, 0.9]] * 9)


def test_predictions_may_have_other_labels_than_y():
    y, predicted, classes, _ = read_predictions(["a", "b"], ["b", "c"])
    assert (y.tolist(), predicted.tolist(), classes.tolist()) == ([0, 1], [1, 2], ["a", "b", "c"])


@pytest.mark.parametrize(
    ("y", "predicted", "classes", "message"),
    [
        (Y, Y[:2], None, "predicted has 2 rows and y has 3"),
        (Y, ["a", "b", "x"], Y, "label 'x' is not one of classes"),
        (np.eye(2), np.full((2, 2), 0.5), None, "Expected an indicator matrix"),
        (np.eye(2), [0, 1], None, "has the shape \\(2,\\)"),
    ],
)
def test_wrong_predictions_are_refused(y, predicted, classes, message):
    with pytest.raises(ValueError, match=message):
        read_predictions(y, predicted, classes)


def test_groups_are_numbered():
    assert read_groups(None, 3) is None
    assert read_groups(["b", "a", "b"], 3).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["a"], "Expected one group for each of the 2 images"),
        (np.array(["a", None], dtype=object), "groups\\[1\\] is None"),
    ],
)
def test_wrong_groups_are_refused(groups, message):
    with pytest.raises(ValueError, match=message):
        read_groups(groups, 2)
