"""What a comparison says besides scores: labels, classes, probabilities, more images."""

import numpy as np
import pytest
from helpers.networks import NormNet
from helpers.pictures import study
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_tl import FineTuneClassifier, compare_strategies
from sklearn_tl.comparison import RawPixels

WRONG = [4, 9, 30, 51, 77, 100]
OPTIONS = {"cv": 4, "random_state": 0, "duplicates": "ignore"}


@pytest.fixture(scope="module")
def wrong():
    """Return a comparison in which six labels are wrong."""
    X, y = study(2, 120)
    y[WRONG] = 1 - y[WRONG]
    strategies = {
        "guess": DummyClassifier(),
        "pixels": make_pipeline(RawPixels(), LogisticRegression(C=1e-3)),
    }
    sizes = [16, 32, 64]
    return compare_strategies(X, y, strategies=strategies, train_sizes=sizes, **OPTIONS)


def test_labels_that_look_wrong_are_listed_and_said(wrong):
    found = wrong.label_errors()
    assert set(found.positions.tolist()) >= set(WRONG)
    assert len(found.positions) <= 8
    assert found.suggested[found.positions == 4] == [0]
    assert "label_errors() lists them." in wrong.summary()


def test_classes_have_their_own_figures(wrong):
    report = wrong.class_report()
    assert report.to_frame().shape[0] == 2
    assert report.confusion_matrix.sum() == 120
    guess = wrong.class_report("guess")
    assert sorted(guess.recall.tolist()) == [0, 1]
    with pytest.raises(ValueError, match=r"class_report\(\) has the classes"):
        wrong.error_report()
    with pytest.raises(ValueError, match="Did you mean 'guess'"):
        wrong.class_report("gess")


def test_probabilities_are_judged(wrong):
    assert wrong.calibration().is_underconfident
    assert wrong.coverage().coverage[-1] == 1
    assert wrong.threshold_for_error(0.2).coverage > 0.8
    expected = wrong.expected_score()
    assert expected.low < wrong.scores("pixels").mean() < expected.high + 0.02
    assert "underconfident" in wrong.summary()


def test_more_images_are_foreseen(wrong):
    more = wrong.more_images(90)
    assert (more.size, more.at) == (90, 180)
    assert more.low <= more.mean <= more.high
    assert wrong.summary().endswith(more.sentence(2))
    X, y = study(2, 40)
    few = compare_strategies(X, y, strategies={"a": DummyClassifier()}, refit=False, **OPTIONS)
    with pytest.raises(ValueError, match="at least 3 different"):
        few.more_images(5)


def test_numbers_have_errors_over_their_range():
    X, y = study(2, 60)
    targets = np.column_stack([y * 10.0, np.arange(60) % 7])
    pixels = make_pipeline(RawPixels(), Ridge(1e3))
    result = compare_strategies(X, targets, strategies={"pixels": pixels}, **OPTIONS)
    first, second = result.error_report()
    assert first.mean_absolute_error < 3
    assert second.mean_absolute_error > 1
    for method in (result.class_report, result.calibration, result.coverage, result.label_errors):
        with pytest.raises(ValueError, match="no classes|no probabilities"):
            method()
    with pytest.raises(ValueError, match="numbers have none"):
        compare_strategies(X, targets, calibrate=True, **OPTIONS)


@pytest.mark.parametrize("kind", ["linear", "tuned", "labels"])
def test_calibration_keeps_the_predictions(kind):
    X, y = study(2, 60)
    y[::10] = 1 - y[::10]
    how = {"backbone": NormNet, "image_size": 16, **OPTIONS}
    names = {"linear": ["raw pixels"], "tuned": ["head alone"], "labels": ["head alone"]}[kind]
    y = np.column_stack([y, np.arange(60) % 3 == 0]).astype(int) if kind == "labels" else y
    plain, corrected = (
        compare_strategies(X, y, strategies=names, calibrate=calibrate, **how)
        for calibrate in (False, True)
    )
    before, after = (result.best_estimator_ for result in (plain, corrected))
    np.testing.assert_array_equal(before.predict(X), after.predict(X))
    assert np.abs(np.subtract(before.predict_proba(X), after.predict_proba(X))).max() > 1e-3
    was, now = plain.calibration(), corrected.calibration()
    assert now.log_loss < was.log_loss
    assert now.temperature == pytest.approx(1, abs=0.02)


def test_the_temperature_of_a_network_divides_its_logits():
    X, y = study(2, 20)
    model = FineTuneClassifier(NormNet, unfreeze=None, image_size=16).fit(X, y)
    assert model.temperature_ == 1
    logits = model.decision_function(X)
    model.temperature_ = 4.0
    np.testing.assert_allclose(model.decision_function(X), logits / 4)
    assert model.fit(X, y).temperature_ == 1


def test_models_without_logits_cannot_be_calibrated():
    X, y = study(2, 40)
    bayes = {"bayes": make_pipeline(RawPixels(), GaussianNB())}
    with pytest.raises(TypeError, match=r"'bayes' ends in GaussianNB.*CalibratedClassifierCV"):
        compare_strategies(X, y, strategies=bayes, calibrate=True, **OPTIONS)


def test_folds_that_do_not_test_all_images_have_no_predictions():
    X, y = study(2, 40)
    split = [(np.arange(20), np.arange(20, 40))]
    result = compare_strategies(
        X, y, strategies={"a": DummyClassifier()}, cv=split, duplicates="ignore", refit=False
    )
    with pytest.raises(ValueError, match="do not test every image once"):
        result.class_report()
    assert result.expected_score() is None


def test_folds_that_cannot_calibrate_are_refused_before_the_work():
    X, y = study(2, 40)
    guess = {"a": make_pipeline(RawPixels(), LogisticRegression())}
    split = [(np.arange(20), np.arange(20, 40))]
    with pytest.raises(ValueError, match="needs folds that test every image once"):
        compare_strategies(X, y, strategies=guess, cv=split, calibrate=True)


def test_calibration_reaches_a_regression_within_a_pipeline_of_each_label():
    X, y = study(2, 60)
    labels = np.column_stack([y, np.arange(60) % 3 == 0]).astype(int)
    inner = make_pipeline(StandardScaler(), LogisticRegression(C=1e3, max_iter=1000))
    own = {"own": make_pipeline(RawPixels(), PCA(5), OneVsRestClassifier(inner))}
    plain, corrected = (
        compare_strategies(X, labels, strategies=own, calibrate=calibrate, **OPTIONS)
        for calibrate in (False, True)
    )
    moved = plain.best_estimator_.predict_proba(X) - corrected.best_estimator_.predict_proba(X)
    assert np.abs(moved).max() > 0.05


def test_a_score_without_a_limit_is_not_continued():
    X, y = study(2, 40)

    def n_right(model, X, y):
        return float((model.predict(X) == y).sum())

    result = compare_strategies(
        X, y, strategies={"a": DummyClassifier()}, scoring=n_right, train_sizes=[8, 16],
        refit=False, **OPTIONS,
    )  # fmt: skip
    assert "training images per class" not in result.summary()


def test_the_distance_learns_from_the_training_part_only():
    X, y = study(2, 60)
    X[40:] = 255 - X[40:]
    cv = [(np.arange(40), np.arange(40, 60))]
    how = {"backbone": NormNet, "image_size": 16, "strategies": ["embeddings"]}
    result = compare_strategies(X, y, cv=cv, refit=cv[0][0], duplicates="ignore", **how)
    rows = result.best_estimator_[:-1].transform(X)
    novel = result.novelty_.is_novel(rows)
    assert novel[40:].all()
    assert novel[:40].mean() < 0.1
