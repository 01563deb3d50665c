"""`FineTuneClassifier` with several labels per image."""

import pickle

import numpy as np
import pandas as pd
import pytest
from helpers.estimators import DEPTHS, make
from helpers.networks import NormNet
from scipy.sparse import coo_matrix, csr_array, dia_array
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, log_loss, make_scorer, recall_score
from torch import nn

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier, load, save


def colours(n=60, seed=0, shares=(0.5, 0.5, 0.5)):
    """Return images, and which of the three channels are bright."""
    rng = np.random.default_rng(seed)
    y = (rng.random((n, 3)) < shares).astype(int)
    y[:2] = [[0, 0, 0], [1, 1, 1]]
    X = rng.normal(60 + 100 * y[:, None, None], 12, (n, 16, 16, 3)).clip(0, 255)
    return X.astype(np.uint8), y


@pytest.mark.parametrize("unfreeze", DEPTHS)
def test_all_labels_of_an_image_are_predicted(unfreeze):
    (X, y), (X_test, y_test) = colours(), colours(20, seed=1)
    classifier = make(unfreeze).fit(X, y)
    predicted, probabilities = classifier.predict(X_test), classifier.predict_proba(X_test)
    assert predicted.dtype == y.dtype
    assert (predicted == y_test).mean() > 0.9
    assert classifier.score(X_test, y_test) == (predicted == y_test).all(axis=1).mean()
    np.testing.assert_array_equal(predicted, probabilities > 0.5)
    np.testing.assert_array_equal(expit(classifier.decision_function(X_test)), probabilities)
    assert not np.allclose(probabilities.sum(axis=1), 1)
    loaded = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(loaded.predict_proba(X_test), probabilities)
    if unfreeze is not None:
        assert classifier.history_[-1, "train_acc"] > 0.8
        assert log_loss(y_test.ravel(), probabilities.ravel()) < 0.3


def test_a_linear_head_alone_is_one_logistic_regression_per_label():
    X, y = colours(shares=(0.5, 0.2, 0.7))
    rows = ConvFeatureExtractor(NormNet, image_size=16).fit_transform(X)
    for class_weight in (None, "balanced", {0: 1, 1: 5}):
        classifier = make(None, head_C=2, class_weight=class_weight).fit(X, y)
        for j in range(3):
            regression = LogisticRegression(C=2, class_weight=class_weight, max_iter=1000)
            expected = regression.fit(rows, y[:, j]).predict_proba(rows)[:, 1]
            np.testing.assert_allclose(classifier.predict_proba(X)[:, j], expected, atol=2e-3)


def test_balanced_weights_find_a_rare_label():
    X, y = colours(200, shares=(0.5, 0.5, 0.02))
    X[..., 2] = np.random.default_rng(1).normal(100 + 20 * y[:, None, None, 2], 20, (200, 16, 16))
    recalls = {}
    for class_weight in (None, "balanced"):
        classifier = make(1, head_C=0.01, class_weight=class_weight, max_epochs=3).fit(X, y)
        recalls[class_weight] = recall_score(y, classifier.predict(X), average=None)[2]
    assert recalls[None] < recalls["balanced"]


def test_a_label_with_a_single_value_is_a_warning():
    X, y = colours()
    y[:, 1] = 0
    for unfreeze in (None, 1):
        with pytest.warns(UserWarning, match="No image has the label in column 1 in training"):
            classifier = make(unfreeze).fit(X, y)
        probabilities = classifier.predict_proba(X)
        assert probabilities[:, 1].max() < 0.1
        assert (classifier.predict(X) == y)[:, [0, 2]].mean() > 0.95


def test_two_labels_are_no_two_classes():
    X, y = colours()
    y = y[:, :2]
    classifier = make(None).fit(X, y)
    assert classifier.decision_function(X).shape == (60, 2)
    for response in ("predict_proba", "decision_function"):
        scorer = make_scorer(average_precision_score, response_method=response)
        assert scorer(classifier, X, y) > 0.95


def test_the_names_of_columns_are_kept(tmp_path):
    X, y = colours(24)
    y = pd.DataFrame(y, columns=["red", "green", "blue"])
    model = FineTuneClassifier(unfreeze=None, image_size=32).fit(X, y)
    assert model.target_names_.tolist() == ["red", "green", "blue"]
    save(model, tmp_path / "model.sktl")
    loaded = load(tmp_path / "model.sktl")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    model.fit(X, y["red"])
    assert not hasattr(model, "target_names_")
    assert model.classes_.tolist() == [0, 1]


def test_early_stopping_holds_out_images_with_each_label():
    X, y = colours()
    classifier = make(1, early_stopping=True, validation_fraction=0.2).fit(X, y)
    assert {"valid_loss", "valid_acc"} <= set(classifier.history_[-1])
    assert classifier.history_[-1, "valid_acc"] > 0.8


def test_weights_count_twice_what_is_there_twice():
    X, y = colours(shares=(0.5, 0.2, 0.7))
    weight = np.random.default_rng(0).integers(0, 4, 60)
    for labels in (y, y[:, 0], y @ [1, 2, 4]):
        for class_weight in (None, "balanced"):
            model = make(None, class_weight=class_weight)
            model.fit(X, labels, sample_weight=weight)
            weighted = model.predict_proba(X)
            model.fit(np.repeat(X, weight, axis=0), np.repeat(labels, weight, axis=0))
            np.testing.assert_allclose(model.predict_proba(X), weighted, rtol=1e-9)


@pytest.mark.parametrize("form", [coo_matrix, csr_array, dia_array])
def test_images_without_weight_are_left_out_of_sparse_labels(form):
    X, y = colours()
    weight = np.arange(len(X)) % 2
    sparse = make(None).fit(X, form(y), sample_weight=weight)
    dense = make(None).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(sparse.predict_proba(X), dense.predict_proba(X))


def test_weights_decide_what_a_network_learns():
    X, y = colours(60)
    y = y[:, 0]
    wrong = np.where(np.arange(60) % 2, y, 1 - y)  # every second label is wrong
    model = make(None, head=lambda n, k: nn.Linear(n, k))
    weight = np.where(np.arange(60) % 2, 1.0, 0.02)
    assert model.fit(X, wrong, sample_weight=weight).score(X, y) > 0.9
    assert model.fit(X, wrong, sample_weight=weight[::-1]).score(X, y) < 0.1
    assert model.score(X, wrong, sample_weight=np.arange(60) % 2) < 0.1


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([["red", "blue"]] * 12, r"MultiLabelBinarizer\(\).fit_transform\(y\)"),
        (np.full((12, 2), 2), r"y\[0\] is 2 in column 0"),
        (np.ones((11, 2)), "X has 12 images and y has 11 rows"),
    ],
)
def test_errors_name_wrong_labels(y, message):
    X, _ = colours(12)
    with pytest.raises(ValueError, match=message):
        make().fit(X, y)
