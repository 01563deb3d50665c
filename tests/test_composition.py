"""The estimators inside everything of scikit-learn that takes estimators, on paths and on arrays.

Where scikit-learn itself refuses images, a test says so and shows the way around. The page
`sklearn_tl/targets/README.md` has the same list.
"""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn
from helpers.estimators import make, make_regressor
from helpers.networks import FlatNet
from helpers.pictures import save_all, study
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import average_precision_score, get_scorer, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from threadpoolctl import threadpool_limits

import sklearn_tl
from sklearn_tl import ConvFeatureExtractor, _finetuner

N, N_TRAIN = 36, 24
C = 100
PAGE = Path(sklearn_tl.__file__).parent / "targets" / "README.md"


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Keep threads of BLAS from waiting for each other in problems as small as these."""
    with threadpool_limits(1, user_api="blas"):
        yield


def linear():
    return LogisticRegression(C=C, max_iter=10_000)


def extractor(**parameters):
    return ConvFeatureExtractor(FlatNet, image_size=16, **parameters)


def tuner(unfreeze=None, **parameters):
    """Return a classifier that is the same as `linear` on embeddings, unless it trains layers."""
    return make(unfreeze, backbone=FlatNet, head_C=C, **parameters)


def pipeline():
    return make_pipeline(extractor(), linear())


def regressor(**parameters):
    return make_regressor(None, backbone=FlatNet, **parameters)


def forms(X, folder):
    """Return images as paths, as an array, and as embeddings."""
    paths = [str(path) for path in save_all(X, folder)]
    return {"paths": paths, "array": X, "rows": extractor().fit_transform(X)}


@pytest.fixture(scope="module")
def coloured(tmp_path_factory):
    """Return images of three colours in three forms."""
    return forms(study(3, N)[0], tmp_path_factory.mktemp("coloured"))


@pytest.fixture(scope="module")
def lit(tmp_path_factory):
    """Return images of different brightness in three forms."""
    random = np.random.default_rng(0)
    X = random.integers(20, 220, (N, 1, 1, 1)) + random.integers(-20, 20, (N, 24, 30, 3))
    return forms(X.astype(np.uint8), tmp_path_factory.mktemp("lit"))


Y = np.arange(N) % 3  # the classes of `study`
IS_RED = (Y == 0).astype(int)
LABELS = np.column_stack([Y == 0, Y == 1, Y < 2]).astype(int)
TRAIN, TEST = slice(N_TRAIN), slice(N_TRAIN, None)

on_paths_and_arrays = pytest.mark.parametrize("form", ["paths", "array"])
of_both_kinds = pytest.mark.parametrize("model", [tuner, pipeline])
of_both_kinds_on_both = pytest.mark.parametrize(
    ("model", "form"),
    [(tuner, "paths"), (tuner, "array"), (pipeline, "paths")],
    ids=["tuner-paths", "tuner-array", "pipeline-paths"],
)
one_kind_on_each = pytest.mark.parametrize(
    ("model", "form"),
    [(tuner, "paths"), (pipeline, "array")],
    ids=["tuner-paths", "pipeline-array"],
)
of_both_tasks = pytest.mark.parametrize("kind", ["classifier", "regressor"])
SPLIT = [(np.arange(N_TRAIN), np.arange(N_TRAIN, N))]
HALVES = [(np.arange(12), np.arange(12, N_TRAIN))]  # of the images to train on


def brightness(lit):
    return lit["array"].mean(axis=(1, 2, 3))


# Classifiers of classifiers


def stacking(model):
    return StackingClassifier([("one", model()), ("other", DummyClassifier())], cv=2)


def voting(model):
    return VotingClassifier([("one", model()), ("other", model())], voting="soft")


def calibrated(model):
    return CalibratedClassifierCV(model(), cv=HALVES)


def with_threshold(model):
    return TunedThresholdClassifierCV(model(), cv=HALVES, thresholds=10)


def one_against_the_rest(model):
    return OneVsRestClassifier(model())


@of_both_kinds_on_both
@pytest.mark.parametrize(
    ("around", "y"),
    [
        (one_against_the_rest, Y),
        (stacking, Y),
        (voting, Y),
        (calibrated, Y),
        (with_threshold, IS_RED),
    ],
    ids=[
        "OneVsRestClassifier",
        "StackingClassifier",
        "VotingClassifier",
        "CalibratedClassifierCV",
        "TunedThresholdClassifierCV",
    ],
)
def test_a_classifier_around_it_predicts_as_from_embeddings(around, y, model, form, coloured):
    X, rows = coloured[form], coloured["rows"]
    fitted = around(model).fit(X[TRAIN], y[TRAIN])
    assert_array_equal(fitted.predict(X[TEST]), y[TEST])
    expected = around(linear).fit(rows[TRAIN], y[TRAIN]).predict_proba(rows[TEST])
    assert_allclose(fitted.predict_proba(X[TEST]), expected, atol=0.02)


@of_both_kinds_on_both
def test_several_outputs_of_several_classes_are_predicted(model, form, coloured):
    X, y = coloured[form], np.column_stack([Y, IS_RED])
    fitted = MultiOutputClassifier(model()).fit(X[TRAIN], y[TRAIN])
    assert_array_equal(fitted.predict(X[TEST]), y[TEST])
    expected = MultiOutputClassifier(linear()).fit(coloured["rows"][TRAIN], y[TRAIN])
    expected = expected.predict_proba(coloured["rows"][TEST])
    for found, wanted in zip(fitted.predict_proba(X[TEST]), expected, strict=True):
        assert_allclose(found, wanted, atol=0.02)


REFUSING = {
    "ClassifierChain": (ClassifierChain, LABELS, LABELS),
    "BaggingClassifier": (partial(BaggingClassifier, n_estimators=3, random_state=0), Y, Y),
    "SelfTrainingClassifier": (SelfTrainingClassifier, np.where(np.arange(N) % 4, Y, -1), Y),
}
of_those_that_refuse = pytest.mark.parametrize(
    ("around", "y_train", "y"), REFUSING.values(), ids=REFUSING
)


@on_paths_and_arrays
@of_both_kinds
@of_those_that_refuse
def test_some_classifiers_refuse_images(around, y_train, y, model, form, coloured):
    message = "Expected 2D array" if form == "paths" else "dim 4"
    with pytest.raises(ValueError, match=message):
        around(model()).fit(coloured[form], y_train)


@on_paths_and_arrays
@of_those_that_refuse
def test_they_work_behind_an_embedding_step(around, y_train, y, form, coloured):
    X, rows = coloured[form], coloured["rows"]
    behind = make_pipeline(extractor(), around(linear())).fit(X[TRAIN], y_train[TRAIN])
    assert behind.score(X[TEST], y[TEST]) == 1
    expected = around(linear()).fit(rows[TRAIN], y_train[TRAIN])
    assert_array_equal(behind.predict_proba(X[TEST]), expected.predict_proba(rows[TEST]))


@pytest.mark.parametrize("name", ["BaggingClassifier", "SelfTrainingClassifier"])
def test_some_that_refuse_images_take_flat_rows_also_to_train_layers(name, coloured):
    around, y_train, y = REFUSING[name]
    X = coloured["array"]
    flat = X.reshape(N, -1)
    classifier = around(tuner(1, max_epochs=1, image_shape=X.shape[1:]))
    assert classifier.fit(flat[TRAIN], y_train[TRAIN]).score(flat[TEST], y[TEST]) == 1


@of_both_kinds
def test_bagging_takes_a_table_of_paths(model, coloured):
    around, y, _ = REFUSING["BaggingClassifier"]
    table = pd.DataFrame({"photo": coloured["paths"]})
    classifier = around(model()).fit(table[TRAIN], y[TRAIN])
    assert classifier.score(table[TEST], y[TEST]) == 1


@on_paths_and_arrays
def test_stacking_passes_embeddings_through_but_no_images(form, coloured):
    X = coloured[form]

    def stack(model):
        return StackingClassifier([("one", model)], linear(), cv=2, passthrough=True)

    with pytest.raises(ValueError, match="same number of dimensions"):
        stack(tuner()).fit(X[TRAIN], Y[TRAIN])
    behind = make_pipeline(extractor(), stack(linear())).fit(X[TRAIN], Y[TRAIN])
    assert behind.score(X[TEST], Y[TEST]) == 1
    assert behind[-1].final_estimator_.n_features_in_ == 3 + coloured["rows"].shape[1]


# Searches and curves


def candidates(model, values):
    """Return a grid for the C of the linear head."""
    names = {tuner: "head_C", pipeline: "logisticregression__C", linear: "C"}
    return {names[model]: values}


def results(search):
    return search.cv_results_["mean_test_score"]


@one_kind_on_each
@pytest.mark.parametrize(
    "search",
    [
        partial(HalvingGridSearchCV, cv=2, min_resources=12, factor=3, random_state=0),
        partial(RandomizedSearchCV, cv=SPLIT, n_iter=2, random_state=0),
    ],
    ids=["HalvingGridSearchCV", "RandomizedSearchCV"],
)
def test_a_search_finds_what_it_finds_on_embeddings(search, model, form, coloured):
    X, rows = coloured[form], coloured["rows"]
    values = [1e-4, C]
    found = search(model(), candidates(model, values), scoring="neg_log_loss").fit(X, Y)
    expected = search(linear(), candidates(linear, values), scoring="neg_log_loss").fit(rows, Y)
    assert list(found.best_params_.values()) == list(expected.best_params_.values()) == [C]
    assert_allclose(results(found), results(expected), atol=0.02)
    assert_array_equal(found.predict(X), Y)


def learning(model, X):
    how = {"train_sizes": [6, N_TRAIN], "cv": SPLIT, "scoring": "neg_log_loss"}
    return learning_curve(model(), X, Y, error_score="raise", **how)[1:]


def validation(model, X):
    ((name, values),) = candidates(model, [1e-3, C]).items()
    how = {"param_name": name, "param_range": values, "cv": SPLIT, "scoring": "neg_log_loss"}
    return validation_curve(model(), X, Y, error_score="raise", **how)


def permutation(model, X):
    how = {"cv": SPLIT, "n_permutations": 3, "random_state": 0}
    score, _, p_value = permutation_test_score(model(), X, Y, **how)
    assert (score, p_value) == (1, 1 / 4)
    return score, p_value


def probabilities(model, X):
    return cross_val_predict(model(), X, Y, cv=2, method="predict_proba")


@one_kind_on_each
@pytest.mark.parametrize(
    "function",
    [learning, validation, permutation, probabilities],
    ids=["learning_curve", "validation_curve", "permutation_test_score", "cross_val_predict"],
)
def test_curves_and_cross_validation_are_as_on_embeddings(function, model, form, coloured):
    found, expected = function(model, coloured[form]), function(linear, coloured["rows"])
    assert_allclose(found, expected, atol=0.02)


@of_both_kinds_on_both
def test_average_precision_is_a_scorer(model, form, coloured):
    scorer = make_scorer(average_precision_score, response_method="predict_proba")
    X, y = coloured[form], np.where(np.arange(N) % 5, IS_RED, 1 - IS_RED)  # no easy task
    scores = cross_val_score(model(), X, y, cv=SPLIT, scoring=scorer)
    expected = cross_val_score(linear(), coloured["rows"], y, cv=SPLIT, scoring=scorer)
    assert expected.max() < 1
    assert_allclose(scores, expected, atol=0.02)


# Several labels per image


def one_per_label():
    return make_pipeline(extractor(), OneVsRestClassifier(linear()))


@on_paths_and_arrays
@pytest.mark.parametrize("model", [tuner, one_per_label])
def test_average_precision_is_a_scorer_of_several_labels(model, form, coloured):
    scorer = make_scorer(average_precision_score, response_method="predict_proba")
    y = np.where(np.arange(N)[:, None] % 5, LABELS, 1 - LABELS)
    scores = cross_val_score(model(), coloured[form], y, cv=SPLIT, scoring=scorer)
    rows, expected = coloured["rows"], OneVsRestClassifier(linear())
    assert_allclose(scores, cross_val_score(expected, rows, y, cv=SPLIT, scoring=scorer), atol=0.02)


@pytest.mark.parametrize(
    ("model", "method", "form"),
    [
        (tuner, "predict_proba", "paths"),
        (tuner, "predict_proba", "array"),
        (tuner, "decision_function", "array"),
        (one_per_label, "predict_proba", "paths"),
    ],
)
def test_cross_validation_predicts_several_labels(method, model, form, coloured):
    found = cross_val_predict(model(), coloured[form], LABELS, cv=2, method=method)
    assert_array_equal(found > (0 if method == "decision_function" else 0.5), LABELS)
    rows, expected = coloured["rows"], OneVsRestClassifier(linear())
    expected = cross_val_predict(expected, rows, LABELS, cv=2, method=method)
    assert_allclose(found, expected, atol=0.02, rtol=0.02)


# Numbers


@on_paths_and_arrays
@pytest.mark.parametrize(
    "model",
    [
        partial(regressor, head_alpha=1),
        lambda: make_pipeline(extractor(), Ridge(alpha=1)),
    ],
    ids=["regressor", "pipeline"],
)
def test_a_price_is_learned_as_its_logarithm(model, form, lit):
    X, rows = lit[form], lit["rows"]
    y = np.exp(brightness(lit) / 20)  # from 3 to 60,000

    def in_logarithms(model):
        return TransformedTargetRegressor(model, func=np.log, inverse_func=np.exp)

    fitted = in_logarithms(model()).fit(X[TRAIN], y[TRAIN])
    assert fitted.score(X[TEST], y[TEST]) > 0.9
    assert fitted.score(X[TEST], y[TEST]) > model().fit(X[TRAIN], y[TRAIN]).score(X[TEST], y[TEST])
    expected = in_logarithms(Ridge(alpha=1)).fit(rows[TRAIN], y[TRAIN]).predict(rows[TEST])
    assert_allclose(fitted.predict(X[TEST]), expected, rtol=1e-2)


# Embeddings beside others


@on_paths_and_arrays
def test_a_feature_union_puts_embeddings_side_by_side(form, coloured):
    X, rows = coloured[form], coloured["rows"]
    tuned = tuner(1, max_epochs=1)
    union = FeatureUnion([("pretrained", extractor()), ("tuned", tuned)])
    both = make_pipeline(union, linear()).fit(X[TRAIN], Y[TRAIN])
    assert both.score(X[TEST], Y[TEST]) == 1
    expected = np.hstack([rows, tuned.fit(X[TRAIN], Y[TRAIN]).transform(X)])
    assert_array_equal(both[0].transform(X), expected)
    names = both[0].get_feature_names_out()
    assert len(names) == expected.shape[1]
    assert (names[0], names[-1][:24]) == (
        "pretrained__convfeatureextractor0",
        "tuned__finetuneclassifie",
    )


def goods(coloured, form):
    """Return a table of images beside other columns, and classes that need two of the columns."""
    kind = np.where(np.arange(N) // 3 % 2, "new", "used")
    columns = {"photo": list(coloured[form]), "weight": np.arange(N) / 7, "kind": kind}
    return columns, np.char.add(kind, Y.astype(str))


def columns(image="photo"):
    return ColumnTransformer(
        [
            ("image", extractor(), image),
            ("number", StandardScaler(), ["weight"]),
            ("category", OneHotEncoder(sparse_output=False), ["kind"]),
        ]
    )


@on_paths_and_arrays
def test_a_column_of_images_is_used_beside_numbers_and_categories(form, coloured):
    table, y = goods(coloured, form)
    table = pd.DataFrame(table)
    both = make_pipeline(columns(), linear()).fit(table[TRAIN], y[TRAIN])
    assert both.score(table[TEST], y[TEST]) == 1
    found = columns().fit_transform(table)
    rows = coloured["rows"]
    assert_allclose(found[:, : rows.shape[1]], rows, rtol=1e-6)
    assert_allclose(found[:, -3].mean(), 0, atol=1e-12)
    assert_array_equal(found[:, -2], table["kind"] == "new")


@on_paths_and_arrays
@pytest.mark.parametrize("transformer", [extractor, partial(tuner, 1, max_epochs=1), regressor])
def test_embeddings_become_a_table(transformer, form, coloured):
    transformer = transformer().fit(coloured[form], Y)
    expected = transformer.transform(coloured[form])
    name = type(transformer).__name__.lower()
    for library in ("pandas", "polars"):
        frame = pytest.importorskip(library).DataFrame
        table = transformer.set_output(transform=library).transform(coloured[form])
        assert isinstance(table, frame)
        assert list(table.columns) == [f"{name}{i}" for i in range(expected.shape[1])]
        assert_array_equal(table.to_numpy(), expected)


@pytest.mark.parametrize("image", ["photo", ["photo"]])
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_table_stays_a_table(library, image, coloured):
    frame = pytest.importorskip(library).DataFrame
    if sklearn.__version__ < "1.9" and library == "polars" and not hasattr(frame, "__dataframe__"):
        pytest.skip("this scikit-learn cannot name a column of this polars")
    table = frame(goods(coloured, "paths")[0])
    found = columns(image).set_output(transform=library).fit_transform(table)
    assert isinstance(found, frame)
    names = ["number__weight", "category__kind_new", "category__kind_used"]
    assert list(found.columns)[-3:] == names
    assert_array_equal(found.to_numpy(), columns(image).fit_transform(table))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_y_and_paths_may_be_columns_of_a_table(library, coloured, lit):
    frame = pytest.importorskip(library).DataFrame
    photos = frame({"photo": coloured["paths"], "class": Y})
    assert tuner().fit(photos[["photo"]], photos["class"]).score(photos["photo"], Y) == 1
    labels = frame({"red": LABELS[:, 0], "green": LABELS[:, 1]})
    assert tuner().fit(photos["photo"], labels).target_names_.tolist() == ["red", "green"]
    numbers = frame({"light": brightness(lit), "dark": -brightness(lit)})
    fitted = regressor().fit(lit["array"], numbers)
    assert fitted.target_names_.tolist() == ["light", "dark"]
    assert fitted.score(lit["array"], numbers.to_numpy()) > 0.9


# Weights of images


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def weighted(estimator):
    """Ask for weights. Only possible while metadata routing is on."""
    return estimator.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)


def behind_a_step(estimator):
    return make_pipeline(FunctionTransformer(), estimator)  # which returns X as it is


def weighted_task(kind, form, coloured, lit):
    """Return an estimator, images, targets and weights. Every fourth target is wrong.

    The images with a wrong target have the weight 0.
    """
    wrong = np.arange(N) % 4 == 3
    weights = np.where(wrong, 0, 1 + np.arange(N) % 2)
    if kind == "classifier":
        return tuner(), coloured[form], np.where(wrong, (Y + 1) % 3, Y), weights
    y = brightness(lit)
    return regressor(), lit[form], np.where(wrong, 500 - y, y), weights


def repeated(X, y, weights):
    """Return each image as often as its weight says."""
    positions = np.repeat(np.arange(N), weights)
    X = X[positions] if isinstance(X, np.ndarray) else [X[i] for i in positions]
    return X, y[positions]


@on_paths_and_arrays
@of_both_tasks
def test_a_weight_counts_images_behind_a_step(kind, form, coloured, lit, routing):
    estimator, X, y, weights = weighted_task(kind, form, coloured, lit)
    fitted = behind_a_step(weighted(estimator)).fit(X, y, sample_weight=weights)
    expected = behind_a_step(estimator).fit(*repeated(X, y, weights))
    assert_allclose(fitted.predict(X), expected.predict(X), rtol=1e-4)
    score = fitted.score(X, y, sample_weight=weights)
    assert_allclose(score, expected.score(*repeated(X, y, weights)), rtol=1e-6)
    assert score > 0.95 > fitted.score(X, y)


def alone(estimator):
    return estimator


alone_and_behind_a_step = pytest.mark.parametrize(
    ("around", "form"),
    [(alone, "array"), (behind_a_step, "paths")],
    ids=["alone-array", "behind_a_step-paths"],
)


def weighing(kind):
    """Return a scorer that asks for weights."""
    return get_scorer({"classifier": "accuracy", "regressor": "r2"}[kind]).set_score_request(
        sample_weight=True
    )


@alone_and_behind_a_step
@of_both_tasks
def test_a_cross_validation_hands_weights_on(around, kind, form, coloured, lit, routing):
    estimator, X, y, weights = weighted_task(kind, form, coloured, lit)
    found = cross_validate(
        around(weighted(estimator)),
        X,
        y,
        params={"sample_weight": weights},
        cv=SPLIT,
        scoring=weighing(kind),
        error_score="raise",
    )
    assert found["test_score"].min() > 0.95
    estimator.set_fit_request(sample_weight=None)
    assert cross_validate(around(estimator), X, y, cv=SPLIT)["test_score"].max() < 0.8


@alone_and_behind_a_step
@of_both_tasks
def test_a_grid_search_hands_weights_on(around, kind, form, coloured, lit, routing):
    estimator, X, y, weights = weighted_task(kind, form, coloured, lit)
    asking = around(weighted(estimator))
    parameter = "head_C" if kind == "classifier" else "head_alpha"
    step = "" if around is alone else f"{type(estimator).__name__.lower()}__"
    search = GridSearchCV(
        asking,
        {step + parameter: [10, 1]},
        cv=SPLIT,
        scoring=weighing(kind),
        error_score="raise",
    )
    search.fit(X, y, sample_weight=weights)
    assert results(search).min() > 0.95
    assert search.score(X, y, sample_weight=weights) > 0.95 > search.score(X, y)


@of_both_tasks
def test_weights_need_no_routing_if_they_are_named(kind, coloured, lit):
    estimator, X, y, weights = weighted_task(kind, "array", coloured, lit)
    expected = estimator.fit(X, y, weights).predict(X)
    step = f"{type(estimator).__name__.lower()}__sample_weight"
    found = behind_a_step(estimator).fit(X, y, **{step: weights}).predict(X)
    assert_array_equal(found, expected)
    search = GridSearchCV(estimator, {}, cv=SPLIT).fit(X, y, sample_weight=weights)
    assert_array_equal(search.predict(X), expected)
    assert estimator.score(X, y, sample_weight=weights) > 0.95 > estimator.score(X, y)


# The page of the manual


LISTED = [
    "TransformedTargetRegressor",
    "MultiOutputClassifier",
    "ClassifierChain",
    "OneVsRestClassifier",
    "StackingClassifier",
    "BaggingClassifier",
    "VotingClassifier",
    "CalibratedClassifierCV",
    "TunedThresholdClassifierCV",
    "SelfTrainingClassifier",
    "HalvingGridSearchCV",
    "RandomizedSearchCV",
    "learning_curve",
    "validation_curve",
    "permutation_test_score",
    "cross_val_predict(",
    "FeatureUnion",
    "ColumnTransformer",
    "set_output",
    "make_scorer(average_precision_score",
]


def test_the_page_runs(coloured, monkeypatch):
    text = PAGE.read_text(encoding="utf-8")
    for name in ("ConvFeatureExtractor", "FineTuneClassifier", "FineTuneRegressor"):
        fast = {} if name == "ConvFeatureExtractor" else {"max_epochs": 1}
        small = partial(getattr(sklearn_tl, name), FlatNet, image_size=16, **fast)
        monkeypatch.setattr(sklearn_tl, name, small)
    names = {
        "paths": coloured["paths"][TRAIN],
        "array": coloured["array"][TRAIN],
        "labels": np.array(["red", "green", "blue"])[Y[TRAIN]],
        "prices": np.exp(1 + Y + np.arange(N) / N)[TRAIN],
        "tags": [["warm", "red"], ["green"], ["blue"]] * (N_TRAIN // 3),
        "table": pd.DataFrame(goods(coloured, "paths")[0])[TRAIN],
        "half_labelled": np.where(np.arange(N) % 2, Y, -1)[TRAIN],
        "weights": (1 + np.arange(N) % 2)[TRAIN],
    }
    with sklearn.config_context():  # the page switches routing on
        for block in re.findall(r"^```python\n(.*?)^```", text, re.M | re.S):
            exec(block, names)
    assert names["probabilities"].shape == (N_TRAIN, 4)  # the tags
    assert names["model"].score(names["table"], names["labels"]) > 0.8


def test_the_page_lists_everything_that_is_tested_here():
    _, _, table = PAGE.read_text(encoding="utf-8").partition("| takes images directly |")
    table, _, _ = table.partition("\n\n")
    assert [name for name in LISTED if f"`{name}" not in table] == []
    of_the_right = "".join(line.split("|")[2] for line in table.splitlines()[2:])
    assert set(re.findall(r"`(\w+)", of_the_right)) == {*REFUSING, "StackingClassifier"}


@on_paths_and_arrays
@of_both_tasks
def test_groups_are_routed_to_early_stopping(kind, form, coloured, lit, routing, monkeypatch):
    held_out = []

    def spy(*args):
        held_out.append((args[-1], original(*args)))
        return held_out[-1][1]

    original = _finetuner.hold_out_groups
    monkeypatch.setattr(_finetuner, "hold_out_groups", spy)
    _, X, y, _ = weighted_task(kind, form, coloured, lit)
    groups = np.arange(N) // 2
    how = {"early_stopping": True, "validation_fraction": 0.3, "max_epochs": 1}
    stopped = make(1, head_C=1, **how) if kind == "classifier" else make_regressor(1, **how)
    model = behind_a_step(stopped.set_fit_request(groups=True))
    found = cross_validate(
        GridSearchCV(model, {}, cv=GroupKFold(2)),
        X,
        y,
        cv=GroupKFold(2),
        params={"groups": groups},
    )
    assert np.isfinite(found["test_score"]).all()
    assert len(held_out) == 2 * (2 + 1)  # two folds, each with two inner folds and the last fit
    for some, (train, valid) in held_out:
        assert not set(some[train]) & set(some[valid])
