"""The task that `y` stands for is guessed, and a guess that may be wrong is said aloud."""

import numpy as np
import pandas as pd
import pytest

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
        ([["red"], ["red", "round"]], "classification"),
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
