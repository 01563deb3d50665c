import joblib
import numpy as np
import pytest
from helpers.pictures import study
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier, FineTuneRegressor, load
from sklearn_tl.answers import answers_of
from sklearn_tl.cli.model_file import check_writable, open_model, save_model
from sklearn_tl.comparison import RawPixels

X, y = study(n=12)


@pytest.fixture
def fitted(tmp_path):
    extractor = ConvFeatureExtractor(image_size=32, cache=tmp_path / "rows")
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=2)
    return make_pipeline(extractor, search).fit(X, y)


@pytest.mark.parametrize("name", ["m.sktl", "m.SKTL", "m.joblib", "model"])
def test_a_search_is_replaced_by_what_it_found_and_the_cache_is_forgotten(name, fitted, tmp_path):
    expected, folder = fitted.predict_proba(X), tmp_path / "models"
    folder.mkdir()
    save_model(fitted, folder / name)
    assert [path.name for path in folder.iterdir()] == [name]  # and no part of it
    model = open_model(str(folder / name))
    assert isinstance(model[-1], LogisticRegression)
    assert model[0].cache == "memory"
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-6)
    assert model.classes_.tolist() == [0, 1]


def test_a_fine_tuned_classifier_is_written_as_data(tmp_path):
    classifier = FineTuneClassifier(
        image_size=32, unfreeze=1, max_epochs=1, cache=tmp_path / "rows", random_state=0
    ).fit(X, y)
    save_model(classifier, tmp_path / "m.sktl")
    assert classifier.cache == "memory"
    model = open_model(str(tmp_path / "m.sktl"))
    np.testing.assert_allclose(model.predict_proba(X), classifier.predict_proba(X), rtol=1e-5)


@pytest.mark.parametrize("name", ["m.sktl", "m.joblib"])
@pytest.mark.parametrize("task", ["multilabel", "regression"])
def test_models_keep_the_names_of_labels_and_numbers(task, name, tmp_path):
    targets = np.column_stack([y, 1 - y]) if task == "multilabel" else y + 0.5
    last = OneVsRestClassifier(LogisticRegression()) if task == "multilabel" else RidgeCV()
    search = GridSearchCV(make_pipeline(RawPixels(), last), {}, cv=2).fit(X, targets)
    save_model(search, tmp_path / name, ["a", "b"][: 1 + (task == "multilabel")])
    model = open_model(str(tmp_path / name))
    assert isinstance(model, Pipeline)
    assert answers_of(model).names == ["a", "b"][: 1 + (task == "multilabel")]
    np.testing.assert_allclose(model.predict(X), search.predict(X))


def test_a_fine_tuned_network_keeps_the_names(tmp_path):
    regressor = FineTuneRegressor(image_size=32, unfreeze=None, random_state=0).fit(X, y)
    save_model(regressor, tmp_path / "m.sktl", ["price"])
    model = open_model(str(tmp_path / "m.sktl"))
    assert answers_of(model).names == ["price"]
    np.testing.assert_allclose(model.predict(X), regressor.predict(X), rtol=1e-4)


def test_the_first_bytes_of_a_file_say_what_it_is(fitted, tmp_path):
    path = tmp_path / "m.sktl"
    save_model(fitted, path)
    path.rename(tmp_path / "renamed")
    assert open_model(str(tmp_path / "renamed")).classes_.tolist() == [0, 1]
    # A joblib file that contains an archive, as torch writes tensors, is still a joblib file.
    joblib.dump(load(tmp_path / "renamed"), tmp_path / "m.joblib")
    with open(tmp_path / "m.joblib", "ab") as file:
        file.write((tmp_path / "renamed").read_bytes())
    assert open_model(str(tmp_path / "m.joblib")).classes_.tolist() == [0, 1]


def test_a_pickle_that_is_called_sktl_is_never_opened(fitted, tmp_path):
    joblib.dump(fitted, tmp_path / "m.sktl")
    with pytest.raises(ValueError, match=r"m.sktl is not a model file .*m.sktl' was refused"):
        open_model(str(tmp_path / "m.sktl"))


@pytest.mark.parametrize(
    "model", [LogisticRegression(), RidgeCV(), KMeans(2).fit([[0.0], [1.0]]), {}]
)
def test_a_file_without_a_fitted_classifier_or_regressor_is_an_error(model, tmp_path):
    joblib.dump(model, tmp_path / "m.joblib")
    with pytest.raises(ValueError, match="m.joblib is not a model file .*sklearn-tl study FOLDER"):
        open_model(str(tmp_path / "m.joblib"))


def test_no_file_is_an_error():
    with pytest.raises(ValueError, match="nowhere cannot be opened: No such file or directory"):
        open_model("nowhere")


def test_a_place_that_cannot_be_written_is_found_before_the_work(tmp_path):
    check_writable(tmp_path / "m.sktl")
    table = tmp_path / "t.csv"
    check_writable(table, others=[table, tmp_path / "nowhere"])  # which are not there yet
    table.write_text("mine")
    with pytest.raises(ValueError, match="--out .*t.csv would replace .*t.csv. Name another file"):
        check_writable(tmp_path / "t.csv", others=[tmp_path / "nowhere", str(table)])
    table.unlink()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match=r"is a folder. Name a file: --out .*/model.sktl$"):
        check_writable(tmp_path)
    with pytest.raises(ValueError, match="nowhere/m cannot be written: No such file"):
        check_writable(tmp_path / "nowhere" / "m")
