"""A warm start continues an earlier training."""

import pickle

import numpy as np
import pytest
import torch
from helpers.estimators import CtrlC, make, make_regressor
from helpers.networks import TinyNet
from helpers.pictures import study
from torch import nn

NO_STEP = 1e-12  # a learning rate at which nothing moves


@pytest.mark.parametrize("make_one", [make, make_regressor])
@pytest.mark.parametrize("augment", [None, "standard"])
def test_a_new_fit_continues_from_the_fitted_weights(make_one, augment):
    X, y = study(3, 30)
    model = make_one(1, max_epochs=3, augment=augment).fit(X, y)
    expected = model.predict(X)
    model = pickle.loads(pickle.dumps(model))
    model.set_params(warm_start=True, lr=NO_STEP, max_epochs=2).fit(X[:20], y[:20])
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-4)
    assert model.history_[:, "epoch"] == [1, 2, 3, 4, 5]
    assert model.net_.history is model.history_
    model.set_params(warm_start=False).fit(X, y)
    assert len(model.history_) == 2


@pytest.mark.parametrize("start", [None, 1])
def test_more_layers_are_unfrozen_step_by_step(start):
    X, y = study(3, 30)
    model = make(start).fit(X, y)
    expected, trained = model.decision_function(X), set(model._tensors)
    for unfreeze in (2, "all"):
        model.set_params(warm_start=True, unfreeze=unfreeze, lr=NO_STEP).fit(X, y)
        np.testing.assert_allclose(model.decision_function(X), expected, rtol=1e-4, atol=1e-5)
    model.set_params(lr=1e-3).fit(X, y)
    assert trained < set(model._tensors)
    assert model.score(X, y) > 0.9


def test_the_head_of_a_function_is_not_trained_anew():
    X, y = study(3, 30)
    model = make(None, head=lambda f, c: nn.Sequential(nn.Linear(f, 8), nn.Linear(8, c)))
    state = torch.get_rng_state()
    expected = model.fit(X, y).decision_function(X)
    model.set_params(warm_start=True, unfreeze=1, lr=NO_STEP).fit(X, y)
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_allclose(model.decision_function(X), expected, rtol=1e-4, atol=1e-5)
    assert not hasattr(model, "head_history_")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unfreeze": 1}, "unfreeze=1 would lose what an earlier fit trained.*stage1"),
        ({"unfreeze": None}, "unfreeze=None would lose"),
        ({"backbone": TinyNet}, "stand for another network"),
        ({"head": lambda f, c: nn.Sequential(nn.Linear(f, c))}, "not the one that was fitted"),
    ],
)
def test_what_cannot_be_continued_is_an_error(change, message):
    X, y = study(3, 30)
    model = make(2, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=message):
        model.set_params(**change).fit(X, y)


@pytest.mark.parametrize(
    ("n_labels", "parameters", "message"),
    [
        (29, {}, "29 labels"),
        (30, {"lr": 1e30}, "diverged"),
        (30, {"callbacks": [CtrlC(1)]}, "interrupted"),
    ],
)
def test_a_fit_that_fails_leaves_the_model_as_it_was(n_labels, parameters, message):
    X, y = study(3, 30)
    model = make(1, max_epochs=2).fit(X, y)
    expected = model.decision_function(X)
    model.set_params(warm_start=True, **parameters)
    with pytest.raises((ValueError, KeyboardInterrupt), match=message):
        model.fit(X, y[:n_labels])
    np.testing.assert_array_equal(model.decision_function(X), expected)
    model.set_params(lr=NO_STEP, callbacks=None).fit(X, y)
    assert len(model.history_) == 4


def test_other_classes_or_targets_are_an_error():
    X, y = study(3, 30)
    with pytest.raises(ValueError, match=r"earlier fit, \[0, 1, 2\], but y has \[0, 1\]"):
        make(warm_start=True).fit(X, y).fit(X[y < 2], y[y < 2])
    with pytest.raises(ValueError, match="earlier fit, 1 columns, but y has 2 columns"):
        make_regressor(warm_start=True).fit(X, y).fit(X, np.column_stack([y, y]))
    labels = np.column_stack([y == 0, y == 1]).astype(int)
    with pytest.raises(ValueError, match="earlier fit, 2 columns, but y has"):
        make(warm_start=True).fit(X, labels).fit(X, y)


def test_a_linear_head_alone_is_fitted_anew():
    X, y = study(3, 30)
    model = make(None, warm_start=True).fit(X[:10], y[:10]).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), make(None).fit(X, y).predict_proba(X))
