"""What `save` writes is what `load` returns, and nobody's file runs code."""

import io
import json
import pickle
import re
import sys
import warnings
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import skops
import skops.io
import torch
from helpers.networks import TinyNet
from helpers.pictures import save_all, study
from helpers.processes import elsewhere
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedKFold,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from skorch.callbacks import EpochTimer
from skorch.history import History
from torch import nn

import sklearn_tl
from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier, clear_cache, cli, load, save
from sklearn_tl._choices import MAX_PIXELS
from sklearn_tl.comparison import RawPixels, default_strategies

TREE = "sklearn.tree._tree.Tree"
X, y = study(3, 12)
LABELS = np.array(["red", "green", "blue"])[y]


def extractor(**params):
    return ConvFeatureExtractor(image_size=32, layer="blocks.0", **params)


def classifier(unfreeze=None, **params):
    return FineTuneClassifier(
        unfreeze=unfreeze, image_size=32, max_epochs=1, random_state=0, **params
    )


def pipeline():
    return make_pipeline(extractor(), LogisticRegression(max_iter=1000))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return the bytes of a saved pipeline, and what it says."""
    path = tmp_path_factory.mktemp("saved") / "model.sktl"
    model = pipeline().fit(X, LABELS)
    save(model, path)
    return path.read_bytes(), model.predict_proba(X)


def members(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive(contents, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return buffer.getvalue()


def with_schema(data, change):
    """Return a file whose estimators are described otherwise: `change` gets the JSON of skops."""
    contents = members(data)
    schema = json.loads(contents["schema.json"])
    contents["schema.json"] = json.dumps(change(schema) or schema)
    return archive(contents)


def as_node(value):
    """Return what skops makes of a value, with ids that no object of a saved file has.

    A node with the id of another stands for that, whatever else it says.
    """
    schema = members(skops.io.dumps(value))["schema.json"].decode()
    return json.loads(re.sub(r'"__id__": (\d+)', r'"__id__": -\1', schema))


def saved_alone(tmp_path, **changes):
    """Save an extractor, put other values in its state, and return the file."""
    path = tmp_path / "alone.sktl"
    save(extractor().fit(X), path)

    def change(schema):
        state = schema["content"]
        for name, value in changes.items():
            state["content"][name] = value
            state["key_types"]["content"].append(as_node(str))

    path.write_bytes(with_schema(path.read_bytes(), change))
    return path


# --- what comes back -----------------------------------------------------------------------------

MODELS = {
    "pipeline": pipeline,
    "head": classifier,
    "layer": lambda: classifier(1, early_stopping=True, validation_fraction=0.25),
    "all": lambda: classifier("all", augment="standard", class_weight="balanced"),
    "svc": lambda: make_pipeline(classifier(), StandardScaler(), SVC()),
    "search": lambda: GridSearchCV(pipeline(), {"logisticregression__C": [0.1, 1]}, cv=2),
    "raw pixels": lambda: make_pipeline(RawPixels(), LogisticRegression()),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_comes_back_as_it_was(name, tmp_path):
    model = MODELS[name]().fit(X, LABELS)
    model = getattr(model, "best_estimator_", model)
    save(model, tmp_path / "model.sktl")
    loaded = load(tmp_path / "model.sktl")
    assert type(loaded) is type(model)
    assert repr(loaded) == repr(model)
    for method in ("decision_function", "predict", "transform"):
        if hasattr(model, method):
            clear_cache()
            expected = getattr(model, method)(X)
            clear_cache()
            np.testing.assert_array_equal(getattr(loaded, method)(X), expected)
    assert clone(loaded).fit(X, LABELS).score(X, LABELS) == model.score(X, LABELS)
    save(loaded, tmp_path / "again.sktl")
    np.testing.assert_array_equal(load(tmp_path / "again.sktl").predict(X), model.predict(X))


def decide(path):
    return load(path).decision_function(X)


def test_another_process_predicts_the_same_bits(tmp_path):
    model = classifier(1).fit(X, LABELS)
    save(model, tmp_path / "model.sktl")
    there = elsewhere(decide, tmp_path / "model.sktl")
    np.testing.assert_array_equal(there, model.decision_function(X))


def test_a_column_transformer_with_other_columns_comes_back(tmp_path):
    table = pd.DataFrame({"path": save_all(X, tmp_path), "size": np.arange(12.0)})
    columns = ColumnTransformer([("photo", extractor(), "path")], remainder="passthrough")
    model = make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(table, y)
    save(model, tmp_path / "model.sktl")
    loaded = load(tmp_path / "model.sktl")
    np.testing.assert_array_equal(loaded.predict_proba(table), model.predict_proba(table))
    np.testing.assert_array_equal(
        loaded[0].get_feature_names_out(), model[0].get_feature_names_out()
    )


@pytest.mark.parametrize("labels", [LABELS, LABELS.astype(object), y, y > 0, y.astype("i1")])
def test_labels_of_all_types_come_back(labels, tmp_path):
    model = classifier().fit(X, labels)
    save(model, tmp_path / "model.sktl")
    loaded = load(tmp_path / "model.sktl")
    np.testing.assert_array_equal(loaded.classes_, model.classes_)
    assert loaded.classes_.dtype == model.classes_.dtype
    assert loaded.predict(X).tolist() == model.predict(X).tolist()


def extractor_and_regression():
    return make_pipeline(ConvFeatureExtractor(image_size=32), LogisticRegression())


ENSEMBLES = {
    "voting": lambda: VotingClassifier(
        [("a", extractor_and_regression()), ("b", classifier())], voting="soft"
    ),
    "stacking": lambda: StackingClassifier([("a", extractor_and_regression())], cv=2),
    "sigmoid": lambda: CalibratedClassifierCV(extractor_and_regression(), cv=2),
    "isotonic": lambda: CalibratedClassifierCV(classifier(), cv=2, method="isotonic"),
    "temperature": lambda: CalibratedClassifierCV(classifier(), cv=2, ensemble=False),
    "search": lambda: GridSearchCV(
        extractor_and_regression(), {"logisticregression__C": [1, 2]}, cv=StratifiedKFold(2)
    ),
    "one or the rest": lambda: OneVsRestClassifier(extractor_and_regression()),
}


@pytest.mark.parametrize("kind", ENSEMBLES)
def test_what_scikit_learn_builds_around_our_models_comes_back(kind, tmp_path):
    images, labels = [*X, *X[::-1]], [*LABELS, *LABELS[::-1]]
    model = ENSEMBLES[kind]().fit(images, labels)
    save(model, tmp_path / "model.sktl")
    loaded = load(tmp_path / "model.sktl")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


TARGETS = {
    "classification": LABELS,
    "multilabel": np.column_stack([y == 0, y != 1]).astype(int),
    "regression": y + 0.5,
}


@pytest.mark.parametrize("name", ["raw pixels", "embeddings"])
@pytest.mark.parametrize("task", list(TARGETS))
def test_the_strategies_that_are_compared_come_back(task, name, tmp_path):
    options = {"task": task, "image_size": 32}
    model = default_strategies(**options)[name].fit(X, TARGETS[task])
    save(model, tmp_path / "model.sktl")
    np.testing.assert_array_equal(load(tmp_path / "model.sktl").predict(X), model.predict(X))
    # They may be saved before they are fitted, too.
    grouped = default_strategies(**options, grouped=True)[name]
    save(grouped, tmp_path / "model.sktl")
    assert repr(load(tmp_path / "model.sktl")[-1].get_params().keys()) == repr(
        grouped[-1].get_params().keys()
    )


def predictions(path):
    return load(path).predict(X)


def test_another_process_loads_a_strategy(tmp_path):
    model = default_strategies(task="multilabel")["raw pixels"].fit(X, TARGETS["multilabel"])
    save(model, tmp_path / "model.sktl")
    there = elsewhere(predictions, tmp_path / "model.sktl")
    np.testing.assert_array_equal(there, model.predict(X))


def test_advice_names_joblib_only_if_joblib_can_save_it(tmp_path):
    model = classifier().set_params(augment=lambda image: image)
    with pytest.raises(ValueError, match="joblib.dump cannot save it either.*top level of a mod"):
        save(model, tmp_path / "model.sktl")
    with pytest.raises(ValueError, match="loader=.*joblib.dump saves it"):
        save(classifier().set_params(loader=abs), tmp_path / "model.sktl")


def test_the_history_of_a_training_comes_back(tmp_path):
    model = classifier(1).fit(X, LABELS)
    save(model, tmp_path / "model.sktl")
    loaded = load(tmp_path / "model.sktl")
    assert isinstance(loaded.history_, History)
    assert loaded.history_ == model.history_
    assert loaded.net_.history is loaded.history_


def test_parameters_of_all_types_come_back(tmp_path):
    params = {
        "weights": None,
        "image_size": (32, 40),
        "value_range": (0, 255),
        "device": torch.device("cpu"),
        "cache": tmp_path / "rows",
        "class_weight": {0: 1.0, 1: np.float64(2), 2: 1},
        "random_state": np.random.RandomState(3),
        "batch_size": np.int64(4),
        "unfreeze": "conv_head",
        "callbacks": [],
        "net_params": {},
    }
    model = FineTuneClassifier(**params)
    save(model, tmp_path / "model.sktl")
    loaded = load(tmp_path / "model.sktl").get_params()
    expected = model.get_params() | {"device": "cpu", "cache": "memory"}
    assert loaded.pop("random_state").rand() == expected.pop("random_state").rand()
    assert loaded == expected


@pytest.mark.parametrize(("saved", "loaded"), [(None, MAX_PIXELS), (10**12, MAX_PIXELS), (99, 99)])
def test_a_file_does_not_lift_the_limit_on_images(saved, loaded, tmp_path):
    save(extractor(max_pixels=saved).fit(X), tmp_path / "model.sktl")
    assert load(tmp_path / "model.sktl").max_pixels == loaded


def test_the_path_of_weights_is_kept(tmp_path):
    from sklearn_tl.backbones.stock import build

    torch.save(build("resnet18").state_dict(), tmp_path / "w.pth")
    model = ConvFeatureExtractor("resnet18", weights=tmp_path / "w.pth", image_size=32).fit(X)
    save(model, tmp_path / "model.sktl")
    loaded = load(tmp_path / "model.sktl")
    assert loaded.weights == str(tmp_path / "w.pth")
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))


def test_the_file_says_what_it_needs(saved):
    assert {"model.json", "schema.json"} < set(members(saved[0]))
    header = json.loads(members(saved[0])["model.json"])
    fingerprint = extractor().fit(X).backbone_fingerprint_
    assert header["format_version"] == 3
    assert header["model"] == "Pipeline"
    assert header["versions"]["sklearn_tl"] == sklearn_tl.__version__
    assert set(header["versions"]) == {
        "python",
        "sklearn_tl",
        "sklearn",
        "torch",
        "skorch",
        "numpy",
    }
    assert header["backbones"] == [
        {
            "backbone": "efficientnet_lite0",
            "weights": "default",
            "fingerprint": fingerprint,
        }
    ]


def test_another_backbone_than_in_fit_is_an_error(tmp_path):
    path = saved_alone(tmp_path, backbone_fingerprint_=as_node("0" * 64))
    with pytest.raises(ValueError, match="fingerprint 0000000000000000…, but"):
        load(path).transform(X)


def test_a_parameter_newer_than_the_file_has_its_default(tmp_path):
    path = tmp_path / "model.sktl"
    save(extractor(pooling="max").fit(X), path)

    def change(schema):
        state = schema["content"]
        place = list(state["content"]).index("precision")
        del state["content"]["precision"], state["key_types"]["content"][place]

    path.write_bytes(with_schema(path.read_bytes(), change))
    assert load(path).get_params() == extractor(pooling="max").get_params()


def test_another_version_of_scikit_learn_is_a_warning(saved, tmp_path):
    def change(schema):
        text = json.dumps(schema)
        version = as_node(pipeline())["content"]["content"]["_sklearn_version"]["content"]
        assert json.dumps(version) in text
        return json.loads(text.replace(json.dumps(version), json.dumps('"1.6.0"')))

    path = tmp_path / "model.sktl"
    path.write_bytes(with_schema(saved[0], change))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = load(path)
        np.testing.assert_array_equal(loaded.predict_proba(X), saved[1])
    assert {warning.category for warning in caught} == {InconsistentVersionWarning}
    assert "1.6.0" in str(caught[0].message)
    with pytest.raises(InconsistentVersionWarning):  # where warnings are errors
        load(path)


# --- what cannot be saved ------------------------------------------------------------------------


class Doubled(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return 2 * X


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (ConvFeatureExtractor(TinyNet()), "ConvFeatureExtractor has backbone=TinyNet("),
        (ConvFeatureExtractor(TinyNet), "ConvFeatureExtractor has backbone=<class"),
        (make_pipeline(classifier(head=nn.Linear), SVC()), "FineTuneClassifier has head=<class"),
        (classifier(augment=abs), "has augment=<built-in function abs>"),
        (classifier(callbacks=[EpochTimer()]), "has callbacks=[<skorch"),
        (classifier(net_params={"optimizer": torch.optim.SGD}), "has net_params={'optimizer'"),
        (extractor(weights="//host/share/w.pth"), "which is on another computer"),
        (make_pipeline(extractor(), FunctionTransformer(abs)), "run code: builtins.abs. If"),
        (make_pipeline(extractor(), Doubled()), "trusted=['tests.test_persistence.Doubled']"),
        (make_pipeline(FunctionTransformer(kw_args={"a": torch.ones(1)})), "a Tensor of torch"),
    ],
)
def test_code_is_not_saved(model, message, tmp_path):
    path = tmp_path / "model.sktl"
    path.write_text("an older file")
    with pytest.raises(ValueError, match="joblib.dump saves it") as caught:
        save(model, path)
    assert message in str(caught.value)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["an older file"]


def test_a_fitted_own_head_is_not_saved(tmp_path):
    model = classifier(head=nn.Linear).fit(X, y).set_params(head="linear")
    with pytest.raises(ValueError, match="FineTuneClassifier has _head="):
        save(model, tmp_path / "model.sktl")


def test_errors_name_the_best_estimator_and_a_missing_folder(tmp_path):
    pipeline = make_pipeline(extractor(), LogisticRegression())
    grid = {"logisticregression__C": [1]}
    search = GridSearchCV(pipeline, grid, cv=2, scoring="accuracy").fit(X, y)  # a function
    with pytest.raises(ValueError, match="cannot be saved as data. Save its `best_estimator_`"):
        save(search, tmp_path / "model.sktl")
    with pytest.raises(FileNotFoundError, match="folder .*typo' does not exist. Create"):
        save(search.best_estimator_, tmp_path / "typo" / "model.sktl")


def test_only_estimators_are_saved(tmp_path):
    with pytest.raises(TypeError, match="{'no': 'model'} is not an estimator"):
        save({"no": "model"}, tmp_path / "model.sktl")


def test_types_can_be_trusted_by_name(tmp_path):
    model = make_pipeline(extractor(), RandomForestClassifier(3, random_state=0)).fit(X, y)
    path = tmp_path / "model.sktl"
    with pytest.raises(ValueError, match="may run code: sklearn.tree._tree.Tree"):
        save(model, path)
    save(model, path, trusted=[TREE])
    with pytest.raises(ValueError, match="may run code: sklearn.tree._tree.Tree"):
        load(path)
    for trusted in ([TREE], TREE):
        loaded = load(path, trusted=trusted)
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    with pytest.raises(TypeError):
        load(path, trusted=True)


def test_a_file_that_could_not_be_read_is_not_written(tmp_path):
    model = make_pipeline(FunctionTransformer(lambda X: X))
    with pytest.raises(ValueError, match="has no attribute '<lambda>'"):
        save(model, tmp_path / "model.sktl", trusted=["tests.test_persistence.<lambda>"])
    assert list(tmp_path.iterdir()) == []


# --- files of strangers --------------------------------------------------------------------------


class Payload:
    """What a pickle can do: here it leaves a trace."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def dumped(write, payload):
    buffer = io.BytesIO()
    write(payload, buffer)
    return buffer.getvalue()


PICKLES = {
    "pickle": pickle.dump,
    "text": lambda payload, file: pickle.dump(payload, file, protocol=0),
    "joblib": joblib.dump,
    "compressed": lambda payload, file: joblib.dump(payload, file, compress=("zlib", 3)),
    "torch": torch.save,
    "old torch": lambda payload, file: torch.save(
        payload, file, _use_new_zipfile_serialization=False
    ),
    "numpy": lambda payload, file: np.save(file, np.array([payload]), allow_pickle=True),
    "npz": lambda payload, file: np.savez(file, np.array([payload])),
}


@pytest.mark.parametrize("kind", PICKLES)
def test_a_pickle_in_disguise_is_refused_and_not_run(kind, saved, tmp_path):
    trace, path = tmp_path / "trace", tmp_path / "model.sktl"
    payload = dumped(PICKLES[kind], Payload(trace))
    files = [payload, payload + saved[0]]
    contents = members(saved[0])
    assert any(name.endswith(".npy") for name in contents)
    files += [archive(contents | {name: payload}) for name in contents]
    for data in files:
        path.write_bytes(data)
        with pytest.raises(ValueError, match=f"^'{path}' was refused. "):
            load(path)
        assert cli.main(["predict", str(path), str(tmp_path)]) == 1
    for suffix in (".pth", ".safetensors"):
        weights = tmp_path / f"weights{suffix}"
        weights.write_bytes(payload)
        save(extractor(weights=weights), path)
        with pytest.raises(ValueError, match="weights"):
            load(path).fit_transform(X)
    assert not trace.exists()
    unpickle = {"torch": torch.load, "old torch": torch.load}.get(kind, joblib.load)
    if kind not in ("numpy", "npz"):  # the payload is a real one
        options = {"weights_only": False} if unpickle is torch.load else {}
        unpickle(io.BytesIO(payload), **options)
        assert trace.exists()


def function(module, name):
    return {"__class__": name, "__module__": module, "__loader__": "FunctionNode"}


def call(module, name, arguments=(), loader="ConstructorFromReduceNode"):
    return function(module, name) | {"__loader__": loader, "content": as_node(arguments)}


def partial(func, *arguments):
    content = {"func": func, "args": arguments, "kwds": {}, "namespace": {}}
    content = {key: value if key == "func" else as_node(value) for key, value in content.items()}
    return function("functools", "partial") | {"__loader__": "PartialNode", "content": content}


def method(owner, name):
    node = as_node(owner)
    content = {"obj": node, "func": name}
    return node | {"__loader__": "MethodNode", "content": content, "__id__": 1}


NODES = {
    "os.system": lambda trace: partial(function("posix", "system"), f"touch {trace}"),
    "eval": lambda trace: partial(function("builtins", "eval"), f"open({str(trace)!r}, 'w')"),
    "open": lambda trace: call("builtins", "open", (str(trace), "w")),
    "a list": lambda trace: as_node(["w"]) | {"__class__": "system", "__module__": "os"},
    "a dict": lambda trace: as_node({}) | {"__class__": "Popen", "__module__": "subprocess"},
    "a key": lambda trace: {
        **as_node({"a": 1}),
        "key_types": {**as_node([str]), "content": [function("builtins", "exec")]},
    },
    "an array": lambda trace: as_node(np.array([0], object)) | function("os", "system"),
    "a loss": lambda trace: {
        **call("builtins", "open", {}, "LossNode"),
        "__reduce__": {"args": as_node((str(trace), "w"))},
    },
    "a tree": lambda trace: {
        **call("builtins", "open", {}, "TreeNode"),
        "__reduce__": {"args": as_node((1, np.array([1]), 1))},
    },
    "an operator": lambda trace: {
        **function("operator", "methodcaller"),
        "__loader__": "OperatorFuncNode",
        "attrs": as_node(("fit",)),
    },
    "a method": lambda trace: method(LogisticRegression(), "fit"),
    "a module": lambda trace: call("antigravity_of_a_stranger", "Model"),
    "an object": lambda trace: call("antigravity_of_a_stranger", "Model", {}, "ObjectNode"),
    "a type": lambda trace: {
        **function("antigravity_of_a_stranger", "Model"),
        "__loader__": "TypeNode",
    },
    "a loader": lambda trace: function("os", "system") | {"__loader__": "EvalNode"},
    "unpickling": lambda trace: partial(function("joblib", "load"), str(trace.with_name("p.pkl"))),
    "torch.load": lambda trace: partial(function("torch", "load"), str(trace.with_name("p.pkl"))),
    "torch.hub": lambda trace: partial(function("torch.hub", "load"), "stranger/repository"),
}


@pytest.mark.parametrize("protocol", [0, 1, None])
@pytest.mark.parametrize("name", NODES)
def test_code_named_in_valid_json_is_refused_and_not_run(
    name, protocol, saved, tmp_path, monkeypatch
):
    trace, path = tmp_path / "trace", tmp_path / "model.sktl"
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "antigravity_of_a_stranger.py").write_text(f"open({str(trace)!r}, 'w')")
    (tmp_path / "p.pkl").write_bytes(pickle.dumps(Payload(trace)))

    def change(schema):
        schema["protocol"] = schema["protocol"] if protocol is None else protocol
        schema["content"]["content"]["verbose"] = NODES[name](trace)

    def replace(schema):
        return {key: schema[key] for key in ("protocol", "_skops_version")} | NODES[name](trace)

    for how in (change, replace):
        path.write_bytes(with_schema(saved[0], how))
        with pytest.raises(ValueError, match="was refused"):
            load(path)
    assert not trace.exists()
    assert "antigravity_of_a_stranger" not in sys.modules


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("backbone", function("numpy", "add")),
        ("backbone", as_node(LogisticRegression())),
        ("weights", as_node(["w.pth"])),
        ("weights", as_node(r"\\host\share\weights.pth")),
        ("augment", function("numpy", "add")),
        ("head", function("numpy", "add")),
        ("_head", function("numpy", "add")),
        ("callbacks", as_node([1])),
        ("net_params", as_node({"optimizer": "SGD"})),
        ("_backbone", as_node(LogisticRegression())),
        ("_net", as_node(LogisticRegression())),
        ("_tuned_backbone", as_node(LogisticRegression())),
        ("_fitted", as_node(LogisticRegression())),
    ],
)
def test_a_state_that_may_be_code_is_refused(name, value, tmp_path):
    with pytest.raises(ValueError, match=f"ConvFeatureExtractor has {name}="):
        load(saved_alone(tmp_path, **{name: value}))


@pytest.mark.parametrize(
    "backbone",
    ["timm/hf-hub:stranger/model", "timm/local-dir:/tmp", "hf-hub:stranger/model", "../w.pth"],
)
def test_a_backbone_is_a_name_and_no_place(backbone, tmp_path):
    loaded = load(saved_alone(tmp_path, backbone=as_node(backbone)))
    with pytest.raises(ValueError, match="no model|no backbone"):
        loaded.fit(X)
    fitted = extractor().fit(X)._fitted | {"backbone": backbone}
    loaded = load(saved_alone(tmp_path, _fitted=as_node(fitted)))
    with pytest.raises(ValueError, match="no model|no backbone"):
        loaded.transform(X)


@pytest.mark.parametrize("fitted", [{"weights": ["w.pth"]}, {"backbone": 1}, {"weights": "//h/s"}])
def test_parameters_as_fitted_are_checked_too(fitted, tmp_path):
    (name,) = fitted
    with pytest.raises(ValueError, match=f"ConvFeatureExtractor has {name}="):
        load(saved_alone(tmp_path, _fitted=as_node(fitted)))


def test_nothing_is_written_where_a_file_says(saved, tmp_path):
    loaded = load(saved_alone(tmp_path, cache=as_node(str(tmp_path / "rows"))))
    assert loaded.cache == "memory"

    def change(schema):
        schema["content"]["content"]["memory"] = as_node(str(tmp_path / "rows"))

    (tmp_path / "model.sktl").write_bytes(with_schema(saved[0], change))
    loaded = load(tmp_path / "model.sktl")
    assert loaded.memory is None
    assert extractor(cache=None).get_params() == load_again(extractor(cache=None), tmp_path)
    raw = make_pipeline(RawPixels(cache=tmp_path / "rows"), LogisticRegression())
    save(raw, tmp_path / "raw.sktl")
    assert load(tmp_path / "raw.sktl")[0].cache == "memory"
    memory = joblib.Memory(tmp_path / "rows", verbose=0)
    save(Pipeline([("e", extractor())], memory=memory), tmp_path / "memory.sktl")
    assert load(tmp_path / "memory.sktl").memory is None


def load_again(model, folder):
    save(model, folder / "again.sktl")
    return load(folder / "again.sktl").get_params()


def with_header(data, **changes):
    outer = members(data)
    header = json.loads(outer["model.json"]) | changes
    return archive(outer | {"model.json": json.dumps(header)})


def with_members(data, **changes):
    return archive(members(data) | changes)


def with_array(data, content):
    """Return a file in which another array replaces the first."""
    first = next(name for name in members(data) if name.endswith(".npy"))
    return with_members(data, **{first: content})


def huge_array():
    """Return an npy file whose header promises a petabyte."""
    buffer = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (2**47,)}
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue()


def sparse():
    buffer = io.BytesIO()
    scipy.sparse.save_npz(buffer, scipy.sparse.csr_array((3, 3)))
    return buffer.getvalue()


def duplicate(data):
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("model.json", "{}")
    return buffer.getvalue()


def lying(data):
    """Make the headers of a member say that it is a gigabyte."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members(data).items():
            file.writestr(name, content)
        file.getinfo("schema.json").file_size = 2**30
        file.getinfo("schema.json").compress_size = 2**30
    return buffer.getvalue()


def nested(depth):
    """Return the JSON of skops for lists in lists, which json could not write."""
    node = {**as_node([]), "protocol": 2}
    node["content"] = [node.pop("content")]  # the last
    start = json.dumps(node).replace("[[]]}", "[")
    return start * depth + json.dumps(as_node(1)) + "]}" * depth


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: b"", "not a file of sklearn_tl.save"),
        (lambda data: b"PK\x03\x04", "BadZipFile"),
        (lambda data: b"#!/bin/sh\n" + data, "not a file of sklearn_tl.save"),
        (lambda data: skops.io.dumps([1]), "It has no model.json"),
        (lambda data: with_header(data, format_version=4), "Its format is version 4, and"),
        (lambda data: with_header(data, format_version=2), "Its format is version 2, and"),
        (lambda data: with_header(data, format_version="1"), "not written by sklearn_tl.save"),
        (lambda data: with_header(data, format="other"), "not written by sklearn_tl.save"),
        (lambda data: archive(members(data) | {"model.json": "[]"}), ""),
        (
            lambda data: archive(members(data) | {"../evil.py": "1"}),
            "which sklearn_tl.save does not write",
        ),
        (
            lambda data: archive(members(data) | {"/etc/evil": "1"}),
            "which sklearn_tl.save does not write",
        ),
        (
            lambda data: archive({"model.json": members(data)["model.json"]}),
            "KeyError",
        ),
        (lambda data: archive(members(data), zipfile.ZIP_DEFLATED), "compresses nothing"),
        (lambda data: archive(members(data) | {"bomb": bytes(10**8)}, zipfile.ZIP_LZMA), "compres"),
        (duplicate, "compresses nothing"),
        (lying, "compresses nothing|BadZipFile"),
        (lambda data: with_members(data, **{"a.npy": sparse()}), "a sparse matrix, perhaps"),
        (lambda data: with_members(data, **{"schema.json": nested(400)}), "RecursionError"),
        (lambda data: with_members(data, **{"schema.json": nested(10**5)}), "RecursionError"),
        (lambda data: with_members(data, **{"schema.json": "[" * 10**6}), "RecursionError"),
        (lambda data: with_members(data, **{"schema.json": "{}"}), "skops protocol"),
        (lambda data: with_array(data, huge_array()), ""),
        (lambda data: with_array(data, b"\xff" * 64), ""),
        (lambda data: with_schema(data, lambda schema: as_node([1]) | {"protocol": 2}), "a list,"),
    ],
)
def test_other_files_are_refused(change, reason, saved, tmp_path):
    path = tmp_path / "model.sktl"
    path.write_bytes(change(saved[0]))
    with pytest.raises(ValueError, match=f"^'{path}' was refused. .*({reason})"):
        load(path)


def test_a_damaged_file_is_refused(saved, tmp_path):
    data, expected = saved
    path = tmp_path / "model.sktl"
    for length in np.linspace(0, len(data) - 1, 40, dtype=int):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match="was refused"):
            load(path)
    refused = 0
    for i, place in enumerate(np.linspace(0, len(data) - 1, 200, dtype=int)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << (i % 8)
        path.write_bytes(flipped)
        try:
            loaded = load(path)
        except ValueError:
            refused += 1
        else:  # in a date, say
            np.testing.assert_array_equal(loaded.predict_proba(X), expected)
    assert refused > 190


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.sktl"):
        load(tmp_path / "nowhere.sktl")


# --- the libraries, and the command line ---------------------------------------------------------


def test_a_missing_library_is_named_before_the_work(tmp_path, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.split(".")[0] == "skops"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "skops", None)
    for attempt in (lambda: save(extractor(), tmp_path / "m.sktl"), lambda: load("m.sktl")):
        with pytest.raises(ImportError, match="pip install 'skops>=0.16'"):
            attempt()
    assert cli.main(["study", "--out", str(tmp_path / "m.sktl")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "pip install 'skops>=0.16'" in err


def test_an_old_skops_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(skops, "__version__", "0.15.1")
    with pytest.raises(ImportError, match="skops 0.15.1 checks less of a file than 0.16 does"):
        save(extractor(), tmp_path / "m.sktl")


@pytest.mark.filterwarnings("ignore:The training went wrong")  # with large steps, on random weights
@pytest.mark.parametrize("unfreeze", [None, 1, "all"])
def test_skops_alone_opens_a_file(unfreeze, tmp_path):
    model = classifier(unfreeze).fit(X, y)
    save(model, tmp_path / "model.sktl")
    types = skops.io.get_untrusted_types(file=tmp_path / "model.sktl")
    recipe = {None: "HeadAlone", 1: "AbovePrefix", "all": "WholeNetwork"}[unfreeze]
    assert types == [
        "sklearn_tl.classifier.FineTuneClassifier",
        f"sklearn_tl.finetuning.recipes.{recipe}",
        "sklearn_tl.images.preprocessing.Preprocessing",
        "sklearn_tl.targets.multiclass.Multiclass",
    ]
    loaded = skops.io.load(tmp_path / "model.sktl", trusted=types)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("splitter", [ShuffleSplit(1), PredefinedSplit([0, 0, 1, 1])])
def test_a_splitter_for_early_stopping_is_data(splitter, tmp_path):
    model = FineTuneClassifier(early_stopping=splitter)
    save(model, tmp_path / "model.sktl")
    loaded = load(tmp_path / "model.sktl")
    assert type(loaded.early_stopping) is type(splitter)
