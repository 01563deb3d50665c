"""Maps are on the thing that is looked for, and errors say what has no map."""

import numpy as np
import pytest
from helpers.inspection import share_found, squares
from helpers.networks import NormNet, TinyNet
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier, class_activation_maps


def fit(extractor, classifier=None, n=12):
    X, y, _ = squares(3, n)
    return make_pipeline(extractor, classifier or LogisticRegression(max_iter=1000)).fit(X, y), X


def test_maps_of_the_bundled_network_find_the_square():
    X, y, cells = squares(3, 12)
    pipeline = make_pipeline(ConvFeatureExtractor(), LogisticRegression(max_iter=1000)).fit(X, y)
    maps = class_activation_maps(pipeline, X)
    assert maps.shape == (12, 7, 7)
    assert maps.dtype == np.float32
    assert share_found(maps, cells) > 0.3  # by chance 0.11


def test_the_maps_of_a_search_are_those_of_its_best_estimator():
    X, y, _ = squares(3, 12)
    pipeline, _ = fit(ConvFeatureExtractor(NormNet, image_size=48))
    search = GridSearchCV(pipeline, {"logisticregression__C": [0.1]}, cv=2).fit(X, y)
    maps = class_activation_maps(search, X, y)
    np.testing.assert_array_equal(maps, class_activation_maps(search.best_estimator_, X, y))


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: fit(ConvFeatureExtractor(NormNet, layer=["stem", "stage1"])), ValueError, "one"),
        (lambda: fit(ConvFeatureExtractor(NormNet, pooling="max")), ValueError, "pooling"),
        (
            lambda: fit(ConvFeatureExtractor(NormNet, image_size="native")),
            ValueError,
            'image_size="native"',
        ),
        (
            lambda: fit(
                ConvFeatureExtractor(NormNet, image_size=32),
                make_pipeline(FunctionTransformer(np.square), LogisticRegression(max_iter=1000)),
            ),
            ValueError,
            "more than a mean and a linear classifier",
        ),
        (
            lambda: fit(ConvFeatureExtractor("timm/vit_tiny_patch16_224", weights=None), n=6),
            ValueError,
            "no activation maps",
        ),
        (lambda: (RandomForestClassifier(), None), TypeError, "RandomForestClassifier"),
        (lambda: (FineTuneClassifier(NormNet), None), NotFittedError, "not fitted"),
    ],
    ids=["layers", "pooling", "native", "not linear", "no maps", "other", "not fitted"],
)
def test_an_estimator_without_maps_is_an_error(make, error, match):
    estimator, X = make()
    with pytest.raises(error, match=match):
        class_activation_maps(estimator, X)


def test_an_unknown_label_is_an_error():
    pipeline, X = fit(ConvFeatureExtractor(TinyNet, image_size=32))
    with pytest.raises(ValueError, match=r"y\[1\]=.*7.* must be one of the classes 0, 1, 2"):
        class_activation_maps(pipeline, X[:2], [0, 7])


def test_a_missing_label_is_an_error():
    pipeline, X = fit(ConvFeatureExtractor(TinyNet, image_size=32))
    with pytest.raises(ValueError, match=r"y of shape \(3,\), got shape \(2,\)"):
        class_activation_maps(pipeline, X[:3], [0, 1])
