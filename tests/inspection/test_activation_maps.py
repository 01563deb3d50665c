"""Class-activation maps: exact where they are exact, and on the thing that is looked for."""

import numpy as np
import pytest
from helpers.networks import NormNet, TinyNet
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier, class_activation_maps


def squares(n_classes=3, n=30, seed=0):
    """Return grey images with a coloured square, labels, and where the square is."""
    random = np.random.default_rng(seed)
    X = random.integers(90, 110, (n, 48, 48, 3)).astype(np.uint8)
    y = np.arange(n) % n_classes
    corners = random.integers(0, 3, (n, 2)) * 16
    for image, label, (top, left) in zip(X, y, corners, strict=True):
        image[top : top + 16, left : left + 16] = 40
        image[top : top + 16, left : left + 16, label] = 230
    return X, y, corners // 16


def found(maps, cells):
    """Return the share of maps whose largest value lies where the square is."""
    _, height, width = maps.shape
    at = np.array([np.unravel_index(m.argmax(), m.shape) for m in maps])
    return np.mean((at * 3 // (height, width) == cells).all(axis=1))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "rest",
    [
        [LogisticRegression(C=1e4, max_iter=5000)],
        [StandardScaler(), GridSearchCV(LogisticRegression(max_iter=1000), {"C": [1, 10]})],
    ],
    ids=["regression", "scaler and search"],
)
def test_the_mean_of_a_map_is_the_decision(rest, n_classes):
    X, y, _ = squares(n_classes)
    extractor = ConvFeatureExtractor(NormNet, image_size=48, layer="stage2")
    pipeline = make_pipeline(extractor, *rest).fit(X, y)
    decisions = pipeline.decision_function(X)
    if n_classes == 2:
        decisions = np.column_stack([-decisions, decisions])
    for label in range(n_classes):
        maps = class_activation_maps(pipeline, X, np.full(len(X), label))
        assert maps.shape == (30, 24, 24)
        np.testing.assert_allclose(maps.mean((1, 2)), decisions[:, label], rtol=1e-2, atol=1e-2)
    predicted = class_activation_maps(pipeline, X, pipeline.predict(X))
    np.testing.assert_array_equal(class_activation_maps(pipeline, X), predicted)


def test_the_embedding_itself_and_the_bundled_network():
    X, y, cells = squares(3, 12)
    pipeline = make_pipeline(ConvFeatureExtractor(), LogisticRegression(max_iter=1000)).fit(X, y)
    maps = class_activation_maps(pipeline, X)
    assert maps.shape == (12, 7, 7)
    assert found(maps, cells) > 0.3  # by chance 0.11


@pytest.mark.parametrize("unfreeze", [None, 1, "all"])
def test_grad_cam(unfreeze):
    X, y, cells = squares()
    classifier = FineTuneClassifier(
        NormNet, image_size=48, unfreeze=unfreeze, head_C=1e4, random_state=0, max_epochs=2
    ).fit(X, y)
    before = classifier.predict_proba(X)
    maps = class_activation_maps(classifier, X)
    assert maps.shape == (30, 24, 24)
    assert maps.min() >= 0
    assert found(maps, cells) > 0.7
    np.testing.assert_array_equal(classifier.predict_proba(X), before)


def test_grad_cam_of_a_linear_head_is_the_positive_part_of_the_exact_map():
    X, y, _ = squares()
    parameters = {"image_size": 48}
    classifier = FineTuneClassifier(NormNet, unfreeze=None, **parameters).fit(X, y)
    pipeline = make_pipeline(
        ConvFeatureExtractor(NormNet, **parameters), LogisticRegression(max_iter=1000)
    ).fit(X, y)
    exact = class_activation_maps(pipeline, X, y) - pipeline[-1].intercept_[y][:, None, None]
    grad = class_activation_maps(classifier, X, y)
    np.testing.assert_allclose(grad * 24 * 24, exact.clip(0), rtol=1e-2, atol=1e-2)


def fit(extractor, classifier=None):
    X, y, _ = squares(3, 12)
    return make_pipeline(extractor, classifier or LogisticRegression(max_iter=1000)).fit(X, y), X


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: fit(ConvFeatureExtractor(NormNet, layer=["stem", "stage1"])), ValueError, "one"),
        (lambda: fit(ConvFeatureExtractor(NormNet, pooling="max")), ValueError, "pooling"),
        (
            lambda: fit(
                ConvFeatureExtractor(NormNet, image_size=32),
                make_pipeline(FunctionTransformer(np.square), LogisticRegression(max_iter=1000)),
            ),
            ValueError,
            "more than a mean and a linear classifier",
        ),
        (
            lambda: fit(ConvFeatureExtractor("timm/vit_tiny_patch16_224", weights=None)),
            ValueError,
            "no activation maps",
        ),
        (lambda: (RandomForestClassifier(), None), TypeError, "RandomForestClassifier"),
    ],
)
def test_what_has_no_map(make, error, match):
    pipeline, X = make()
    with pytest.raises(error, match=match):
        class_activation_maps(pipeline, X)


def test_unknown_label():
    pipeline, X = fit(ConvFeatureExtractor(TinyNet, image_size=32))
    with pytest.raises(ValueError, match=r"y\[1\] is .*7.*classes are 0, 1, 2"):
        class_activation_maps(pipeline, X[:2], [0, 7])
