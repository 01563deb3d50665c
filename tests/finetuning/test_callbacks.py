"""Callbacks of the user: copied for each fit, also if they hold what cannot be copied."""

import threading

import numpy as np
import pytest
import torch
from helpers.estimators import make, make_regressor
from helpers.pictures import study
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EpochScoring,
    LRScheduler,
    TensorBoard,
    TrainEndCheckpoint,
)


class Writer:
    """Stands for the writers of TensorBoard, W&B and MLflow, which hold locks and files."""

    def __init__(self):
        self.lock = threading.Lock()
        self.scalars = []

    def add_scalar(self, tag, scalar_value, global_step):
        with self.lock:
            self.scalars.append((tag, global_step))

    def close(self):
        self.scalars.append("closed")


class CountsEpochs(Callback):
    """Sets attributes that are not parameters, one of which is a lock."""

    def __init__(self, lock=False):
        self.n_epochs = 0
        self.guard = threading.Lock() if lock else None

    def on_epoch_end(self, net, **kwargs):
        self.n_epochs += 1


@pytest.mark.parametrize("make_one", [make, make_regressor])
def test_a_callback_may_hold_a_writer(make_one):
    X, y = study(3, 30)
    writer = Writer()
    model = make_one(callbacks=[("board", TensorBoard(writer))], max_epochs=2)
    clone(model).fit(X, y)
    assert ("Loss/train_loss", 2) in writer.scalars
    assert writer.scalars[-1] == "closed"


@pytest.mark.parametrize("lock", [False, True])
def test_a_callback_carries_nothing_from_fit_to_fit(lock):
    X, y = study(3, 30)
    callback = CountsEpochs(lock)
    model = make(callbacks=[callback], max_epochs=2).fit(X, y)
    for fitted in (model, model.fit(X, y), clone(model).fit(X, y)):
        (copied,) = (c for _, c in fitted.net_.callbacks_ if isinstance(c, CountsEpochs))
        assert copied.n_epochs == 2
    assert callback.n_epochs == 0
    search = GridSearchCV(make(callbacks=[callback]), {"max_epochs": [1, 2]}, cv=2)
    assert search.fit(X, y).best_score_ > 0.3


def test_a_clone_keeps_everything_else():
    model = make(callbacks=[LRScheduler], unfreeze=None)
    with config_context(enable_metadata_routing=True):
        model = model.set_fit_request(groups=True).set_output(transform="pandas")
    cloned = clone(model)
    assert cloned.get_params() == model.get_params()
    X, y = study(3, 12)
    assert hasattr(cloned.fit(X, y).transform(X), "columns")
    with config_context(enable_metadata_routing=True):
        assert str(cloned.get_metadata_routing()) == str(model.get_metadata_routing())
    assert model.callbacks == [LRScheduler]
    assert clone(make()).callbacks is None


@pytest.mark.filterwarnings("ignore:The training went wrong")  # with large steps, on random weights
def test_a_class_is_a_callback_too():
    X, y = study(3, 30)
    model = make(callbacks=[LRScheduler, ("counts", CountsEpochs)], max_epochs=2).fit(X, y)
    names = [name for name, _ in model.net_.callbacks_]
    assert names.count("LRScheduler") == 1  # the recipe's own is replaced
    assert dict(model.net_.callbacks_)["counts"].n_epochs == 2


def test_checkpoints_of_skorch_write_the_weights(tmp_path):
    X, y = study(3, 30)
    best = Checkpoint(monitor="f1_best", dirname=tmp_path / "best", f_optimizer=None)
    end = TrainEndCheckpoint(dirname=tmp_path / "end")
    f1 = EpochScoring("f1_macro", name="f1", on_train=True, lower_is_better=False)
    model = make(callbacks=[f1, best, end], weight_averaging=1.0).fit(X, y)
    for path in (tmp_path / "best" / "params.pt", tmp_path / "end" / "train_end_params.pt"):
        state = torch.load(path)
        assert state.keys() == model.net_.module_.state_dict().keys()
    fresh = make(max_epochs=1).fit(X, y)
    fresh.net_.load_params(f_params=tmp_path / "end" / "train_end_params.pt")
    np.testing.assert_array_equal(fresh.predict_proba(X), model.predict_proba(X))
