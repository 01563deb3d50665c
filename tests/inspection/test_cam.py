"""The maps of a linear classifier are exact."""

import numpy as np
import pytest
from helpers.inspection import squares
from helpers.networks import NormNet
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_tl import ConvFeatureExtractor, class_activation_maps


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
