"""Changed labels are found, and few labels are listed if all are right."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB

from sklearn_tl.assessment import find_label_errors

FOLDS = StratifiedKFold(5, shuffle=True, random_state=0)


def out_of_fold(X, y, model=None):
    return cross_val_predict(
        model or LinearDiscriminantAnalysis(), X, y, cv=FOLDS, method="predict_proba"
    )


def blobs(n_classes=4, spread=2.0, n=600):
    return make_blobs(n, n_features=8, centers=n_classes, cluster_std=spread, random_state=0)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_changed_labels_come_first(n_classes):
    X, y = blobs(n_classes)
    rng, names = np.random.default_rng(1), np.array(["a", "b", "c", "d"])
    changed = rng.choice(len(y), 30, replace=False)
    true = names[y]
    y[changed] = (y[changed] + rng.integers(1, n_classes, 30)) % n_classes
    errors = find_label_errors(names[y], out_of_fold(X, y))
    assert np.isin(errors.ranking[:30], changed).mean() >= 0.9
    assert np.isin(errors.positions, changed).mean() >= 0.75
    assert len(errors.positions) >= 25
    assert errors.noise == pytest.approx(0.05, abs=0.02)
    assert (errors.given == names[y][errors.positions]).all()
    assert (errors.suggested == true[errors.positions])[:25].all()
    assert (np.diff(errors.sureness) <= 0).all()
    assert errors.ranking[: len(errors.positions)].tolist() == errors.positions.tolist()
    assert sorted(errors.ranking) == list(range(600))


@pytest.mark.parametrize("spread", [1.0, 3.0, 6.0])
@pytest.mark.parametrize("model", [None, GaussianNB(), LogisticRegression(C=1e-4)])
def test_few_right_labels_are_listed_also_by_a_poor_model(spread, model):
    X, y = blobs(spread=spread)
    errors = find_label_errors(y, out_of_fold(X, y, model))
    assert len(errors.positions) <= 0.015 * len(y)


def test_labels_at_random_are_not_listed():
    X, y = blobs()
    y = np.random.default_rng(0).permutation(y)
    assert len(find_label_errors(y, out_of_fold(X, y)).positions) <= 0.015 * len(y)


def test_more_false_alarms_list_more_images():
    X, y = blobs(spread=6.0)
    rows = out_of_fold(X, y)
    few, many = (find_label_errors(y, rows, false_alarms=share) for share in (0.005, 0.05))
    assert len(few.positions) < len(many.positions) <= 0.07 * len(y)
    assert many.positions[: len(few.positions)].tolist() == few.positions.tolist()


def test_an_image_of_a_class_that_was_never_trained_on_is_not_judged():
    X, y = blobs(3)
    y[y == 2] = 1
    rows = np.column_stack([out_of_fold(X, y), np.zeros(len(y))])
    y[5] = 2
    errors = find_label_errors(y, rows)
    assert errors.not_judged.tolist() == [5]
    assert 5 not in errors.positions
    assert errors.ranking[-1] == 5
    assert "1 images were not judged" in errors.summary()


def test_a_probability_of_zero_is_suspicious_if_the_class_is_known():
    X, y = blobs()
    rows = out_of_fold(X, y)
    rows[3] = np.eye(4)[(y[3] + 1) % 4]
    assert find_label_errors(y, rows).positions[0] == 3


def test_columns_may_stand_in_any_order():
    X, y = blobs()
    rows = out_of_fold(X, y)
    one, other = find_label_errors(y, rows), find_label_errors(y, rows[:, ::-1], [3, 2, 1, 0])
    assert one.positions.tolist() == other.positions.tolist()
    assert one.suggested.tolist() == other.suggested.tolist()


def test_several_labels_are_judged_one_by_one():
    X, codes = blobs()
    y = np.column_stack([codes >> 1, codes & 1])
    y[7, 1] = 1 - y[7, 1]
    rows = np.column_stack([out_of_fold(X, y[:, j])[:, 1] for j in range(2)])
    errors = find_label_errors(y, rows, ["large", "odd"])
    assert (errors.positions[0], errors.labels[0]) == (7, "odd")
    assert (errors.given[0], errors.suggested[0]) == (y[7, 1], 1 - y[7, 1])
    assert len(errors.positions) <= 0.015 * len(y)
    assert sorted(errors.ranking) == list(range(600))
    assert errors.to_frame().columns.tolist() == [
        "position", "label", "given", "suggested", "sureness",
    ]  # fmt: skip
    assert "labels of" in errors.summary()


def test_the_table_has_the_paths():
    X, y = blobs(spread=6.0)
    paths = [f"{i}.jpg" for i in range(len(y))]
    errors = find_label_errors(y, out_of_fold(X, y))
    frame = errors.to_frame(paths)
    assert len(frame) > 0
    assert frame["path"].tolist() == [paths[i] for i in errors.positions]
    assert frame["given"].tolist() == y[errors.positions].tolist()
    assert f"{len(frame)} of 600 images have" in errors.summary()
    with pytest.raises(ValueError, match="paths has 3 values for 600 images"):
        errors.to_frame(paths[:3])


@pytest.mark.parametrize("share", [0, 1, 5])
def test_a_share_outside_0_and_1_is_refused(share):
    with pytest.raises(ValueError, match="false_alarms=.* for example 0.01"):
        find_label_errors(["a", "b"], np.eye(2), false_alarms=share)
