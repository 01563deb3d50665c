"""Early stopping holds images out and keeps the best epoch."""

import numpy as np
import pytest
import torch
from helpers.estimators import make
from helpers.networks import NormNet
from helpers.pictures import study
from sklearn.metrics import log_loss
from skorch.callbacks import EarlyStopping

from sklearn_tl import ConvFeatureExtractor, classifier as classifier_module
from sklearn_tl.targets import Multiclass


@pytest.fixture
def held_out(monkeypatch):
    """Return a list to which the indices of the images held out by each fit are appended."""
    parts = []
    hold_out = Multiclass.hold_out

    def spy(*args):
        result = hold_out(*args)
        parts.append(result[1])
        return result

    monkeypatch.setattr(Multiclass, "hold_out", spy)
    return parts


OVERFITTING = {
    "head_C": 0.1,
    "lr": 0.02,
    "max_epochs": 40,
    "early_stopping": True,
    "validation_fraction": 0.3,
    "n_iter_no_change": 4,
}


def noisy_study():
    X, y = study(3, 60)
    return X, np.where(np.arange(60) % 7 == 0, (y + 1) % 3, y)


@pytest.mark.parametrize("unfreeze", [1, "all"])
def test_early_stopping_keeps_the_best_epoch(unfreeze, held_out, monkeypatch):
    def no_files(*args, **kwargs):
        raise AssertionError("weights went through a file")

    monkeypatch.setattr(torch, "save", no_files)
    X, y = noisy_study()
    classifier = make(unfreeze, weight_averaging=1.0, **OVERFITTING).fit(X, y)
    losses = classifier.history_[:, "valid_loss"]
    assert len(losses) < OVERFITTING["max_epochs"]
    assert len(losses) - 1 - int(np.argmin(losses)) == OVERFITTING["n_iter_no_change"]
    probabilities = classifier.predict_proba(X[held_out[0]])
    assert log_loss(y[held_out[0]], probabilities) == pytest.approx(min(losses), rel=1e-4)


def test_held_out_images_are_stratified_seeded_and_never_fitted(held_out, monkeypatch):
    X, y = study(3, 60)
    fitted = []
    logistic_head = classifier_module.logistic_head

    def spy(rows, *args):
        fitted.append(rows)
        return logistic_head(rows, *args)

    monkeypatch.setattr(classifier_module, "logistic_head", spy)
    for seed in (0, 0, 1):
        make(early_stopping=True, validation_fraction=0.2, random_state=seed).fit(X, y)
    assert np.bincount(y[held_out[0]]).tolist() == [4, 4, 4]
    np.testing.assert_array_equal(held_out[0], held_out[1])
    assert set(held_out[0]) != set(held_out[2])
    rows = ConvFeatureExtractor(NormNet, image_size=16).fit_transform(X)
    kept = np.setdiff1d(np.arange(60), held_out[0])
    np.testing.assert_allclose(np.sort(fitted[0], axis=0), np.sort(rows[kept], axis=0), atol=1e-5)


def test_held_out_images_only_decide_when_to_stop(held_out):
    X, y = study(3, 60)
    fit = make(early_stopping=True, n_iter_no_change=50).fit
    first = fit(X, y).history_
    X[held_out[0]] = 255 - X[held_out[0]]
    second = fit(X, y).history_
    assert first[:, "train_loss"] == second[:, "train_loss"]
    assert first[:, "valid_loss"] != second[:, "valid_loss"]


def test_early_stopping_needs_two_images_per_class():
    X, y = study(3, 30)
    with pytest.raises(ValueError, match="Class 7 has one image.*early_stopping=False"):
        make(early_stopping=True).fit(X, np.where(np.arange(30) == 4, 7, y))
    with pytest.raises(ValueError, match="0.05 of 30 images is 2.*from 0.1 to 0.9"):
        make(early_stopping=True, validation_fraction=0.05).fit(X, y)
    make(None, early_stopping=True).fit(X, np.where(np.arange(30) == 4, 7, y))  # holds out nothing


def test_a_class_must_not_be_held_out_completely():
    X, _ = study(3, 100)
    y = np.array([0] * 70 + [1] * 28 + [2] * 2)
    with pytest.raises(ValueError, match="every image of class 2 would be held out"):
        make(early_stopping=True, validation_fraction=0.9).fit(X, y)


def test_early_stopping_of_skorch_without_validation_says_what_to_set():
    X, y = study(3, 30)
    with pytest.raises(KeyError) as info:
        make(callbacks=[EarlyStopping()]).fit(X, y)
    assert "early_stopping=True" in info.value.__notes__[0]


def test_false_of_numpy_is_false():
    X, y = study(n=20)
    model = make(1, early_stopping=np.array([False])[0], max_epochs=1).fit(X, y)
    assert "valid_loss" not in model.history_[-1]
