"""The task that `y` stands for is guessed, and a guess that may be wrong is said aloud."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import coo_array, csr_array

from sklearn_tl.targets import guess_task, read_targets

PRICES = np.arange(40) * 1000 + 250_000


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (["cat", "dog", "cat"], "classification"),
        ([True, False, True], "classification"),
        ([0, 1, 2, 2], "classification"),
        (np.repeat(np.arange(30), 5), "classification"),
        ([[0, 1], [1, 1], [0, 0]], "multilabel"),
        (pd.DataFrame({"a": [0, 1, 0], "b": [1, 1, 0]}), "multilabel"),
        ([0.5, 1.5, 2.25], "regression"),
        ([[0.5, 1], [1.5, 2], [2.25, 0]], "regression"),
        ([[3, 1], [1, 2], [2, 0]], "regression"),
        (PRICES, "regression"),
        (PRICES[:15], "regression"),
        ([*PRICES[:15].tolist(), 250_000], "regression"),
        ([3, 1, 4, 5, 2], "classification"),
        ([[1, 2], [2, 1]], "regression"),
        ([[0, 100], [100, 0]], "regression"),
        (csr_array([[1, 2], [2, 1]]), "regression"),
        (coo_array([[0, 1], [1, 0]]), "multilabel"),
        (np.array([0.5, 1.5, 2.25], dtype=object), "regression"),
        (np.array([0, 1, 2, 2], dtype=object), "classification"),
        (PRICES.astype(object), "regression"),
        (pd.Series(PRICES, dtype=object), "regression"),
        (pd.DataFrame({"a": [True, False, True], "b": [1, 1.5, 0]}), "regression"),
        (pd.DataFrame({"a": [0, 1], "b": [1, 1]}, dtype=object), "multilabel"),
        (np.array([[0, 1], [1, 1]], dtype=object), "multilabel"),
        (np.ma.array([0.5, 1.5, 2.25], mask=False), "regression"),
        ([["red"], ["red", "round"]], "classification"),
        ([0.5, np.nan, 2.25], "regression"),
        ([0.5, None, 2.25], "regression"),
        (np.where(np.arange(40) == 5, np.nan, PRICES), "regression"),
        ([0, 1, np.nan, 1], "classification"),
        ([np.nan, np.nan], "regression"),
        (["a", None, "b"], "classification"),
        ([[0, 1], [1, np.nan], [1, 1]], "multilabel"),
        ([[0.5, 1], [1, np.nan], [1, 1]], "regression"),
        (pd.Series([0.5, pd.NA, 2.25], dtype="Float64"), "regression"),
    ],
)
def test_a_task_is_guessed(y, task):
    assert guess_task(y) == task


def test_whole_numbers_that_are_taken_for_numbers_are_warned_of():
    with pytest.warns(UserWarning, match='40 different whole numbers.*task="classification"'):
        task, _ = read_targets(PRICES, 40, None)
    assert task.name == "regression"
    assert read_targets(PRICES, 40, "regression")[0].name == "regression"
    with pytest.warns(UserWarning, match="number of unique classes"):  # of scikit-learn
        assert read_targets(PRICES, 40, "classification")[0].name == "classification"


@pytest.mark.parametrize("missing", [np.nan, None])
def test_a_missing_number_is_named_as_a_number(missing):
    for y in ([0.5, missing, 2.25], [*PRICES.tolist(), missing]):
        with pytest.raises(ValueError, match=r"y\[\d+\] is .* not a finite number"):
            read_targets(y, len(y), None)


def test_numbers_in_an_array_of_objects_are_read_as_numbers():
    task, targets = read_targets(np.array([3, 1, 3], dtype=object), 3, None)
    assert (task.name, targets.tolist(), task.classes.dtype.kind) == (
        "classification",
        [1, 0, 1],
        "i",
    )
    assert read_targets(np.array([[0, 1], [1, 1]], dtype=object), 2, None)[0].name == "multilabel"


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (np.ma.array([1.5, 2.5, 9.5], mask=[0, 1, 0]), "regression"),
        (np.ma.array([1, 2, 2], mask=[0, 1, 0]), "classification"),
        (np.ma.array([[0, 1], [1, 1], [0, 0]], mask=[[0, 0], [1, 0], [0, 0]]), "multilabel"),
    ],
)
def test_a_masked_value_is_missing(y, task):
    with pytest.raises(ValueError, match=r"y\[1\] is None"):
        read_targets(y, 3, task)


@pytest.mark.parametrize(
    ("y", "task", "message"),
    [
        ([0, 1, 1], "clustering", "task='clustering' must be one of 'classification', 'multilab"),
        ([0, 1, 1], "multilabel", r"y of shape \(3,\). Expected an indicator matrix"),
        ([[0, 1], [1, 1], [0, 0]], "classification", r"Expected one label per image"),
        (["a", "b", "b"], "regression", "not a number"),
        ([0.5, 0.25, 1.5], "classification", "Unknown label type: continuous.*FineTuneRegressor"),
        ([["red"], ["round"], ["red", "round"]], None, "list of tags"),
    ],
)
def test_a_task_that_does_not_fit_is_refused(y, task, message):
    with pytest.raises(ValueError, match=message):
        read_targets(y, 3, task)
