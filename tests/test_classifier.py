"""`FineTuneClassifier` is a classifier of scikit-learn."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.estimators import make
from helpers.networks import NormNet
from helpers.pictures import save_all, study
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from skorch.callbacks import EarlyStopping
from torch import nn

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier, clear_cache


def test_unfreeze_none_is_logistic_regression_on_embeddings():
    X, y = study(3, 30)
    linear = make_pipeline(
        ConvFeatureExtractor(NormNet, image_size=16), LogisticRegression(C=10, max_iter=1000)
    )
    expected = linear.fit(X, y).predict_proba(X)
    np.testing.assert_allclose(
        make(None, head_C=10).fit(X, y).predict_proba(X), expected, atol=1e-5
    )


def test_unfreeze_none_is_logistic_regression_for_two_classes():
    X, y = study(2, 20)
    linear = make_pipeline(ConvFeatureExtractor(NormNet, image_size=16), LogisticRegression())
    expected = linear.fit(X, y).decision_function(X)
    np.testing.assert_allclose(
        make(None, head_C=1).fit(X, y).decision_function(X), expected, atol=1e-5
    )


@pytest.mark.parametrize(
    "names",
    [
        ["rose", "tulip", "iris"],
        np.array(["b", "a", "c"], dtype=object),
        [7, -3, 12],
        [2.0, 5.0, 1.0],
        pd.Series(["x", "y", "z"]),
    ],
)
def test_labels_of_all_types_come_back(names):
    X, codes = study(3, 30)
    y = [list(names)[code] for code in codes]
    y = pd.Series(y, index=range(100, 130)) if isinstance(names, pd.Series) else np.asarray(y)
    classifier = make().fit(X, y)
    np.testing.assert_array_equal(classifier.classes_, np.unique(names))
    predicted = classifier.predict(X)
    assert predicted.dtype == classifier.classes_.dtype
    assert (predicted == y).mean() == classifier.score(X, y) > 0.9
    probabilities = classifier.predict_proba(X)
    assert probabilities.shape == (30, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    logits = classifier.decision_function(X)
    np.testing.assert_array_equal(classifier.classes_[logits.argmax(axis=1)], predicted)


def test_two_classes_have_one_decision_value():
    X, y = study(2, 20)
    classifier = make().fit(X, y == 1)
    assert classifier.classes_.tolist() == [False, True]
    decision = classifier.decision_function(X)
    assert decision.shape == (20,)
    np.testing.assert_array_equal(classifier.predict(X), decision > 0)
    np.testing.assert_allclose(classifier.predict_proba(X)[:, 1], 1 / (1 + np.exp(-decision)))


def test_clones_parameters_and_tags_are_those_of_scikit_learn():
    classifier = make(callbacks=[EarlyStopping()], net_params={"optimizer": torch.optim.SGD})
    copy = clone(classifier).set_params(unfreeze="all", lr=0.5)
    assert (copy.unfreeze, copy.lr, classifier.lr) == ("all", 0.5, 1e-3)
    assert copy.net_params == {"optimizer": torch.optim.SGD}
    assert "FineTuneClassifier" in classifier._repr_html_()
    tags = classifier.__sklearn_tags__()
    assert tags.estimator_type == "classifier"
    assert tags.target_tags.required
    assert not tags.input_tags.two_d_array


@pytest.mark.filterwarnings("ignore:The training went wrong")  # with large steps, on random weights
def test_only_flat_rows_have_n_features_in():
    X = np.random.default_rng(0).uniform(size=(12, 20))
    classifier = make(image_shape="strip").fit(X, np.arange(12) % 2)
    assert classifier.n_features_in_ == 20
    with pytest.raises(ValueError, match="19 features"):
        classifier.predict(X[:, :19])
    images, y = study(2, 12)
    assert not hasattr(make().fit(images, y), "n_features_in_")


def test_an_unfitted_classifier_says_so(make_images):
    classifier = make()
    for method in ("predict", "predict_proba", "decision_function", "transform"):
        with pytest.raises(NotFittedError):
            getattr(classifier, method)(make_images())
    assert not hasattr(classifier, "net_")


@pytest.mark.filterwarnings("ignore:The training went wrong")  # with large steps, on random weights
def test_a_grid_search_shares_the_frozen_passes(network_images):
    X, y = study(3, 30)
    grid = {"unfreeze": [None, 1, 2, "all"], "lr": [1e-2, 1e-4]}
    search = GridSearchCV(make(max_epochs=2), grid, cv=2, error_score="raise").fit(X, y)
    assert search.score(X, y) > 0.9
    # The embeddings (for None and "all"), the maps before stage2, those before stage1 being as
    # large as the image; and the fine-tuned "all" and 2, on the part that they predict.
    fits = 2 * 2 * 30
    assert sum(network_images) <= 30 * 2 + fits + 30


def invert(X):
    return 255 - X


def test_pipelines_and_voting_work(tmp_path):
    X, y = study(3, 30)
    inverted = Pipeline([("invert", FunctionTransformer(invert)), ("tune", make(max_epochs=2))])
    assert inverted.fit(X, y).score(X, y) > 0.9
    linear = make_pipeline(ConvFeatureExtractor(NormNet, image_size=16), LogisticRegression())
    voting = VotingClassifier([("linear", linear), ("tuned", make())], voting="soft")
    paths = save_all(X, tmp_path)
    assert voting.fit(paths, y).score(paths, y) > 0.9


@pytest.mark.parametrize("unfreeze", [1, "all"])
def test_the_same_bits_over_paths_arrays_and_jobs(unfreeze, tmp_path):
    X, y = study(3, 30)
    paths = np.array([str(path) for path in save_all(X, tmp_path)])
    classifier = make(unfreeze, early_stopping=True, validation_fraction=0.3, max_epochs=2)
    kwargs = {"method": "predict_proba", "cv": 2}
    expected = cross_val_predict(classifier, X, y, **kwargs)
    for form, n_jobs in [(paths, 1), (paths, 2), (X, 2)]:
        got = cross_val_predict(classifier, form, y, n_jobs=n_jobs, **kwargs)
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("unfreeze", [1, "all"])
def test_the_same_bits_whatever_the_cache_holds(unfreeze):
    """On a real network, where training magnifies what the last bits of a row say."""
    X, y = study(2, 10)
    classifier = FineTuneClassifier(
        unfreeze=unfreeze, image_size=32, batch_size=10, max_epochs=1, random_state=0
    )
    expected = classifier.fit(X, y).predict_proba(X)
    clear_cache()
    classifier.fit(X[:5], y[:5])  # so that the others come in other batches
    np.testing.assert_array_equal(classifier.fit(X, y).predict_proba(X), expected)
    kwargs = {"method": "predict_proba", "cv": 2}
    folds = []
    for n_jobs in (1, 2):
        clear_cache()
        folds.append(cross_val_predict(classifier, X, y, n_jobs=n_jobs, **kwargs))
    np.testing.assert_array_equal(*folds)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"unfreeze": "stage9"}, ValueError, "no layer 'stage9'. Did you mean 'stage2' or"),
        (
            {"unfreeze": 4},
            ValueError,
            "unfreeze=4, but NormNet has only 3 layers with weights: stem, ",
        ),
        ({"head": nn.Linear(8, 3)}, TypeError, "head is a Linear"),
        ({"unfreeze": True}, TypeError, "unfreeze=True must be"),
        ({"unfreeze": 0}, ValueError, "'unfreeze' parameter"),
        ({"lr": 0}, ValueError, "'lr' parameter"),
        ({"layer_decay": 1.5}, ValueError, "'layer_decay' parameter"),
        ({"augment": "flip"}, ValueError, "'augment' parameter"),
        ({"head": "mlp"}, ValueError, "'head' parameter"),
        ({"class_weight": "even"}, ValueError, "'class_weight' parameter"),
        ({"backbone": "efficientnet"}, ValueError, "Did you mean"),
        ({"device": "gpu"}, ValueError, "device='gpu' cannot be used"),
        ({"image_size": (0, 3)}, ValueError, "positive"),
    ],
)
def test_errors_name_wrong_parameters(parameters, error, message):
    X, y = study(3, 12)
    with pytest.raises(error, match=message):
        make(**parameters).fit(X, y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y"),
        (list("abcabcabcab"), "X has 12 images and y has 11 labels"),
        ([0.0, 1.0, np.nan] * 4, r"y\[2\] is nan"),
        (["a", None, "b"] * 4, r"y\[1\] is None"),
        (pd.Series(["a", "b", pd.NA] * 4, dtype=object), r"y\[2\] is <NA>"),
        (["same"] * 12, "all 12 labels are 'same'"),
        (np.linspace(0, 1, 12), "Unknown label type"),
        (np.zeros((12, 2)), "Each of the 2 columns of y has a single value"),
    ],
)
def test_errors_name_wrong_labels(y, message):
    X, _ = study(3, 12)
    with pytest.raises(ValueError, match=message):
        make().fit(X, y)


def test_errors_name_wrong_images(tmp_path):
    X, y = study(2, 4)
    paths = save_all(X, tmp_path)
    (tmp_path / "broken.png").write_bytes(paths[0].read_bytes()[:60])
    for unfreeze in (None, 1, "all"):
        classifier = make(unfreeze).fit(paths, y)
        for call in (partial(clone(classifier).fit, y=y), classifier.predict):
            with pytest.raises(FileNotFoundError, match=r"X\[3\].*nowhere.png"):
                call([*paths[:3], tmp_path / "nowhere.png"])
            with pytest.raises(ValueError, match=r"X\[2\].*broken.png"):
                call([*paths[:2], tmp_path / "broken.png", paths[3]])
            with pytest.raises(ValueError, match="from -1.*value_range"):
                call(X / 255.0 - 1)
            with pytest.raises(TypeError, match="single path"):
                call(str(paths[0]))
            with pytest.raises(ValueError, match="X is empty"):
                call([])


def test_layers_are_trained_on_images_of_one_native_size():
    X, y = study(2, 12)
    classifier = make(1, image_size="native").fit(X, y)
    assert classifier.predict([X[0], X[1][:20]]).shape == (2,)
    mixed = [*X[:11], X[11][:20]]
    assert make(None, image_size="native").fit(mixed, y).score(mixed, y) > 0.5
    with pytest.raises(ValueError, match='image_size="native".*one size'):
        make(1, image_size="native").fit(mixed, y)
