"""`TransferClassifier` and `TransferRegressor`: a linear model on the features of all layers."""

import pickle

import numpy as np
import pytest
from helpers.networks import NormNet
from helpers.pictures import study
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score

from sklearn_tl import (
    ConvFeatureExtractor,
    FineTuneClassifier,
    TransferClassifier,
    TransferRegressor,
    class_activation_maps,
    load,
    save,
)
from sklearn_tl.comparison import compare_strategies
from sklearn_tl.datasets import load_photo_patches

SMALL = {"backbone": NormNet, "image_size": 16}


@pytest.fixture(scope="module")
def patches():
    data = load_photo_patches()
    train = data.train
    return (
        data.images[train][::4],
        data.target[train][::4],
        data.images[~train],
        data.target[~train],
    )


def test_photographs_are_told_apart(patches):
    X, y, X_test, y_test = patches
    model = TransferClassifier(image_size=96).fit(X, y)
    assert model.score(X_test, y_test) > 0.85
    chance = model.predict_proba(X_test)
    np.testing.assert_allclose(chance.sum(axis=1), 1)
    np.testing.assert_array_equal(model.classes_[chance.argmax(axis=1)], model.predict(X_test))


def test_early_layers_know_what_the_embedding_does_not(patches):
    X, _, X_test, _ = patches
    redness, truth = (x[..., 0].mean((1, 2)) - x[..., 2].mean((1, 2)) for x in (X, X_test))
    of_all, of_last = (
        TransferRegressor(image_size=96, layer_decay=d).fit(X, redness) for d in ("auto", 0)
    )
    assert of_all.layer_decay_ > 0
    assert of_last.layer_decay_ == 0
    unexplained = [1 - model.score(X_test, truth) for model in (of_all, of_last)]
    assert unexplained[0] < 0.5 * unexplained[1]


def test_the_coefficients_belong_to_the_rows_of_an_extractor(patches):
    X, y, X_test, _ = patches
    model = TransferClassifier(image_size=96).fit(X, y)
    of_all = {"layer": "all", "pooling": "avgmax", "normalization": "l2"}
    rows = ConvFeatureExtractor(**of_all, image_size=96)
    rows = rows.fit_transform(X_test[:9])
    expected = rows @ model.coef_.T + model.intercept_
    np.testing.assert_allclose(model.decision_function(X_test[:9]), expected, atol=1e-4)


def test_the_mean_of_a_map_is_the_logit(patches):
    X, y, X_test, _ = patches
    model = TransferClassifier(image_size=96).fit(X, y)
    model.temperature_ = 2.0
    maps = class_activation_maps(model, X_test[::50])
    assert maps.shape[1:] == (3, 3)
    logits = model.decision_function(X_test[::50]).max(axis=1)
    np.testing.assert_allclose(maps.mean(axis=(1, 2)), logits, atol=1e-4)


@pytest.mark.filterwarnings("ignore:Only 4 of 16 images can be predicted")
@pytest.mark.parametrize("size", [100, 200])
def test_maps_of_sizes_that_do_not_divide_each_other_are_exact(size, patches):
    X, y, X_test, _ = patches
    model = TransferClassifier(image_size=size, layer_decay=1, alpha=1e-3).fit(X[::4], y[::4])
    maps = class_activation_maps(model, X_test[:3])
    logits = model.decision_function(X_test[:3]).max(axis=1)
    np.testing.assert_allclose(maps.mean(axis=(1, 2)), logits, atol=1e-4)


def test_there_are_no_maps_if_the_embedding_is_more_than_a_mean():
    X, y = study(n=12)
    model = TransferClassifier("densenet121", weights=None, image_size=64, cache=None).fit(X, y)
    with pytest.raises(ValueError, match="no maps, because densenet121 does more"):
        class_activation_maps(model, X[:2])


def test_parameters_wait_for_the_next_fit():
    X, _ = study(n=6)
    extractor = ConvFeatureExtractor(**SMALL, pooling="avgmax", normalization="l2", cache=None)
    expected = extractor.fit(X).transform(X)
    extractor.set_params(pooling="avg", layer="all", normalization=None)
    np.testing.assert_array_equal(extractor.transform(X), expected)


def test_the_temperature_changes_the_sureness_alone(patches):
    X, y, X_test, _ = patches
    model = TransferClassifier(image_size=96).fit(X, y)
    before = model.predict_proba(X_test)
    model.temperature_ = 3.0
    after = model.predict_proba(X_test)
    np.testing.assert_array_equal(before.argmax(axis=1), after.argmax(axis=1))
    assert after.max(axis=1).mean() < before.max(axis=1).mean()


def test_several_labels_and_names():
    pd = pytest.importorskip("pandas")
    X, y = study(n=80)
    labels = pd.DataFrame({"is": (y == y[0]).astype(int), "is not": (y != y[0]).astype(int)})
    model = TransferClassifier(**SMALL).fit(X, labels)
    assert model.target_names_.tolist() == ["is", "is not"]
    assert model.classes_.tolist() == [[0, 1], [0, 1]]
    assert model.predict_proba(X).shape == (80, 2)
    assert model.score(X, labels) > 0.9
    with pytest.raises(ValueError, match="several labels.*Leave class_weight out"):
        TransferClassifier(class_weight="balanced", **SMALL).fit(X, labels)


def test_numbers_have_the_units_of_y_and_one_penalty_per_target():
    X, y = study(n=80)
    y = 1e6 + 1e3 * y
    noise = np.random.default_rng(0).normal(size=80)
    model = TransferRegressor(**SMALL).fit(X[:60], y[:60])
    assert model.score(X[60:], y[60:]) > 0.9
    assert model.predict(X).shape == (80,)
    both = TransferRegressor(**SMALL).fit(X[:60], np.column_stack([y, noise])[:60])
    assert both.predict(X[60:]).shape == (20, 2)
    assert both.alpha_[0] < both.alpha_[1]


def test_without_a_choice_it_is_a_ridge_regression():
    X, _ = study(n=40)
    y = X.mean(axis=(1, 2, 3))
    model = TransferRegressor(layer_decay=1, alpha=0.3, **SMALL).fit(X, y)
    of_all = {"layer": "all", "pooling": "avgmax", "normalization": "l2"}
    rows = ConvFeatureExtractor(**of_all, **SMALL).fit_transform(X)
    n_layers = round(float((rows[0] ** 2).sum())) / 2  # each has a mean and a maximum
    rows = rows.astype(float) / np.sqrt(n_layers)
    ridge = Ridge(alpha=0.3).fit(rows, (y - y.mean()) / y.std())
    np.testing.assert_allclose(
        model.predict(X), ridge.predict(rows) * y.std() + y.mean(), rtol=1e-4
    )


def test_weights_count_as_copies_and_zero_leaves_out():
    X, y = study(n=40)
    weight = np.tile([1, 2, 0, 1], 10)
    weighted = TransferClassifier(**SMALL).fit(X, y, sample_weight=weight)
    copies = np.repeat(np.arange(40), weight)
    copied = TransferClassifier(**SMALL).fit(X[copies], y[copies])
    assert (weighted.layer_decay_, weighted.alpha_) == (copied.layer_decay_, copied.alpha_)
    np.testing.assert_allclose(weighted.predict_proba(X), copied.predict_proba(X), atol=0.02)


@pytest.mark.parametrize("estimator", [TransferClassifier, FineTuneClassifier])
def test_weights_that_are_shares_are_said(estimator):
    X, y = study(n=40)
    options = SMALL | ({"unfreeze": None} if estimator is FineTuneClassifier else {})
    with pytest.warns(UserWarning, match=r"40 images sum to 1\. .*as for 1 images") as said:
        estimator(**options).fit(X, y, sample_weight=np.full(40, 1 / 40))
    assert said[0].filename == __file__


def test_a_class_of_weight_zero_is_never_predicted():
    X, y = study(n=60)
    y = y.copy()
    y[::3] = 2
    model = TransferClassifier(class_weight={0: 1, 1: 1, 2: 0}, **SMALL).fit(X, y)
    assert np.isfinite(model.decision_function(X)).all()
    assert 2 not in model.predict(X)


def test_rare_classes_are_found_with_balanced_weights():
    rng = np.random.default_rng(0)
    y = np.arange(90) % 9 == 0
    brightness = rng.normal(100 + 20 * y, 20)  # which hardly tells the classes apart
    X = rng.normal(brightness[:, None, None, None], 10, (90, 24, 30, 3)).clip(0, 255)
    plain, balanced = (
        TransferClassifier(class_weight=w, **SMALL).fit(X.astype(np.uint8), y)
        for w in (None, "balanced")
    )
    share = [m.predict(X.astype(np.uint8)).mean() for m in (plain, balanced)]
    assert share[0] < y.mean() < 2 * y.mean() < share[1]


def test_groups_are_left_out_together_in_the_choice():
    X, y = study(n=40)
    groups = np.repeat(np.arange(10), 4)
    model = TransferClassifier(**SMALL)
    one, two = model.fit(X, y).coef_, model.fit(X, y, groups=groups).coef_
    assert not np.array_equal(one, two)
    with pytest.raises(ValueError, match="groups"):
        model.fit(X, y, groups=groups[:-1])


def test_one_image_per_class_is_said_where_fit_is_called(patches):
    X, y, X_test, y_test = patches
    first = np.unique(y, return_index=True)[1]
    with pytest.warns(UserWarning, match="Only 0 of 14 images can be predicted") as said:
        model = TransferClassifier(image_size=96).fit(X[first], y[first])
    assert said[0].filename == __file__
    assert (model.layer_decay_, model.alpha_) == (0, 0.3)
    assert model.score(X_test, y_test) > 0.5  # 0.07 by chance
    assert 0.3 < model.predict_proba(X_test).max(axis=1).mean() < 0.9


@pytest.mark.filterwarnings("ignore:Only .* images can be predicted")
@pytest.mark.parametrize("n_others", [1, 2, 10])
def test_classes_that_no_left_out_image_can_have_are_still_predicted(patches, n_others):
    """All answers were the first class if its images alone could be predicted by others."""
    X, y, X_test, y_test = patches
    several = np.flatnonzero(y == y[0])[: 1 + n_others]
    others = np.unique(y, return_index=True)[1]
    some = np.union1d(several, others)
    model = TransferClassifier(image_size=96).fit(X[some], y[some])
    assert model.score(X_test, y_test) > 0.5  # 0.07 by chance
    groups = np.where(np.isin(some, several), some, -1 - y[some])  # of the others, one per class
    again = TransferClassifier(image_size=96).fit(X[some], y[some], groups=groups)
    assert again.score(X_test, y_test) > 0.5
    labels = (y[some, None] == np.unique(y)).astype(int)
    tags = TransferClassifier(image_size=96).fit(X[some], labels, groups=groups)
    found = tags.predict_proba(X_test).argmax(axis=1)
    assert (found == np.searchsorted(np.unique(y), y_test)).mean() > 0.3


def test_it_lives_in_searches_pickles_and_files(tmp_path):
    X, y = study(n=40)
    model = TransferClassifier(**SMALL)
    assert cross_val_score(model, X, y, cv=3).min() > 0.8
    search = GridSearchCV(model, {"layer_decay": [0, 1]}, cv=2).fit(X, y)
    assert search.best_estimator_.score(X, y) > 0.8
    fitted = clone(model).fit(X, y)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize("kind", [TransferClassifier, TransferRegressor])
def test_a_saved_file_predicts_the_same_bits(kind, tmp_path):
    X, y = study(n=20)
    y = X.mean(axis=(1, 2, 3)) if kind is TransferRegressor else y
    model = kind(image_size=32).fit(X, y)
    save(model, tmp_path / "model.sktl")
    np.testing.assert_array_equal(load(tmp_path / "model.sktl").predict(X), model.predict(X))


def test_the_rows_of_one_image_do_not_depend_on_the_others(patches):
    X, y, X_test, _ = patches
    model = TransferClassifier(image_size=96).fit(X, y)
    np.testing.assert_array_equal(
        model.predict_proba(X_test[:1])[0], model.predict_proba(X_test)[0]
    )


def test_a_comparison_calibrates_it():
    X, y = study(n=60)
    found = compare_strategies(
        X, y, cv=2, strategies={"all": TransferClassifier(**SMALL)}, calibrate=True, verbose=0
    )
    assert found.best_estimator_.temperature_ != 1


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"layer_decay": 1.5}, "layer_decay"),
        ({"layer_decay": "none"}, "layer_decay"),
        ({"alpha": 0}, "alpha"),
        ({"class_weight": "equal"}, "class_weight"),
    ],
)
def test_wrong_parameters_are_named(parameters, message):
    X, y = study(n=20)
    with pytest.raises(ValueError, match=message):
        TransferClassifier(**SMALL, **parameters).fit(X, y)
