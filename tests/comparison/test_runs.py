"""One fit on one fold."""

import numpy as np
from helpers.pictures import study
from helpers.strategies import Recorder
from sklearn.linear_model import LogisticRegression

from sklearn_tl.comparison.runs import run_fold


def test_a_strategy_without_probabilities_has_none():
    X, y = study(2, 8)
    run = run_fold("a", Recorder(), X, y, np.arange(4), np.arange(4, 8), "accuracy")
    assert run["probabilities"] is None
    assert run["predicted"].tolist() == [0] * 4
    assert run["score"] == 0.5


def test_the_strategy_itself_is_not_fitted():
    X, y = study(2, 8)
    strategy = LogisticRegression()
    rows = X.reshape(8, -1)
    run = run_fold("a", strategy, rows, y, np.arange(4), np.arange(4, 8), "accuracy")
    assert run["n_trainable_parameters"] == 24 * 30 * 3 + 1
    assert not hasattr(strategy, "coef_")
