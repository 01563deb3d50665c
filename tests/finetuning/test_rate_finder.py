"""`lr="auto"`: a range test on a copy of what is trained chooses the learning rate."""

import pickle

import numpy as np
import pytest
import torch
from helpers.estimators import make, make_regressor
from helpers.pictures import study
from torch import nn

from sklearn_tl import _finetuner
from sklearn_tl.finetuning import rate_finder


def batch_norm_head(n_features, n_outputs):
    return nn.Sequential(nn.BatchNorm1d(n_features), nn.Linear(n_features, n_outputs))


@pytest.mark.parametrize("parameters", [{}, {"unfreeze": "all", "augment": "standard"}])
def test_the_model_is_that_of_the_rate_that_was_found(parameters):
    X, y = study(3, 40)
    chosen = make(lr="auto", **parameters).fit(X, y)
    again = make(lr="auto", **parameters).fit(X, y)
    given = make(lr=chosen.lr_, **parameters).fit(X, y)
    assert isinstance(chosen.lr_, float)
    assert 1e-6 <= chosen.lr_ < 1
    assert chosen.lr == "auto"
    assert again.lr_ == given.lr_ == chosen.lr_
    for model in (again, given):
        np.testing.assert_array_equal(model.decision_function(X), chosen.decision_function(X))
    assert pickle.loads(pickle.dumps(chosen)).lr_ == chosen.lr_


def test_the_attribute_is_the_rate_of_the_training():
    X, y = study(3, 20)
    model = make(1, lr=np.float32(2**-10)).fit(X, y)
    assert (model.lr_, type(model.lr_)) == (2**-10, float)
    assert model.net_.optimizer_.param_groups[0]["initial_lr"] == 2**-10
    assert not hasattr(model.set_params(unfreeze=None, lr="auto").fit(X, y), "lr_")


def test_the_rate_is_a_tenth_of_the_first_that_is_wrong(monkeypatch):
    tests = []

    def noted(tail, *args):
        before = {name: t.clone() for name, t in tail.state_dict().items()}
        tests.append(plain(tail, *args))
        for name, t in tail.state_dict().items():
            torch.testing.assert_close(t, before[name], rtol=0, atol=0)
        return tests[-1]

    plain = rate_finder.range_test
    monkeypatch.setattr(rate_finder, "range_test", noted)
    X, y = study(3, 60)
    rate = make("all", lr="auto").fit(X, y).lr_
    (rates, losses, limit), *others = tests
    assert not others
    assert rates[0] == pytest.approx(1e-5)
    np.testing.assert_allclose(np.diff(np.log10(rates)), 0.1)
    assert max(losses[:-1]) <= limit
    assert not losses[-1] <= limit
    assert rate == pytest.approx(rates[-1] / 10, rel=0.05)


@pytest.mark.parametrize(
    "parameters",
    [
        {"head": batch_norm_head, "batch_size": 8},  # the last image would be a batch on its own
        {"class_weight": "balanced", "early_stopping": True, "validation_fraction": 0.3},
        {"net_params": {"callbacks__print_log": None, "iterator_train__drop_last": False}},
        {"warm_start": True},
    ],
)
def test_it_goes_with_other_parameters(parameters):
    X, y = study(3, 33)
    y[:6] = 0
    model = make("all", lr="auto", **parameters).fit(X, y)
    assert model.fit(X, y).lr_ == model.net_.optimizer_.param_groups[0]["initial_lr"]


def test_weights_say_how_often_the_test_draws_an_image(monkeypatch):
    X, y = study(3, 30)
    seen = []
    monkeypatch.setattr(rate_finder, "DrawByWeight", lambda w: seen.append(w) or np.arange(len(w)))
    make(lr="auto").fit(X, y)
    assert not seen
    weights = np.where(y == 0, 4.0, 1.0)
    make(lr="auto").fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(seen, [weights])


def test_regressors_and_several_labels_have_it_too():
    X, y = study(3, 60)
    labels = np.column_stack([y == 0, y == 1]).astype(int)
    for model, targets in ((make_regressor("all"), y), (make("all"), labels)):
        model.set_params(lr="auto").fit(X, targets)
        assert 1e-6 <= model.lr_ < 1
        assert model.score(X, targets) > 0.9


def test_it_says_so_if_no_rate_is_wrong(monkeypatch):
    monkeypatch.setattr(rate_finder, "HIGHEST", 1e-4)
    X, y = study(3, 30)
    with pytest.warns(UserWarning, match=r"no learning rate up to 0\.0001 .* is 0\.0003") as got:
        model = make("all", lr="auto").fit(X, y)
    assert got[0].filename == __file__
    assert model.lr_ == 3e-4


def test_a_step_that_does_not_fit_names_what_to_change(monkeypatch):
    def full(*args):
        raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")

    X, y = study(3, 30)
    monkeypatch.setattr(rate_finder, "range_test", full)
    with pytest.raises(MemoryError, match=r"lr=\"auto\" does not fit .*2 GiB.* batch_size"):
        make("all", lr="auto").fit(X, y)


def test_other_words_are_refused():
    X, y = study(3, 20)
    with pytest.raises(ValueError, match=r"'lr' parameter .*'auto'.* Got 'best'"):
        make(lr="best").fit(X, y)


def test_a_head_alone_has_a_rate_of_its_own(monkeypatch):
    X, y = study(3, 20)
    monkeypatch.setattr(_finetuner, "find_learning_rate", None)
    assert not hasattr(make(None, head=batch_norm_head, lr="auto").fit(X, y), "lr_")
