"""Predictions for left-out images are those of regressions that are fitted without them."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from sklearn_tl.linear import RidgePath, distinct


@pytest.mark.parametrize("n_features", [5, 50])
@pytest.mark.parametrize("groups", ["each", "some", "two"])
@pytest.mark.parametrize("alpha", [1e-3, 1.0, 100.0])
def test_left_out_predictions_are_exact(n_features, groups, alpha):
    generator = np.random.default_rng(0)
    rows, targets = generator.normal(size=(40, n_features)), generator.normal(size=(40, 2))
    weight = generator.uniform(0.5, 2, 40)
    members = {"each": 40, "some": 9, "two": 2}[groups]
    group = np.arange(40) % members  # groups of two are larger than the number of features
    found = RidgePath(rows, weight, group).left_out(targets, alpha)
    for g in range(members):
        rest = group != g
        without = Ridge(alpha=alpha).fit(rows[rest], targets[rest], weight[rest])
        np.testing.assert_allclose(found[~rest], without.predict(rows[~rest]), atol=1e-8)


def test_a_fit_is_that_of_scikit_learn_with_a_penalty_per_target():
    generator = np.random.default_rng(0)
    rows, targets = generator.normal(size=(30, 12)), generator.normal(size=(30, 2))
    weight, alpha = generator.uniform(0.5, 2, 30), np.array([0.1, 10.0])
    coef, intercept = RidgePath(rows, weight, np.arange(30)).fit(targets, alpha)
    expected = Ridge(alpha=alpha).fit(rows, targets, weight)
    np.testing.assert_allclose(coef.T, expected.coef_, atol=1e-10)
    np.testing.assert_allclose(intercept, expected.intercept_, atol=1e-10)


def test_equal_rows_are_found():
    rows = np.array([[1.0, 2.0], [0.0, 5.0], [1.0, 2.0]])
    unique, which = distinct(rows)
    np.testing.assert_array_equal(unique[which], rows)
    assert which[0] == which[2] != which[1]
