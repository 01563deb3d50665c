"""The steps of scikit-learn and the heads answer as they do in Python, or the step is named."""

import json

import numpy as np
import pytest
from helpers.networks import NormNet, TinyNet
from helpers.pictures import study
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC

from sklearn_tl import (
    ConvFeatureExtractor,
    FineTuneClassifier,
    FineTuneRegressor,
    TransferClassifier,
    TransferRegressor,
)
from sklearn_tl.export.answers_graph import answers_of_logits, answers_of_steps, class_names
from sklearn_tl.export.network import Network
from sklearn_tl.export.parts import take_apart

SIZE = {"image_size": 32}
CLASSIFIERS = {
    "logistic": LogisticRegression(max_iter=1000),
    "scaled": make_pipeline(StandardScaler(), PCA(4), LogisticRegression(max_iter=1000)),
    "LDA": make_pipeline(MinMaxScaler(), LinearDiscriminantAnalysis()),
    "neighbours": KNeighborsClassifier(3),
    "forest": RandomForestClassifier(5, random_state=0),
    "calibrated": CalibratedClassifierCV(LinearSVC(), cv=2),
    "calibrated SVC": CalibratedClassifierCV(SVC(), cv=2, ensemble=False),
    "search": GridSearchCV(LogisticRegression(max_iter=1000), {"C": [1, 10]}, cv=2),
}
REGRESSORS = [Ridge(), KNeighborsRegressor(3), RandomForestRegressor(5, random_state=0)]


def extractor():
    return ConvFeatureExtractor(TinyNet(), image_size=32)


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_classifiers_give_their_labels_and_probabilities(opened, name, n_classes):
    X, codes = study(n_classes, n=24)
    y = np.array(["cat", "dog", "ox"])[codes]
    model = make_pipeline(extractor(), CLASSIFIERS[name]).fit(X, y)
    found = opened(answers_of_steps(take_apart(model)))(model[0].transform(X))
    assert list(found) == ["label", "probabilities"]
    assert np.array_equal(found["label"], model.predict(X))
    assert np.allclose(found["probabilities"], model.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("classes", [[3, 7], [False, True]])
def test_numbers_and_booleans_are_integers(opened, classes):
    X, codes = study(2)
    model = make_pipeline(extractor(), LogisticRegression()).fit(X, np.array(classes)[codes])
    parts = take_apart(model)
    found = opened(answers_of_steps(parts))(model[0].transform(X))["label"]
    assert found.dtype == np.int64
    assert np.array_equal(found, model.predict(X).astype(int))
    assert json.loads(class_names(parts)) == [int(label) for label in classes]


@pytest.mark.parametrize("regressor", REGRESSORS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("n_targets", [1, 2])
def test_regressors_give_a_column_per_target(opened, regressor, n_targets):
    X, codes = study(3, n=24)
    y = np.column_stack([codes * 1000.0, -codes])[:, :n_targets]
    model = make_pipeline(extractor(), regressor).fit(X, y[:, 0] if n_targets == 1 else y)
    values = opened(answers_of_steps(take_apart(model)))(model[0].transform(X))["values"]
    assert values.shape == y.shape
    assert np.allclose(values, model.predict(X).reshape(y.shape), rtol=1e-4, atol=1e-2)


def test_one_regression_per_label(opened):
    X, codes = study(3, n=24)
    y = np.eye(3, dtype=int)[codes] | np.array([1, 0, 0])
    y[0, 0] = 0
    model = make_pipeline(extractor(), OneVsRestClassifier(LogisticRegression())).fit(X, y)
    found = opened(answers_of_steps(take_apart(model)))(model[0].transform(X))
    assert list(found) == ["indicator", "probabilities"]
    assert np.array_equal(found["indicator"], model.predict(X))
    assert np.allclose(found["probabilities"], model.predict_proba(X), atol=1e-5)


def test_steps_after_the_extractor_may_end_without_a_predictor(opened):
    X, y = study()
    model = make_pipeline(extractor(), StandardScaler(), PCA(3)).fit(X, y)
    rows = opened(answers_of_steps(take_apart(model)))(model[0].transform(X))["rows"]
    assert np.allclose(rows, model.transform(X), atol=1e-4)


class Doubled(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return 2 * X


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([Doubled(), LogisticRegression()], r"Step 'doubled' \(Doubled\) cannot be converted"),
        ([RidgeClassifier()], r"Step 'ridgeclassifier' .* gives no probabilities.*Calibrated"),
    ],
)
def test_a_step_that_cannot_be_converted_is_named(steps, message):
    X, y = study()
    model = make_pipeline(extractor(), *steps).fit(X, y)
    with pytest.raises(TypeError, match=message):
        answers_of_steps(take_apart(model))


def test_several_outputs_are_refused():
    X, codes = study(2)
    y = np.column_stack([codes, 1 - codes])
    model = make_pipeline(extractor(), MultiOutputClassifier(LogisticRegression())).fit(X, y)
    with pytest.raises(TypeError, match="MultiOutputClassifier.*FineTuneClassifier"):
        answers_of_steps(take_apart(model))


def test_models_that_do_not_take_images_are_refused():
    X, y = study()
    pixels = X.reshape(len(X), -1)
    with pytest.raises(TypeError, match="begins with StandardScaler"):
        take_apart(make_pipeline(StandardScaler(), LogisticRegression()).fit(pixels, y))


@pytest.mark.parametrize("unfreeze", [None, 1])
def test_probabilities_of_classes_have_the_temperature(opened, unfreeze):
    X, codes = study(3, n=24)
    y = np.array(["ångström", "dog", "ox"])[codes]
    model = FineTuneClassifier(NormNet(), unfreeze=unfreeze, max_epochs=1, **SIZE).fit(X, y)
    model.temperature_ = 2.5
    found = opened(answers_of_logits(take_apart(model)))(outputs(model, X))
    assert list(found) == ["label", "probabilities"]
    assert found["label"].tolist() == model.predict(X).tolist()
    assert np.allclose(found["probabilities"], model.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("kind", [TransferClassifier, FineTuneClassifier])
def test_several_labels(opened, kind):
    pandas = pytest.importorskip("pandas")
    X, codes = study(3, n=24)
    y = np.eye(3, dtype=int)[codes]
    y[::5, 0] = 1
    options = SIZE if kind is TransferClassifier else SIZE | {"unfreeze": None}
    model = kind(NormNet(), **options).fit(X, pandas.DataFrame(y, columns=["sea", "sky", "sun"]))
    parts = take_apart(model)
    found = opened(answers_of_logits(parts))(outputs(model, X))
    assert np.array_equal(found["indicator"], model.predict(X))
    assert np.allclose(found["probabilities"], model.predict_proba(X), atol=1e-5)
    assert json.loads(class_names(parts)) == ["sea", "sky", "sun"]


@pytest.mark.parametrize("kind", [TransferRegressor, FineTuneRegressor])
def test_numbers_are_in_their_units(opened, kind):
    X, codes = study(3, n=24)
    y = codes * 1e5 + 3e5
    options = SIZE if kind is TransferRegressor else SIZE | {"unfreeze": None}
    model = kind(NormNet(), **options).fit(X, y)
    values = opened(answers_of_logits(take_apart(model)))(outputs(model, X))["values"]
    assert np.allclose(values[:, 0], model.predict(X), rtol=1e-4)


def outputs(model, X):
    """Return what the network of a model returns."""
    parts = take_apart(model)
    levels = parts.frozen.preprocessing.levels(X).movedim(-1, -3).float()
    return Network(parts, parts.head)(levels).numpy()
