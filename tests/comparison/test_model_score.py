import numpy as np
import pytest
from sklearn.metrics import average_precision_score, r2_score

from sklearn_tl import compare_strategies
from sklearn_tl.comparison import ModelScore

RANDOM = np.random.default_rng(0)


def test_classes_have_an_accuracy_with_an_interval():
    y = np.repeat(["cat", "dog"], [6, 4])
    predicted = np.where(np.arange(10) < 8, y, "fish")
    found = ModelScore(y, predicted, names=["cat", "dog", "fish"], name="m.sktl")
    assert (found.score_, found.dummy_score_) == (0.8, 0.6)
    assert found.interval_ == pytest.approx((0.490, 0.943), abs=1e-3)  # Wilson's
    assert found.summary().splitlines() == [
        "10 images. Accuracy: 0.800 (95 % interval 0.490 to 0.943).",
        "Always answering the largest class: 0.600.",
    ]
    report = found.class_report()
    assert report.support.tolist() == [6, 4, 0]
    assert report.confusion_matrix[1].tolist() == [0, 2, 2]
    with pytest.raises(ValueError, match="'m.sktl' has no probabilities"):
        found.calibration()


def test_groups_widen_the_interval():
    y = np.arange(60) % 2
    predicted = np.where(np.arange(60) < 10, 1 - y, y)
    alone = ModelScore(y, predicted)
    together = ModelScore(y, predicted, groups=np.repeat(np.arange(6), 10))
    assert together.score_ == alone.score_
    assert np.diff(together.interval_) > 2 * np.diff(alone.interval_)
    assert together.summary().startswith("60 images in 6 groups.")


def test_labels_have_the_average_precision_of_scikit_learn():
    y = (RANDOM.random((40, 4)) < 0.4).astype(int)
    y[:, 3] = 0  # a label that no image has is not scored
    rows = (y * 0.4 + RANDOM.random((40, 4)) * 0.6).round(1)  # many are equal
    found = ModelScore(y, rows > 0.5, rows, task="multilabel", names=["a", "b", "c", "d"])
    expected = np.mean([average_precision_score(y[:, j], rows[:, j]) for j in range(3)])
    assert found.score_ == pytest.approx(expected, abs=1e-12)
    assert found.interval_[0] < expected < found.interval_[1]
    assert found.dummy_score_ == pytest.approx(y[:, :3].mean())
    assert found.class_report().classes.tolist() == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="needs probabilities"):
        ModelScore(y, rows > 0.5, task="multilabel")


@pytest.mark.parametrize("shape", [(30,), (30, 2)])
def test_numbers_have_r2_and_an_error(shape):
    y = RANDOM.random(shape)
    predicted = y + RANDOM.normal(0, 0.1, shape)
    found = ModelScore(y, predicted, task="regression", names=["w", "h"][: y.ndim])
    assert found.score_ == pytest.approx(r2_score(y, predicted))
    assert found.interval_[0] < found.score_ < found.interval_[1]
    np.testing.assert_allclose(
        found.mean_absolute_errors_, np.atleast_1d(np.abs(y - predicted).mean(axis=0))
    )
    assert "w is off by 0." in found.summary()
    assert len(found.error_report()) == y.ndim


def test_one_image_has_no_interval():
    with pytest.raises(ValueError, match="Found 1 images. Expected at least 2"):
        ModelScore([1.5], [1.5], task="regression")


def test_images_that_are_tested_twice_or_never_have_their_predictions_too():
    X = np.random.default_rng(0).integers(0, 255, (12, 16, 16, 3), dtype=np.uint8)
    y = np.arange(12) % 2
    folds = [(np.arange(4, 12), np.arange(3)), (np.arange(4, 12), np.arange(2))]
    options = {"strategies": ["raw pixels"], "duplicates": "ignore", "refit": False}
    found = compare_strategies(X, y, cv=folds, **options)
    assert found.predictions_ == {}
    predictions = found.image_predictions()
    assert predictions.positions.tolist() == [0, 0, 1, 1, 2]
    assert predictions.folds.tolist() == [0, 1, 0, 1, 0]
    assert predictions.probabilities.shape == (5, 2)
    assert (predictions.probabilities.argmax(axis=1) == predictions.predicted).all()

    found = compare_strategies(X, y, cv=2, random_state=0, **options)
    predictions = found.image_predictions("raw pixels")
    assert predictions.positions.tolist() == list(range(12))
    assert (predictions.predicted == found.predictions_["raw pixels"]).all()
    for fold, (_, test) in enumerate(found.splits_):
        assert (predictions.folds[test] == fold).all()
