"""Figures per class agree with scikit-learn, and have intervals that are never empty."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from sklearn_tl.assessment import class_report

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 4, 300)
PREDICTED = np.where(RNG.random(300) < 0.7, Y, RNG.integers(0, 4, 300))


def test_the_figures_are_those_of_scikit_learn():
    report = class_report(Y, PREDICTED)
    expected = precision_recall_fscore_support(Y, PREDICTED)
    figures = (report.precision, report.recall, report.f1, report.support)
    for figure, value in zip(figures, expected, strict=True):
        np.testing.assert_allclose(figure, value)
    assert (report.confusion_matrix == confusion_matrix(Y, PREDICTED)).all()


def test_the_intervals_are_wilsons():
    report = class_report(Y, PREDICTED, level=0.9)
    tp = report.confusion_matrix[2, 2]
    for interval, n in (
        (report.recall_interval, (Y == 2).sum()),
        (report.precision_interval, (PREDICTED == 2).sum()),
    ):
        expected = binomtest(tp, n).proportion_ci(0.9, method="wilson")
        np.testing.assert_allclose(interval[2], expected)


def test_the_interval_of_f1_contains_the_truth():
    # Recall and precision are 0.85, since 20 % of the answers are drawn at random.
    inside, n_draws = 0, 100
    for seed in range(n_draws):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 4, 200)
        predicted = np.where(rng.random(200) < 0.8, y, rng.integers(0, 4, 200))
        low, high = class_report(y, predicted).f1_interval[0]
        inside += low <= 0.85 <= high
    assert 0.9 <= inside / n_draws <= 0.99


def test_a_class_without_errors_has_an_interval_with_a_width():
    report = class_report(["a"] * 5 + ["b"] * 5, ["a"] * 5 + ["b"] * 5)
    for interval in (report.recall_interval, report.precision_interval, report.f1_interval):
        assert (interval[:, 0] < 0.8).all()
        assert (interval[:, 1] == 1).all()


def test_a_class_without_images_or_predictions_is_unknown_and_not_zero():
    report = class_report(["a", "b", "a"], ["a", "a", "c"], ["c", "b", "a", "d"])
    assert report.classes.tolist() == ["c", "b", "a", "d"]
    assert report.support.tolist() == [0, 1, 2, 0]
    np.testing.assert_allclose(report.recall, [np.nan, 0, 0.5, np.nan])
    np.testing.assert_allclose(report.precision, [0, np.nan, 0.5, np.nan])
    np.testing.assert_allclose(report.f1, [0, 0, 0.5, np.nan])
    assert report.recall_interval[0].tolist() == [0, 1]
    assert report.f1_interval[3].tolist() == [0, 1]


def test_groups_widen_the_intervals():
    y, predicted, groups = (np.repeat(a, 6) for a in (Y, PREDICTED, np.arange(300)))
    plain, grouped = class_report(y, predicted), class_report(y, predicted, groups=groups)
    once = class_report(Y, PREDICTED)
    np.testing.assert_allclose(grouped.recall, plain.recall)
    for name in ("precision_interval", "recall_interval", "f1_interval"):
        width = [np.diff(getattr(r, name)).ravel() for r in (plain, grouped, once)]
        assert (width[1] > 2 * width[0]).all()
        np.testing.assert_allclose(width[1], width[2], rtol=0.1)


def test_an_indicator_matrix_is_reported_per_label():
    y = np.column_stack([Y == 0, Y >= 2]).astype(int)
    predicted = np.column_stack([PREDICTED == 0, PREDICTED >= 2]).astype(int)
    report = class_report(y, predicted, ["zero", "large"])
    expected = precision_recall_fscore_support(y, predicted)
    for figure, value in zip((report.precision, report.recall, report.f1), expected, strict=False):
        np.testing.assert_allclose(figure, value)
    assert report.confusion_matrix.shape == (2, 2, 2)
    assert (
        report.confusion_matrix[1].tolist() == confusion_matrix(y[:, 1], predicted[:, 1]).tolist()
    )


def test_the_table_has_a_row_per_class():
    frame = class_report(Y, PREDICTED).to_frame()
    assert frame["class"].tolist() == [0, 1, 2, 3]
    assert (frame["recall_low"] < frame["recall"]).all()
    assert (frame["recall"] < frame["recall_high"]).all()
    assert len(frame.columns) == 11


def test_a_wrong_level_is_refused():
    with pytest.raises(ValueError, match="level=95 must be between 0 and 1"):
        class_report(Y, PREDICTED, level=95)
