"""The default strategies: names, parameters, the choice of C, the number of parameters."""

import numpy as np
import pytest
from helpers.networks import NormNet
from helpers.pictures import study
from numpy.testing import assert_array_equal
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_tl.comparison import QUICK_STRATEGIES, default_strategies
from sklearn_tl.comparison.strategies import InnerFolds, n_trainable_parameters
from sklearn_tl.embedding import image_reader


def test_the_quick_strategies_are_those_that_train_no_layers():
    strategies = default_strategies()
    assert list(strategies)[:4] == list(QUICK_STRATEGIES)
    for name, strategy in strategies.items():
        assert (getattr(strategy, "unfreeze", None) is None) == (name in QUICK_STRATEGIES)


def test_parameters_reach_every_strategy():
    reading = {"image_shape": (24, 30), "value_range": (0, 9), "cache": "rows.sqlite"}
    network = {"backbone": NormNet, "weights": None, "image_size": 48}
    for name, strategy in default_strategies(**network, **reading, random_state=3).items():
        parameters = image_reader(strategy).get_params()
        expected = reading if name == "raw pixels" else network | reading
        assert {key: parameters[key] for key in expected} == expected
        assert parameters.get("random_state", 3) == 3


def test_regularisation_is_chosen_among_five_powers_of_ten():
    strategies = default_strategies()
    search = strategies["embeddings"][-1]
    assert_array_equal(search.param_grid["C"], [1, 10, 1e-1, 1e-2, 1e-3])  # 1 wins a tie
    search = strategies["raw pixels"][-1]
    assert_array_equal(search.param_grid["C"], [1e-6, 1e-5, 1e-4, 1e-3, 1e-2])


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
@pytest.mark.parametrize("name", ["raw pixels", "embeddings"])
def test_linear_models_compute_in_double_precision(name, task):
    X, _ = study(2, 8)
    strategy = default_strategies(NormNet, weights=None, image_size=16, task=task)[name]
    assert strategy[:-1].fit_transform(X).dtype == np.float64


def test_raw_pixels_are_a_plain_regression_on_all_of_them():
    X = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3)).astype(np.uint8)
    y = np.arange(40) % 4
    X[y == 1, :8] //= 2
    exact = {"tol": 1e-8, "max_iter": 5000}
    strategy = default_strategies()["raw pixels"]
    strategy[-1].estimator.set_params(**exact)
    strategy.fit(X[:28], y[:28])
    regression = LogisticRegression(**strategy[-1].best_params_, **exact)
    plain = make_pipeline(StandardScaler(), regression).fit(X[:28].reshape(28, -1), y[:28])
    np.testing.assert_allclose(
        strategy.predict_proba(X[28:]), plain.predict_proba(X[28:].reshape(12, -1)), atol=1e-3
    )


def test_the_inner_folds_are_as_many_as_the_smallest_class_allows():
    for counts, n_folds in [((5, 9), 3), ((2, 9), 2), ((1, 9), 1)]:
        y = np.repeat([0, 1], counts)
        folds = list(InnerFolds().split(y, y))
        assert len(folds) == InnerFolds().get_n_splits(y, y) == n_folds
        for train, test in folds:
            assert set(y[train]) == set(y[test]) == {0, 1}
            assert (set(train) & set(test) == set()) == (n_folds > 1)


def test_parameters_that_are_not_known_are_nan():
    X, y = study(2, 4)
    assert np.isnan(n_trainable_parameters(DummyClassifier().fit(X, y)))
