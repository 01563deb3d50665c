"""Epochs are reported to the callbacks of scikit-learn 1.9 and newer."""

import pickle

import numpy as np
import pytest
from helpers.callbacks import Recorder
from helpers.estimators import make, make_regressor
from helpers.pictures import study
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from torch import nn

callback = pytest.importorskip("sklearn.callback")


@pytest.mark.parametrize("make_one", [make, make_regressor])
@pytest.mark.parametrize("unfreeze", [1, "all"])
def test_epochs_are_tasks_of_the_fit(make_one, unfreeze):
    X, y = study(3, 30)
    recorder = Recorder()
    options = {"max_epochs": 2, "weight_averaging": 1.0}
    model = clone(make_one(unfreeze, **options).set_callbacks(recorder)).fit(X, y)
    names = [event if isinstance(event, str) else event[:2] for event in recorder.events]
    epoch = [("begin", "epoch"), ("end", "epoch")]
    assert names == ["setup", ("begin", "fit"), *epoch, *epoch, ("end", "fit"), "teardown"]
    assert recorder.events[1] == ("begin", "fit", 0, 2)
    # Without averaging, the model after the last epoch is the one that is fitted.
    assert recorder.events[-3][2] == pytest.approx(model.score(X, y), abs=1e-5)
    assert recorder.events[-3][2] == pytest.approx(recorder.events[-2][2], abs=1e-5)
    plain = make_one(unfreeze, **options).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), plain.predict(X))
    pickle.dumps(model.net_)


def test_a_callback_may_end_the_training():
    X, y = study(3, 30)
    model = make(max_epochs=5).set_callbacks(Recorder(last=1)).fit(X, y)
    assert len(model.history_) == 2


def test_heads_alone_report_as_many_tasks_as_they_have_epochs():
    X, y = study(3, 30)
    recorder = Recorder(last=1)
    make(None).set_callbacks(recorder).fit(X, y)
    assert recorder.events[1] == ("begin", "fit", 0, 0)
    assert recorder.events[2][:2] == ("end", "fit")
    recorder.events.clear()
    make(None, head=nn.Linear).set_callbacks(recorder).fit(X, y)
    assert recorder.events[1] == ("begin", "fit", 0, None)
    assert len(recorder.events) == 8  # two epochs


def test_an_error_ends_the_fit_of_the_callbacks_too():
    X, y = study(3, 30)
    recorder = Recorder()
    model = make(lr=1e30).set_callbacks(recorder)
    with pytest.raises(ValueError, match="diverged"):
        model.fit(X, y)
    assert recorder.events[-1] == "teardown"


def test_a_search_and_a_pipeline_report_through_to_the_epochs():
    X, y = study(3, 30)
    recorder = Recorder()
    search = GridSearchCV(make_pipeline(make(max_epochs=1)), {"finetuneclassifier__lr": [1e-3]})
    search.set_params(cv=2).set_callbacks(recorder).fit(X, y)
    assert [event[:2] for event in recorder.events].count(("end", "epoch")) == 3
    monitor = callback.ScoringMonitor(scoring="accuracy")
    make(max_epochs=3).set_callbacks(monitor).fit(X, y)
    rows = monitor.get_logs().data
    assert [row["task_name"] for row in rows].count("epoch") == 3
    assert rows[-1]["accuracy"] > 0.9
