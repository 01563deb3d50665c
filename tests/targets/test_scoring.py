"""Targets of the wrong kind are refused before predictions are compared with them."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import dia_array

from sklearn_tl.targets import check_scored, read_labels, read_numbers

TEXT = read_labels(["0", "1", "1"], 3)[0]
WHOLE = read_labels([0, 1, 1], 3)[0]
MATRIX = read_labels([[0, 1], [1, 0], [1, 1]], 3)[0]
NUMBERS = read_numbers([1, 2, 3], 3)[0]


@pytest.mark.parametrize(
    ("task", "y"),
    [
        (TEXT, ["0", "0", "unknown"]),
        (TEXT, np.array([["0"], ["1"], ["1"]])),
        (TEXT, pd.Series(["0", "1", "0"], dtype="category")),
        (WHOLE, [True, False, True]),
        (WHOLE, np.array([0, 7, 7], dtype=object)),
        (MATRIX, [[0, 0], [0, 0], [0, 0]]),
        (MATRIX, dia_array(np.eye(3, 2))),
        (MATRIX, pd.DataFrame(np.eye(3, 2))),
        (NUMBERS, [5, 5, 5]),
        (NUMBERS, pd.Series([1.5, 2, 3])),
    ],
)
def test_targets_of_the_same_kind_are_compared(task, y):
    check_scored(task, y, 3)


@pytest.mark.parametrize(
    ("task", "y", "message"),
    [
        (TEXT, ["0", "1"], "X has 3 images and y has 2 targets"),
        (TEXT, [0, 1, 1], r"y\[0\] is 0, but .* labels such as '0', which are text.*str\(label"),
        (WHOLE, ["0", "1", "1"], r"y\[0\] is '0', but .* such as 0, which are not text.*int\("),
        (WHOLE, [0, None, 1], r"y\[1\] is None, which is not a label"),
        (TEXT, [["a"], ["a", "b"], []], r"y\[0\] is \['a'\], a list of tags"),
        (MATRIX, [["a"], ["a", "b"], []], "a list of tags.*MultiLabelBinarizer"),
        (MATRIX, [0, 1, 1], r"y of shape \(3,\). Expected an indicator matrix with the 2 columns"),
        (MATRIX, np.eye(3), r"y of shape \(3, 3\)"),
        (NUMBERS, ["a", "b", "c"], r"y\[0\] is 'a', which is not a number"),
        (NUMBERS, [["a"], ["a", "b"], []], "a list of tags"),
        (NUMBERS, None, "requires y to be passed"),
    ],
)
def test_targets_of_another_kind_are_refused(task, y, message):
    with pytest.raises(ValueError, match=message):
        check_scored(task, y, 3)
