"""A model's file keeps its card, and nobody takes an old card for one of the model in the file."""

import io
import json
import sys
import zipfile

import joblib
import numpy as np
import pytest
from helpers.networks import TinyNet
from helpers.pictures import study
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier, compare_strategies, load, save
from sklearn_tl.card import card_of_model, card_of_study
from sklearn_tl.cli.model_file import save_model
from sklearn_tl.persistence import attach_card, card_of, read_card

X, y = study(2, 12)


def pipeline():
    return make_pipeline(ConvFeatureExtractor(image_size=32), LogisticRegression())


@pytest.fixture(scope="module")
def comparison():
    names = ["embeddings"]
    return compare_strategies(X, y, strategies=names, image_size=32, cv=2, random_state=0)


@pytest.fixture
def card(comparison):
    return card_of_study(comparison, y, name="colours")


def with_members(path, **members):
    """Replace members of a file, or add them."""
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents |= {name.replace("_", "."): data for name, data in members.items()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents.items():
            if data is not None:
                archive.writestr(name, data)


@pytest.mark.parametrize("name", ["m.sktl", "m.joblib"])
def test_a_file_keeps_the_card_of_a_study(name, card, comparison, tmp_path):
    model = comparison.best_estimator_
    save_model(model, tmp_path / name, card=card)
    loaded = load(tmp_path / name) if name == "m.sktl" else joblib.load(tmp_path / name)
    assert loaded.card_.items() >= card.items()
    assert card_of(loaded) is loaded.card_
    # It is kept when the model is used and saved again.
    loaded.predict(X)
    save(loaded, tmp_path / "again.sktl")
    assert read_card(tmp_path / "again.sktl") == loaded.card_


def test_a_card_can_be_given(card, tmp_path):
    save(pipeline().fit(X, y), tmp_path / "m.sktl", card=card)
    assert read_card(tmp_path / "m.sktl").items() >= card.items()
    with pytest.raises(ValueError, match=r"card\.json was not written by"):
        save(pipeline().fit(X, y), tmp_path / "n.sktl", card={"no": "card"})
    assert not (tmp_path / "n.sktl").exists()


@pytest.mark.parametrize(
    "model",
    [
        pipeline(),
        FineTuneClassifier(unfreeze=None, image_size=32, random_state=0),
        FineTuneClassifier(unfreeze=1, max_epochs=1, image_size=32, random_state=0),
    ],
    ids=["pipeline", "head", "layer"],
)
def test_another_fit_makes_a_card_obsolete(model, card, tmp_path):
    attach_card(model.fit(X, y), card)
    model.predict(X)
    assert card_of(model)["scores"] is not None
    model.fit(X[:10], 1 - y[:10])
    with pytest.warns(UserWarning, match="fitted again after its card was made"):
        save(model, tmp_path / "m.sktl")
    assert read_card(tmp_path / "m.sktl")["scores"] is None


def test_a_model_with_its_own_network_has_a_card(card, tmp_path):
    model = make_pipeline(ConvFeatureExtractor(TinyNet()), LogisticRegression()).fit(X, y)
    save_model(model, tmp_path / "m.joblib", card=card)
    assert card_of(joblib.load(tmp_path / "m.joblib"))["data"]["name"] == "colours"


def test_an_unfitted_model_stays_unfitted(tmp_path):
    save(ConvFeatureExtractor(), tmp_path / "m.sktl")
    with pytest.raises(NotFittedError):
        check_is_fitted(load(tmp_path / "m.sktl"))
    assert read_card(tmp_path / "m.sktl")["model"]["fitted"] is False


def test_a_file_without_a_card_still_opens(tmp_path):
    path = tmp_path / "m.sktl"
    model = pipeline().fit(X, y)
    save(model, path)
    with_members(path, card_json=None)
    loaded = load(path)
    assert not hasattr(loaded, "card_")
    assert loaded.predict(X).tolist() == model.predict(X).tolist()
    assert read_card(path) == card_of_model(model)


def test_a_newer_file_says_so(tmp_path):
    path = tmp_path / "m.sktl"
    save(pipeline(), path)
    header = {"format": "sklearn_tl", "format_version": 99, "versions": {"sklearn_tl": "9.0"}}
    with_members(path, model_json=json.dumps(header))
    with pytest.raises(ValueError, match=r"format is version 99, .* Install the sklearn_tl that"):
        read_card(path)


@pytest.mark.parametrize(
    "data", ["", "[]", "{}", "[" * 100_000, '{"data": {"name": 1}}', "\xff\xfe"]
)
def test_a_crafted_card_is_refused(data, tmp_path):
    path = tmp_path / "m.sktl"
    save(pipeline(), path)
    with_members(path, card_json=data)
    for read in (read_card, load):
        with pytest.raises(ValueError, match=r"was refused. Its card.json was not written by"):
            read(path)


def test_other_files_are_refused(tmp_path):
    joblib.dump(np.zeros(2), tmp_path / "m.joblib")
    with pytest.raises(ValueError, match=r"It is not a file of sklearn_tl.save. If it is a pickle"):
        read_card(tmp_path / "m.joblib")
    with pytest.raises(FileNotFoundError):
        read_card(tmp_path / "nowhere.sktl")


def test_a_card_is_read_without_skops(tmp_path, monkeypatch):
    save(pipeline(), tmp_path / "m.sktl")
    monkeypatch.setitem(sys.modules, "skops", None)
    assert read_card(tmp_path / "m.sktl")["model"]["type"] == "Pipeline"
