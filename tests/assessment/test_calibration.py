"""Over- and underconfidence are found beyond chance, and a temperature corrects them."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss

from sklearn_tl.assessment import apply_temperature, calibration_report, find_label_errors


def drawn(n=1500, n_classes=3, seed=0):
    """Return labels that were drawn with their probabilities, and these probabilities."""
    rng = np.random.default_rng(seed)
    rows = softmax(2 * rng.normal(size=(n, n_classes)), axis=1)
    return (rng.random((n, 1)) > np.cumsum(rows, axis=1)).sum(axis=1).clip(0, n_classes - 1), rows


@pytest.mark.parametrize(("temperature", "over", "under"), [(1, 0, 0), (0.4, 1, 0), (2.5, 0, 1)])
def test_a_temperature_that_was_applied_is_found(temperature, over, under):
    y, rows = drawn()
    report = calibration_report(y, apply_temperature(rows, temperature))
    assert (report.is_overconfident, report.is_underconfident) == (over, under)
    assert report.temperature == pytest.approx(1 / temperature, rel=0.1)
    assert report.log_loss_at_temperature == pytest.approx(log_loss(y, rows), abs=0.01)
    word = "overconfident" if over else "underconfident" if under else "no more than chance"
    assert word in report.summary()


def test_right_probabilities_rarely_seem_wrong():
    reports = [calibration_report(*drawn(200, seed=seed)) for seed in range(50)]
    assert np.mean([r.p_value < 0.05 for r in reports]) <= 0.1
    errors = np.mean([r.expected_calibration_error for r in reports])
    assert errors == pytest.approx(
        np.mean([r.calibration_error_by_chance for r in reports]), rel=0.1
    )


def test_figures_agree_with_their_definitions():
    y, rows = drawn(300)
    report = calibration_report(y, rows, n_bins=5)
    confidence, right = rows.max(axis=1), rows.argmax(axis=1) == y
    assert report.log_loss == pytest.approx(-np.log(rows[np.arange(300), y]).mean())
    assert report.brier_score == pytest.approx(((rows - np.eye(3)[y]) ** 2).sum(axis=1).mean())
    parts = np.array_split(np.argsort(confidence), 5)
    distances = [abs(confidence[part].mean() - right[part].mean()) for part in parts]
    assert report.expected_calibration_error == pytest.approx(np.mean(distances))
    assert report.curve["n"].tolist() == [60] * 5
    assert (report.curve["low"] <= report.curve["accuracy"]).all()
    assert (report.curve["high"] >= report.curve["accuracy"]).all()
    assert report.to_frame().columns.tolist() == ["mean_confidence", "accuracy", "low", "high", "n"]


def test_two_classes_have_a_brier_score_up_to_one():
    report = calibration_report([0, 1] * 10, [[0.0, 1.0], [1.0, 0.0]] * 10)
    assert report.brier_score == 1
    assert report.is_overconfident


def test_equal_confidences_share_a_bin_and_few_images_have_few_bins():
    report = calibration_report([0, 1] * 50, [[0.8, 0.2], [0.2, 0.8]] * 50)
    assert report.curve["n"].tolist() == [100]
    assert len(calibration_report(*drawn(25)).curve["n"]) == 2


def test_copies_in_a_group_make_nothing_surer():
    y, rows = drawn(60, seed=2)
    rows = apply_temperature(rows, 0.8)
    once = calibration_report(y, rows, groups=np.arange(60))
    copies = [np.repeat(a, 8, axis=0) for a in (y, rows, np.arange(60))]
    assert calibration_report(*copies[:2]).p_value < 0.05 < once.p_value
    grouped = calibration_report(*copies[:2], groups=copies[2])
    assert grouped.p_value == pytest.approx(once.p_value)


def test_one_group_says_nothing_about_chance():
    y, rows = drawn(60)
    assert calibration_report(y, rows, groups=["a"] * 60).p_value == 1


def test_several_labels_are_decisions_between_0_and_1():
    rng = np.random.default_rng(0)
    rows = rng.random((800, 4))
    y = (rng.random((800, 4)) < rows).astype(int)
    sharper = apply_temperature(rows, 0.5, task="multilabel")
    report = calibration_report(y, sharper)
    assert report.is_overconfident
    assert report.n_decisions == 3200
    assert report.temperature == pytest.approx(2, rel=0.1)
    assert report.brier_score == pytest.approx(((sharper - y) ** 2).mean())
    restored = apply_temperature(sharper, 2, task="multilabel")
    np.testing.assert_allclose(restored, rows, atol=1e-6)


def test_zeros_are_allowed():
    report = calibration_report(["a", "b", "a"], np.array([[1, 0], [1, 0], [1, 0]]))
    assert report.log_loss == pytest.approx(-np.log(np.finfo(float).eps) / 3)
    assert np.isfinite(report.log_loss_at_temperature)


def test_a_temperature_keeps_the_order():
    rows = drawn(50)[1]
    for temperature in (0.1, 10):
        tempered = apply_temperature(rows, temperature)
        assert (tempered.argsort(axis=1) == rows.argsort(axis=1)).all()
        np.testing.assert_allclose(tempered.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: apply_temperature([[1, 0]], 0), "temperature=0 must be a positive number"),
        (lambda: apply_temperature([[1, 0]], np.nan), "temperature=nan must be"),
        (lambda: apply_temperature([[1, 0]], 2, task="regression"), "task='regression' must be"),
        (lambda: calibration_report(*drawn(9), n_bins=0), "n_bins=0 must be at least 1"),
        (lambda: calibration_report(*drawn(9), level=5), "level=5 must be between"),
    ],
)
def test_wrong_parameters_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_class_that_was_not_in_training_does_not_move_the_temperature():
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    sure = rng.uniform(0.7, 0.99, 200)
    rows = np.where((np.arange(2) == y[:, None]), sure[:, None], 1 - sure[:, None])
    expected = calibration_report(y, rows).temperature
    unseen = np.column_stack([np.tile([0.99, 0.01], (20, 1)), np.zeros(20)])
    more = np.concatenate([np.column_stack([rows, np.zeros(200)]), unseen])
    report = calibration_report(np.r_[y, np.full(20, 2)], more)
    assert report.temperature == pytest.approx(expected, rel=1e-3)


def test_a_label_that_was_not_in_training_is_not_judged():
    matrix = np.zeros((50, 2), dtype=int)
    matrix[::2, 0] = 1
    matrix[7, 1] = 1
    rows = np.column_stack([np.where(matrix[:, 0], 0.9, 0.1), np.full(50, 0.02)])
    rows[7, 1] = 0
    found = find_label_errors(matrix, rows)
    assert found.not_judged.tolist() == [7]
    assert 7 not in found.positions
