"""The grid of a regression shows the largest errors, with the predicted and the true number."""

import numpy as np
import pandas as pd
import pytest
from helpers.networks import NormNet
from helpers.pictures import study
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from sklearn_tl import (
    ConvFeatureExtractor,
    FineTuneRegressor,
    PredictionGridDisplay,
    class_activation_maps as maps,
)

pytestmark = pytest.mark.usefixtures("no_screen")

Y = np.array([10.0, 20.0, 30.0, 40.0])
PREDICTED = np.array([12.0, 13.0, 30.0, 51.0])


def drawn(y=Y, predicted=PREDICTED, **parameters):
    X, _ = study(2, 4)
    return PredictionGridDisplay.from_predictions(X, y, predicted, **parameters)


def titles(display):
    """Return the titles without their last line, which names the image."""
    drawn = [axes.get_title(loc="left") for axes in display.ax_.flat[: len(display.images)]]
    return [title.rpartition("\n")[0] for title in drawn]


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_the_largest_errors_come_first(shape):
    display = drawn(Y.reshape(shape), PREDICTED.reshape(shape))
    assert display.positions.tolist() == [3, 1, 0, 2]
    assert titles(display)[:2] == ["predicted: 51\ntrue: 40", "predicted: 13\ntrue: 20"]
    np.testing.assert_array_equal(display.y_pred, PREDICTED[[3, 1, 0, 2]])
    assert display.y_true.shape == (4,)


def test_errors_of_several_targets_are_compared_in_standard_deviations():
    y = np.column_stack([Y, Y / 1000])
    predicted = y.copy()
    predicted[0, 0] += 5
    predicted[1, 1] += 0.02
    display = drawn(pd.DataFrame(y, columns=["weight", "length"]), predicted, n_images=2)
    assert display.positions.tolist() == [1, 0]
    assert titles(display) == [
        "length: 0.040 (true: 0.020)\nweight: 20.0 (true: 20.0)",
        "weight: 15.0 (true: 10.0)\nlength: 0.010 (true: 0.010)",
    ]


def test_a_title_names_three_targets():
    y = np.arange(20.0).reshape(4, 5)
    errors = np.array([0, 1, 5, 3, 4])
    lines = titles(drawn(y, y + errors, n_images=1))[0].splitlines()
    names = [line.split(":")[0] for line in lines]
    assert names == ["target 2", "target 4", "target 3", "and 2 more"]


@pytest.mark.parametrize(
    ("scale", "first"),
    [(1e-3, "predicted: 0.051"), (300, "predicted: 15,300"), (1e9, "predicted: 5.1e+10")],
)
def test_numbers_have_few_digits(scale, first):
    assert titles(drawn(Y * scale, PREDICTED * scale))[0].startswith(first + "\n")


def test_negative_numbers_and_zero():
    assert titles(drawn(-Y, np.full(4, -0.2)))[0] == "predicted: 0\ntrue: −40"


@pytest.mark.parametrize("kind", ["pipeline", "network"])
def test_an_estimator_of_numbers(kind):
    X, _ = study(2, 12)
    y = X.mean(axis=(1, 2, 3))
    network = FineTuneRegressor(NormNet, image_size=16, unfreeze=None)
    pipeline = make_pipeline(ConvFeatureExtractor(NormNet, image_size=16), Ridge())
    estimator = (network if kind == "network" else pipeline).fit(X, y)
    wrong = np.where(np.arange(12) == 7, y + 100, y)
    display = PredictionGridDisplay.from_estimator(estimator, X, wrong, n_images=3)
    assert display.positions[0] == 7
    np.testing.assert_allclose(display.y_pred, estimator.predict(X)[display.positions])
    with pytest.raises(TypeError, match="Expected maps=False.* predicts numbers"):
        PredictionGridDisplay.from_estimator(estimator, X, y, maps=True)
    with pytest.raises(TypeError, match="predicts numbers. Maps are only|Other estimators have no"):
        maps(estimator, X)


def test_a_regression_has_no_unsure_predictions():
    assert drawn(show="first", n_images=2).positions.tolist() == [0, 1]
    with pytest.raises(ValueError, match="show='unsure' needs probabilities, which a regression"):
        drawn(show="unsure")


def test_a_classifier_without_probabilities_is_no_regressor():
    X, y = study(2, 12)
    pipeline = make_pipeline(ConvFeatureExtractor(NormNet, image_size=16), LinearSVC()).fit(X, y)
    with pytest.raises(TypeError, match="Expected a classifier with predict_proba, got Pipeline"):
        PredictionGridDisplay.from_estimator(pipeline, X, y)


@pytest.mark.parametrize(
    ("y", "predicted", "match"),
    [
        (Y[:3], PREDICTED, r"Found 4 images and y_true of shape \(3,\). Expected one number"),
        (Y, PREDICTED[:3], r"predictions of shape \(3,\) and y_true of shape \(4,\)"),
        (["a", "b", "a", "b"], PREDICTED, "Expected numbers in y_true: .* pass probabilities"),
    ],
)
def test_wrong_arguments_are_named(y, predicted, match):
    with pytest.raises(ValueError, match=match):
        drawn(y, predicted)
