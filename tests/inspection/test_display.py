"""What all displays share: new and given Axes, and what to install."""

import importlib.util

import pytest
from helpers.inspection import linear
from numpydoc.validate import validate

from sklearn_tl import EmbeddingDisplay, PredictionGridDisplay, TrainingHistoryDisplay

pytestmark = pytest.mark.usefixtures("no_screen")
EPOCH = {"train_loss": 1.0, "train_acc": 0.5, "lr": 1e-3, "lr_lowest": 1e-4}


def subplots(*shape):
    import matplotlib.pyplot as plt

    return plt.subplots(*shape)


def test_given_axes_are_drawn_on():
    pipeline, X, y = linear()
    figure, axes = subplots(1, 2)
    display = EmbeddingDisplay.from_estimator(pipeline, X, y, ax=axes[1])
    assert display.ax_ is axes[1]
    assert display.figure_ is figure
    display = PredictionGridDisplay.from_estimator(
        pipeline, X, y, show="first", n_images=2, ax=axes
    )
    assert display.figure_ is figure
    assert [len(one.get_images()) for one in axes] == [1, 1]


def test_a_list_of_axes_is_enough():
    figure, axes = subplots(2, 1)
    display = TrainingHistoryDisplay(history=[EPOCH] * 2).plot(ax=list(axes))
    assert display.figure_ is figure
    assert display.ax_.tolist() == axes.tolist()


def test_a_display_can_be_drawn_again():
    display = TrainingHistoryDisplay(history=[EPOCH] * 2).plot()
    first = display.figure_
    assert display.plot() is display
    assert display.figure_ is not first


def test_too_few_axes_are_an_error():
    pipeline, X, y = linear()
    _, axes = subplots(1, 1)
    with pytest.raises(ValueError, match="Expected at least 12 Axes in ax, got 1 instead"):
        PredictionGridDisplay.from_estimator(pipeline, X, y, show="first", ax=axes)


def test_a_figure_in_place_of_axes_is_an_error():
    figure, _ = subplots(1, 2)
    with pytest.raises(TypeError, match="Expected matplotlib Axes in ax, got Figure instead"):
        TrainingHistoryDisplay(history=[EPOCH]).plot(ax=figure)


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    pipeline, X, y = linear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        EmbeddingDisplay.from_estimator(pipeline[0], X, y)


def test_the_docstring_that_all_displays_share_follows_numpydoc():
    errors = {error for error, _ in validate("sklearn_tl.EmbeddingDisplay.plot")["errors"]}
    # No summary of several lines, links or examples; and a name for what is returned.
    assert errors <= {"ES01", "SA01", "EX01", "RT02"}
