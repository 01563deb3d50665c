"""The display of a training shows its history, and says if there is none."""

import numpy as np
import pytest
from helpers.inspection import fine_tuner, legend_texts
from helpers.networks import NormNet
from helpers.pictures import study
from sklearn.exceptions import NotFittedError
from torch import nn

from sklearn_tl import FineTuneRegressor, TrainingHistoryDisplay

pytestmark = pytest.mark.usefixtures("no_screen")


def test_the_curves_are_those_of_the_history():
    X, y = study(2, 40)
    classifier = fine_tuner(unfreeze=1, max_epochs=3, early_stopping=True).fit(X, y)
    display = TrainingHistoryDisplay.from_estimator(classifier)
    losses, rates = display.ax_
    drawn = {line.get_label(): line.get_ydata() for line in losses.get_lines()}
    history = classifier.history_
    np.testing.assert_array_equal(drawn["loss, training"], history[:, "train_loss"])
    np.testing.assert_array_equal(drawn["loss, validation"], history[:, "valid_loss"])
    assert display.best_epoch == np.argmin(history[:, "valid_loss"]) + 1
    assert "epoch kept" in legend_texts(losses)
    assert "accuracy, validation" in legend_texts(losses)
    np.testing.assert_array_equal(rates.get_lines()[0].get_ydata(), history[:, "lr"])
    np.testing.assert_array_equal(rates.get_lines()[1].get_ydata(), history[:, "lr_lowest"])
    assert legend_texts(rates) == ["head", "first trained layer"]


def test_without_early_stopping_no_epoch_is_marked():
    X, y = study(2, 20)
    display = TrainingHistoryDisplay.from_estimator(fine_tuner(unfreeze=1, max_epochs=2).fit(X, y))
    assert "epoch kept" not in legend_texts(display.ax_[0])


def test_the_epochs_of_a_head_that_was_trained_first_come_before():
    X, y = study(2, 40)
    classifier = fine_tuner(
        unfreeze=1, max_epochs=2, batch_size=4, head=lambda n, k: nn.Sequential(nn.Linear(n, k))
    ).fit(X, y)
    display = TrainingHistoryDisplay.from_estimator(classifier)
    losses = display.ax_[0]
    n_head = len(classifier.head_history_)
    assert 10 < n_head <= 50  # at most 500 steps: it stops when it has converged
    epochs, drawn = losses.get_lines()[0].get_data()
    assert epochs.tolist() == list(range(1 - n_head, 3))
    assert drawn[0] == classifier.head_history_[0, "train_loss"]
    assert "head alone" in legend_texts(losses)


def test_the_curves_of_a_regression_are_r2():
    X, _ = study(2, 20)
    y = X.mean(axis=(1, 2, 3))
    regressor = FineTuneRegressor(
        NormNet, image_size=16, unfreeze=1, max_epochs=2, early_stopping=True, random_state=0
    ).fit(X, y)
    display = TrainingHistoryDisplay.from_estimator(regressor)
    losses, _ = display.ax_
    (scores,) = (axes for axes in display.figure_.axes if axes not in display.ax_)
    drawn = {line.get_label(): line.get_ydata() for line in scores.get_lines()}
    np.testing.assert_array_equal(drawn["R², training"], regressor.history_[:, "train_r2"])
    np.testing.assert_array_equal(drawn["R², validation"], regressor.history_[:, "valid_r2"])
    assert scores.get_ylabel().startswith("R²")
    assert "R², validation" in legend_texts(losses)


def test_a_very_low_r2_does_not_squash_the_others():
    rates = {"train_loss": 1.0, "lr": 0.1, "lr_lowest": 0.1}
    for first, bottom, label in ((-80, -0.5, "R², cut at −0.5"), (-0.3, -0.4, "R²")):
        history = [{"train_r2": r2, **rates} for r2 in (first, 0.4, 0.6)]
        display = TrainingHistoryDisplay(history=history).plot()
        (scores,) = (axes for axes in display.figure_.axes if axes not in display.ax_)
        assert scores.get_ylabel() == label
        assert scores.get_ylim()[0] == pytest.approx(bottom, abs=0.07)


def test_a_linear_head_has_no_history():
    X, y = study(2, 10)
    with pytest.raises(ValueError, match="no epochs to draw"):
        TrainingHistoryDisplay.from_estimator(fine_tuner(unfreeze=None).fit(X, y))


def test_a_classifier_that_is_not_fitted_has_no_history():
    with pytest.raises(NotFittedError):
        TrainingHistoryDisplay.from_estimator(fine_tuner())
