"""The display of a training shows its history, and says if there is none."""

import numpy as np
import pytest
from helpers.inspection import fine_tuner, legend_texts
from helpers.pictures import study
from sklearn.exceptions import NotFittedError
from torch import nn

from sklearn_tl import TrainingHistoryDisplay

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
    assert n_head == 50  # 500 steps
    epochs, drawn = losses.get_lines()[0].get_data()
    assert epochs.tolist() == list(range(1 - n_head, 3))
    assert drawn[0] == classifier.head_history_[0, "train_loss"]
    assert "head alone" in legend_texts(losses)


def test_a_linear_head_has_no_history():
    X, y = study(2, 10)
    with pytest.raises(ValueError, match="no epochs to draw"):
        TrainingHistoryDisplay.from_estimator(fine_tuner(unfreeze=None).fit(X, y))


def test_a_classifier_that_is_not_fitted_has_no_history():
    with pytest.raises(NotFittedError):
        TrainingHistoryDisplay.from_estimator(fine_tuner())
