"""Training with skorch: history, parameters, interruptions, reproducibility."""

import inspect
import random
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from helpers.estimators import DEPTHS, CtrlC, make
from helpers.pictures import study
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from skorch.callbacks import EarlyStopping, EpochScoring, LRScheduler
from torch import nn

from sklearn_tl.finetuning import reproducible


def test_the_history_has_one_entry_per_epoch():
    X, y = study(3, 40)
    classifier = make(early_stopping=True, validation_fraction=0.2).fit(X, y)
    assert classifier.history_ is classifier.net_.history
    wanted = {"train_loss", "valid_loss", "train_acc", "valid_acc", "lr", "lr_lowest", "dur"}
    for row in classifier.history_:
        assert wanted <= set(row)
    assert not make(None).fit(X, y).history_


def test_callbacks_and_net_params_reach_skorch():
    X, y = study(3, 40)
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=10)
    callbacks = [
        ("f1", EpochScoring("f1_macro", name="f1", on_train=True, lower_is_better=False)),
        LRScheduler("StepLR", step_size=1, gamma=0.1),
        stop,
    ]
    classifier = make(
        callbacks=callbacks,
        max_epochs=20,
        net_params={
            "optimizer": torch.optim.SGD,
            "optimizer__momentum": 0.5,
            "criterion": nn.MultiMarginLoss,
            "callbacks__f1__name": "macro",
            "iterator_train__shuffle": False,
        },
    ).fit(X, y)
    history = classifier.history_
    assert len(history) == 3  # the first epoch is always better than nothing
    assert all("macro" in row for row in history)
    assert history[:, "lr"] == pytest.approx([1e-3, 1e-4, 1e-5])
    assert isinstance(classifier.net_.optimizer_, torch.optim.SGD)
    assert classifier.net_.optimizer_.param_groups[0]["momentum"] == 0.5
    assert isinstance(classifier.net_.criterion_, nn.MultiMarginLoss)
    assert stop.misses_ == 0  # the user's own is as it was


def test_parameters_of_the_estimator_are_refused_in_net_params():
    X, y = study(2, 12)
    with pytest.raises(ValueError, match=r"net_params=\{'lr'.*set lr of the estimator"):
        make(net_params={"lr": 1}).fit(X, y)
    with pytest.raises(ValueError, match="backbone and the head"):
        make(net_params={"module": nn.Linear}).fit(X, y)


def test_a_compiled_module_is_refused():
    X, y = study(3, 30)
    with pytest.raises(ValueError, match="compiling renames the parameters"):
        make(net_params={"compile": True}).fit(X, y)


def test_verbose_shows_a_bar_or_a_line_per_epoch(capsys):
    X, y = study(2, 12)
    make(early_stopping=True, validation_fraction=0.3).fit(X, y)
    assert capsys.readouterr() == ("", "")
    make(verbose=1, max_epochs=3).fit(X, y)
    out, err = capsys.readouterr()
    assert out == ""
    assert "3/3" in err
    assert "train_loss=" in err
    make(verbose=2).fit(X, y)
    out, err = capsys.readouterr()
    assert "train_loss" in out
    assert "fine-tuning" not in err


@pytest.mark.filterwarnings("ignore:The training went wrong")  # with large steps, on random weights
def test_nothing_leaks_from_fit_to_fit():
    X, y = study(3, 40)
    for unfreeze in DEPTHS:
        classifier = make(unfreeze, augment="standard")
        expected = classifier.fit(X, y).predict_proba(X)
        classifier.fit(X[:12], y[:12][::-1])
        make("all", lr=0.1).fit(X[::-1], y)
        for again in (classifier, clone(classifier)):
            np.testing.assert_array_equal(again.fit(X, y).predict_proba(X), expected)


def test_the_process_is_left_as_it_was():
    X, y = study(3, 30)
    n_threads = torch.get_num_threads()
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    expected = torch.rand(3), np.random.rand(3), random.random()  # noqa: NPY002
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    make(augment="standard").fit(X, y)
    with pytest.raises(ValueError, match="diverged"):
        make(lr=1e30).fit(X, y)
    got = torch.rand(3), np.random.rand(3), random.random()  # noqa: NPY002
    for a, b in zip(expected, got, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    assert torch.get_num_threads() == n_threads


@pytest.mark.parametrize("unfreeze", [1, "all"])
def test_divergence_is_an_error(unfreeze):
    X, y = study(3, 30)
    classifier = make(unfreeze).fit(X, y).set_params(lr=1e30)
    with pytest.raises(ValueError, match=r"diverged.*non-finite.*epoch \d.*smaller lr than 1e\+30"):
        classifier.fit(X, y)
    with pytest.raises(NotFittedError):
        classifier.predict(X)


def test_divergence_in_the_only_step_is_an_error():
    X, y = study(3, 30)
    for unfreeze in (1, "all"):
        with pytest.raises(ValueError, match="diverged.*non-finite.*smaller lr"):
            make(unfreeze, lr=1e30, max_epochs=1, batch_size=64).fit(X, y)


def test_ctrl_c_keeps_the_best_epoch_or_nothing():
    X, y = study(3, 30)
    classifier = make().fit(X, y).set_params(callbacks=[CtrlC(3)])
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(X, y)
    with pytest.raises(NotFittedError):
        classifier.predict(X)
    for head in ("linear", lambda n_features, n_classes: nn.Linear(n_features, n_classes)):
        classifier.set_params(head=head, early_stopping=True, validation_fraction=0.2)
        with pytest.warns(UserWarning, match="interrupted after 2 epochs.*best"):
            classifier.fit(X, y)
        assert len(classifier.history_) == 2
        assert classifier.score(X, y) > 0.9
    with pytest.raises(KeyboardInterrupt):  # there is no best epoch yet
        classifier.set_params(callbacks=[CtrlC(1)]).fit(X, y)


def test_other_generators_than_that_of_the_device_are_not_seeded(monkeypatch):
    def refuse(*args):
        raise AssertionError("torch.manual_seed seeds all devices")

    seeded = []

    class Device:
        def __init__(self, device):
            self.device = device

        def __enter__(self):
            seeded.append(str(self.device))

        def __exit__(self, *error):
            seeded.append("done")

    @contextmanager
    def fork_rng(devices):
        seeded.append([str(device) for device in devices])
        yield

    monkeypatch.setattr(torch, "manual_seed", refuse)
    monkeypatch.setattr(torch.random, "fork_rng", fork_rng)
    monkeypatch.setattr(torch.cuda, "device", Device)
    monkeypatch.setattr(torch.cuda, "manual_seed", seeded.append)
    with reproducible(7, "cuda:1"):
        pass
    assert seeded == [["cuda:1"], "cuda:1", 7, "done"]


def test_skorch_keeps_the_best_weights_where_they_are_dropped():
    """The name is not documented. If skorch moves it, memory is no longer freed."""
    X, y = study(3, 30)
    classifier = make(early_stopping=True, validation_fraction=0.2).fit(X, y)
    (callback,) = (c for _, c in classifier.net_.callbacks_ if isinstance(c, EarlyStopping))
    assert callback.best_model_weights_ is None
    assert "best_model_weights_" in inspect.getsource(EarlyStopping)
