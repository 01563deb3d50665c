"""`sklearn-tl card` prints the card of either kind of model file."""

import argparse
import json
from pathlib import Path

import joblib
import pytest
from helpers.pictures import study
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_tl import save
from sklearn_tl.card import card_of_model
from sklearn_tl.cli.card import card
from sklearn_tl.cli.report_card import card_section
from sklearn_tl.comparison import RawPixels
from sklearn_tl.persistence import attach_card

X, y = study(n=12)


@pytest.fixture
def fitted():
    return make_pipeline(RawPixels(), LogisticRegression()).fit(X, y)


def run(path, json=False, allow_pickle=True):
    return card(argparse.Namespace(model=str(path), json=json, allow_pickle=allow_pickle))


@pytest.mark.parametrize("name", ["m.sktl", "renamed", "m.joblib"])
def test_a_card_is_printed(name, fitted, tmp_path, capsys):
    if name == "m.joblib":
        joblib.dump(fitted, tmp_path / name)
    else:
        save(fitted, tmp_path / name)
    assert run(tmp_path / name) == 0
    assert capsys.readouterr().out.startswith("# Model card\n\n## The model\n\nPipeline, for one")
    assert run(tmp_path / name, json=True) == 0
    assert json.loads(capsys.readouterr().out)["model"]["type"] == "Pipeline"


def test_an_obsolete_card_is_not_printed(fitted, tmp_path, capsys):
    attach_card(fitted, card_of_model(fitted) | {"limits": ["None at all."]})
    fitted.fit(X, 1 - y)
    joblib.dump(fitted, tmp_path / "m.joblib")
    with pytest.warns(UserWarning, match="fitted again"):
        run(tmp_path / "m.joblib")
    assert "None at all" not in capsys.readouterr().out


def test_other_files_are_errors(tmp_path):
    (tmp_path / "m.sktl").write_text("no model")
    with pytest.raises(ValueError, match="was refused. It is not a file of sklearn_tl.save"):
        run(tmp_path / "m.sktl")
    (tmp_path / "m.txt").write_text("no model")
    with pytest.raises(ValueError, match="m.txt is not a model file"):
        run(tmp_path / "m.txt")
    with pytest.raises(ValueError, match="nowhere.sktl cannot be opened: No such file"):
        run(tmp_path / "nowhere.sktl")


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("touched"),)


def test_a_pickle_of_a_stranger_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    joblib.dump(Evil(), "evil.joblib")
    with pytest.raises(ValueError, match="may be a pickle.*add --allow-pickle"):
        run("evil.joblib", allow_pickle=False)
    assert not Path("touched").exists()


def test_the_section_of_a_report_holds_no_markup_of_names(fitted, tmp_path):
    found = card_of_model(fitted)
    found["limits"] = ["<b>bold</b>"]
    found["data"]["classes"][0]["name"] = "<script>"
    text = card_section(found, tmp_path)
    assert "<li>&lt;b&gt;bold&lt;/b&gt;</li>" in text
    assert "<td>&lt;script&gt;</td>" in text
    assert "<h3>What it must not be used for</h3>" in text
    assert r"\<b>bold" in (tmp_path / "model_card.md").read_text(encoding="utf-8")


def test_a_study_writes_what_it_has_found(model, capsys):
    run(model)
    text = capsys.readouterr().out
    assert text.startswith("# Model card: pets\n")
    assert 'the strategy "embeddings" of a study' in text
    assert "pets: 24 images with 3 classes" in text
