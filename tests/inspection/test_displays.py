"""The pictures: what is in them, and that axes and errors are those that users expect."""

import importlib.util

import numpy as np
import pytest
from helpers.networks import NormNet
from helpers.pictures import study
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from torch import nn

from sklearn_tl import (
    ConvFeatureExtractor,
    EmbeddingDisplay,
    FineTuneClassifier,
    PredictionGridDisplay,
    StrategyCurvesDisplay,
    StrategyDisplay,
    TrainingHistoryDisplay,
    compare_strategies,
)

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def no_screen():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def texts(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def make(**parameters):
    return FineTuneClassifier(NormNet, image_size=16, random_state=0, **parameters)


def linear(n=30):
    X, y = study(3, n)
    extractor = ConvFeatureExtractor(NormNet, image_size=16)
    return make_pipeline(extractor, LogisticRegression(C=100, max_iter=10_000)).fit(X, y), X, y


def test_training_history():
    X, y = study(2, 40)
    classifier = make(unfreeze=1, max_epochs=3, early_stopping=True).fit(X, y)
    display = TrainingHistoryDisplay.from_estimator(classifier)
    losses, rates = display.ax_
    drawn = {line.get_label(): line.get_ydata() for line in losses.get_lines()}
    history = classifier.history_
    np.testing.assert_array_equal(drawn["loss, training"], history[:, "train_loss"])
    np.testing.assert_array_equal(drawn["loss, validation"], history[:, "valid_loss"])
    assert display.best_epoch == np.argmin(history[:, "valid_loss"]) + 1
    assert "epoch kept" in texts(losses)
    assert "accuracy, validation" in texts(losses)
    np.testing.assert_array_equal(rates.get_lines()[0].get_ydata(), history[:, "lr"])
    without = TrainingHistoryDisplay.from_estimator(make(unfreeze=1, max_epochs=2).fit(X, y))
    assert "epoch kept" not in texts(without.ax_[0])


def test_training_history_of_a_head_that_was_trained_first():
    X, y = study(2, 40)
    classifier = make(
        unfreeze=1, max_epochs=2, batch_size=20, head=lambda n, k: nn.Sequential(nn.Linear(n, k))
    ).fit(X, y)
    display = TrainingHistoryDisplay.from_estimator(classifier)
    losses = display.ax_[0]
    n_head = len(classifier.head_history_)
    assert n_head == 250  # 500 steps
    epochs, drawn = losses.get_lines()[0].get_data()
    assert epochs.tolist() == list(range(1 - n_head, 3))
    assert drawn[0] == classifier.head_history_[0, "train_loss"]
    assert "head alone" in texts(losses)


def test_a_head_alone_has_no_history():
    X, y = study(2, 10)
    with pytest.raises(ValueError, match="no epoch to draw"):
        TrainingHistoryDisplay.from_estimator(make(unfreeze=None).fit(X, y))


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_embeddings_of_twelve_classes(method):
    X, y = study(12, 48)
    names = np.array([f"a class with a rather long name, number {i}" for i in range(12)])
    extractor = ConvFeatureExtractor(NormNet, image_size=16)
    display = EmbeddingDisplay.from_estimator(
        extractor, X, names[y], method=method, thumbnails=True
    )
    assert display.points.shape == (48, 2)
    assert len(texts(display.ax_)) == 12
    assert all(len(text) <= 28 for text in texts(display.ax_))
    looks = {
        (tuple(drawn.get_facecolor()[0]), drawn.get_paths()[0].vertices.tobytes())
        for drawn in display.ax_.collections
    }
    assert len(looks) == 12
    assert 4 < len(display.ax_.artists) < 48  # thumbnails, where there is room
    display.figure_.canvas.draw()


def test_embeddings_are_principal_components():
    _, X, y = linear()
    extractor = ConvFeatureExtractor(NormNet, image_size=16)
    display = EmbeddingDisplay.from_estimator(extractor, X, y)
    rows = extractor.transform(X)
    rows = rows - rows.mean(0)
    _, sizes, _ = np.linalg.svd(rows)
    np.testing.assert_allclose(np.linalg.norm(display.points, axis=0), sizes[:2], rtol=1e-3)


def test_grids():
    pipeline, X, y = linear()
    probabilities = pipeline.predict_proba(X)
    labels = np.where(np.arange(30) % 5, y, (y + 1) % 3)  # a fifth is wrong now
    display = PredictionGridDisplay.from_estimator(pipeline, X, labels, n_images=4)
    wrong = np.flatnonzero(probabilities.argmax(1) != labels)
    assert set(display.positions) <= set(wrong)
    assert (np.diff(display.confidences) <= 0).all()
    assert display.ax_[0, 0].get_title(loc="left") == (
        f"✗ {display.y_pred[0]} ({display.confidences[0]:.2f})\nis {display.y_true[0]}"
    )
    display = PredictionGridDisplay.from_estimator(pipeline, X, y, show="unsure", n_images=4)
    np.testing.assert_array_equal(display.positions, np.argsort(probabilities.max(1))[:4])
    display = PredictionGridDisplay.from_predictions(X, y, probabilities, show="first", n_images=5)
    assert display.positions.tolist() == [0, 1, 2, 3, 4]
    assert display.ax_.shape == (2, 4)
    display = PredictionGridDisplay.from_predictions(X, probabilities.argmax(1), probabilities)
    assert "No image is classified wrongly" in display.ax_.flat[0].get_title()


def test_grid_with_maps():
    pipeline, X, y = linear()
    display = PredictionGridDisplay.from_estimator(
        pipeline, X, y, show="first", n_images=2, maps=True
    )
    assert len(display.ax_.flat[0].get_images()) == 2


def test_images_are_read_as_the_estimator_reads_them():
    X, y = study(3, 30)
    deep = (X.astype(np.uint16) * 16).reshape(30, -1)
    options = {"image_size": 16, "image_shape": (24, 30, 3), "value_range": (0, 4080)}
    pipeline = make_pipeline(ConvFeatureExtractor(NormNet, **options), LogisticRegression())
    pipeline.fit(deep, y)
    show = {"show": "first", "n_images": 3, "maps": True}
    display = PredictionGridDisplay.from_estimator(pipeline, deep, y, **show)
    np.testing.assert_array_equal(display.images, X[:3])
    wanted = PredictionGridDisplay.from_estimator(linear()[0], X, y, **show)
    assert display.maps.shape == wanted.maps.shape


def test_classes_of_which_no_image_is_there():
    X, _ = study(3, 4)
    probabilities = np.eye(3)[[0, 2, 0, 1]]
    with pytest.raises(ValueError, match="pass classes="):
        PredictionGridDisplay.from_predictions(X, ["a", "c", "a", "c"], probabilities)
    display = PredictionGridDisplay.from_predictions(
        X, ["a", "c", "a", "c"], probabilities, classes=["a", "b", "c"]
    )
    assert display.y_pred.tolist() == ["b"]


def test_strategies():
    X, y = study(2, 40)
    ways = {"linear, with a name that takes all the room there is": linear()[0], "b": linear()[0]}
    result = compare_strategies(X, y, strategies=ways, cv=3, train_sizes=[0.5])
    display = StrategyDisplay.from_results(result)
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert len(labels) == 2
    assert labels[0].endswith("…" + " ←")
    np.testing.assert_array_equal(
        display.ax_.get_lines()[0].get_xdata(), result.scores(next(iter(ways)))
    )
    curves = StrategyCurvesDisplay.from_results(result)
    assert curves.ax_.get_lines()[0].get_xdata().tolist() == [13, 27]
    once = compare_strategies(X, y, strategies=ways, cv=3)
    with pytest.raises(ValueError, match="makes no curve"):
        StrategyCurvesDisplay.from_results(once)


def test_given_axes():
    pipeline, X, y = linear()
    figure, axes = plt.subplots(1, 2)
    display = EmbeddingDisplay.from_estimator(pipeline, X, y, ax=axes[1])
    assert display.ax_ is axes[1]
    assert display.figure_ is figure
    PredictionGridDisplay.from_estimator(pipeline, X, y, show="first", n_images=2, ax=axes)
    with pytest.raises(ValueError, match="ax holds 1 axes, but 12"):
        PredictionGridDisplay.from_estimator(pipeline, X, y, show="first", ax=axes[0])


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda p, X, y: EmbeddingDisplay.from_estimator(p[0], X, y, method="umap"), "method="),
        (lambda p, X, y: EmbeddingDisplay.from_estimator(p[0], X[:2], y[:2]), "3 images"),
        (lambda p, X, y: PredictionGridDisplay.from_estimator(p, X, y, show="worst"), "show="),
    ],
)
def test_errors(call, match):
    with pytest.raises(ValueError, match=match):
        call(*linear())


def test_without_matplotlib(monkeypatch):
    pipeline, X, y = linear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install .sklearn-tl\[plots\]"):
        EmbeddingDisplay.from_estimator(pipeline[0], X, y)
