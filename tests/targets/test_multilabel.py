"""Indicator matrices are checked, and their rarest labels are kept in all parts."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.preprocessing import MultiLabelBinarizer

from sklearn_tl.targets import Multilabel, read_labels

MATRIX = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0]])


@pytest.mark.parametrize(
    "y",
    [
        MATRIX,
        MATRIX.tolist(),
        MATRIX.astype(bool),
        MATRIX.astype(float),
        MATRIX.astype(object),
        sparse.csr_matrix(MATRIX),
        sparse.csr_array(MATRIX),
        pd.DataFrame(MATRIX, columns=["red", "round", "rare"], index=[9, 8, 7, 6, 5, 4]),
    ],
)
def test_an_indicator_matrix_may_have_any_form(y):
    task, targets = read_labels(y, 6)
    assert isinstance(task, Multilabel)
    np.testing.assert_array_equal(targets, MATRIX)
    assert task.n_outputs == 3
    expected = ["red", "round", "rare"] if hasattr(y, "columns") else None
    assert (None if task.names is None else task.names.tolist()) == expected


def test_predictions_have_the_type_of_the_matrix():
    outputs = np.array([[-1.0, 2.0, 0.1]])
    for dtype in (bool, int, float):
        predicted = read_labels(MATRIX.astype(dtype), 6)[0].predictions(outputs)
        assert predicted.dtype == dtype
        assert predicted.tolist() == [[0, 1, 1]]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (MATRIX[:5], "X has 6 images and y has 5 rows. Pass one row per image"),
        (
            MATRIX * np.array([1, 1, 2]),
            r"y\[3\] is 2 in column 2, but an indicator",
        ),
        (np.full((6, 2), 0.5), r"y\[0\] is 0.5 in column 0.*use FineTuneRegressor"),
        (np.where(MATRIX == 1, np.nan, 0), r"y\[0\] is nan in column 0"),
        (np.zeros((6, 2)), "Each of the 2 columns of y has a single value"),
        ([["red", "round"]] * 6, r"y\[0\] is \['red', 'round'\], a list of tags.*MultiLabelBinar"),
        ([["red"], [], ["red", "round"], [], [], []], r"y\[0\] is \['red'\], a list of tags"),
        ([{"red"}] * 6, r"y\[0\] is {'red'}, a set of tags"),
        (
            pd.DataFrame({"red": [0, 1, 0, 1, 7, 0], "b": [0, 1] * 3}),
            r"y\[4\] is 7 in column 'red'",
        ),
    ],
)
def test_a_matrix_that_cannot_be_used_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        read_labels(y, 6)


def test_lists_of_tags_work_as_the_error_says():
    tags = [["red"], [], ["red", "round"]]
    task, targets = read_labels(MultiLabelBinarizer().fit_transform(tags), 3)
    assert targets.tolist() == [[1, 0], [0, 0], [1, 1]]
    assert task.n_outputs == 2


def test_a_label_with_a_single_value_is_warned_of_by_name():
    y = pd.DataFrame({"red": [0, 1, 0, 1], "none": [0] * 4, "all": [1] * 4})
    task, targets = read_labels(y, 4)
    with pytest.warns(UserWarning, match="the label") as record:
        task.fitted(targets, np.ones(4))
    messages = [str(warning.message) for warning in record]
    assert [message[:32] for message in messages] == [
        "No image has the label 'none' in",
        "All images have the label 'all' ",
    ]


def test_the_part_held_out_has_every_label_that_is_not_too_rare():
    rng = np.random.default_rng(0)
    matrix = rng.random((100, 4)) < [0.5, 0.3, 0.06, 0.01]
    matrix[:, 2] = np.arange(100) % 12 == 5
    matrix[:, 3] = np.arange(100) == 7
    task, targets = read_labels(matrix, 100)
    for seed in range(20):
        train, valid = task.hold_out(targets, 0.2, seed)
        np.testing.assert_array_equal(np.sort(np.concatenate([train, valid])), np.arange(100))
        assert (targets[valid][:, :3].sum(0) > 0).all()
        assert (targets[train][:, :3].sum(0) > 0).all()
    with pytest.raises(ValueError, match="both parts need at least two images"):
        task.hold_out(targets, 0.01, 0)


def test_no_stratum_is_too_small():
    rng = np.random.default_rng(0)
    for shares in ([0.5, 0.3, 0.06, 0.01], [0.02, 0.02], [0.9, 0.9]):
        matrix = rng.random((100, len(shares))) < shares
        matrix[0], matrix[1] = True, False
        task, targets = read_labels(matrix, 100)
        sizes = np.bincount(task.strata(targets, 5))
        assert sizes[sizes > 0].min() >= 5


def test_balanced_weights_are_per_label():
    task, targets = read_labels(np.array([[1, 0], [0, 0], [0, 0], [0, 1]]), 4)
    pairs = task.class_weights("balanced", targets, np.ones(4))
    np.testing.assert_allclose(pairs, [[4 / 6, 2], [4 / 6, 2]])
    twice = task.class_weights("balanced", targets, np.array([3.0, 1, 1, 1]))
    np.testing.assert_allclose(twice[0], [1, 1])
    np.testing.assert_allclose(task.class_weights({1: 5}, targets, np.ones(4)), [[1, 5], [1, 5]])
    for class_weight, message in (
        ({"red": 2}, r"keys must be 0 \(images without"),
        ({0: 0, 1: 1}, "class_weight has 0 for 0, but with several labels"),
        ({0: -1}, "class_weight has -1 for 0, but a weight must be a positive number"),
        ({1: np.inf}, "class_weight has inf for 1"),
    ):
        with pytest.raises(ValueError, match=message):
            task.class_weights(class_weight, targets, np.ones(4))
