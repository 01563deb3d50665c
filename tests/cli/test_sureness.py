"""What a study knows of its model goes with the model: unsure answers, images of another kind."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.pets import FAST, SMALL, draw_pets
from PIL import Image

from sklearn_tl import load
from sklearn_tl.answers import Answer, Answers, Sureness, remarked
from sklearn_tl.assessment import Novelty
from sklearn_tl.cli import main
from sklearn_tl.cli.sureness import least_confidence


@pytest.fixture(scope="module")
def pets_of_module(tmp_path_factory):
    return draw_pets(tmp_path_factory.mktemp("sure") / "pets")


@pytest.fixture(scope="module")
def sure(pets_of_module):
    """Return the path of a file of data with a model on embeddings."""
    path = pets_of_module.parent / "m.sktl"
    arguments = ["study", str(pets_of_module), *FAST, "--duplicates", "ignore"]
    assert main([*arguments, "--out", str(path)]) == 0
    return path


def rows_of(out):
    return [line.split("\t") for line in out.splitlines()]


def test_the_file_has_thresholds_and_the_distance(sure):
    model = load(sure)
    known = Sureness.from_model(model)
    assert (np.diff(known.errors) > 0).all()
    assert len(known.thresholds) == len(known.coverages) == len(known.errors)
    assert isinstance(known.novelty, Novelty)
    assert sum(np.asarray(value).nbytes for value in model.sureness_.values()) < 11_000


def test_images_of_another_kind_are_marked(sure, pets_of_module, tmp_path, capsys):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    cat = pets_of_module / "cat" / "0.png"
    assert main(["predict", str(sure), str(cat), str(tmp_path / "noise.png")]) == 0
    first, second = rows_of(capsys.readouterr().out)
    assert first[1] == "cat"
    assert len(first) == 3
    assert second[3:] == ["unlike the training images"]
    answers = tmp_path / "answers.csv"
    images = [str(tmp_path / "noise.png"), str(cat), str(tmp_path / "missing.png")]
    assert main(["predict", str(sure), *images, "--csv", str(answers)]) == 1
    with open(answers, encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["path", "prediction", "probability", "remark", "error"]
    assert [row[3] for row in rows] == ["unlike the training images", "", ""]
    assert "does not exist" in rows[2][4]


def test_a_class_that_is_not_probable_enough_is_left_empty(sure, pets_of_module, capsys):
    image = str(pets_of_module / "cat" / "0.png")
    assert main(["predict", str(sure), image]) == 0
    probability = float(rows_of(capsys.readouterr().out)[0][2])
    assert (
        main(["predict", str(sure), image, "--min-confidence", f"{probability + 0.0006:.4f}"]) == 0
    )
    assert rows_of(capsys.readouterr().out)[0][1:] == ["", f"{probability:.3f}", "unsure"]
    assert (
        main(["predict", str(sure), image, "--min-confidence", f"{probability - 0.0006:.4f}"]) == 0
    )
    assert rows_of(capsys.readouterr().out)[0][1:] == ["cat", f"{probability:.3f}"]


def test_an_error_picks_the_threshold_of_the_study():
    errors = np.array([0.01, 0.02, 0.05])
    known = Sureness(errors, np.array([np.inf, 0.9, 0.6]), np.array([0, 0.7, 0.9]), None)
    assert [known.threshold(error) for error in (0.02, 0.04, 0.05, 0.5)] == [0.9, 0.9, 0.6, 0.6]
    assert known.threshold(0.01) is None
    assert known.reached() == [(0.02, 0.9), (0.05, 0.6)]


@pytest.mark.parametrize(
    ("thresholds", "advice"), [([np.inf, 0.9], "Set --error 0.02 or more"), ([np.inf] * 2, "Leave")]
)
def test_an_error_that_is_not_reached_says_which_one_is(thresholds, advice):
    model = SimpleNamespace(
        sureness_={"errors": np.array([0.01, 0.02]), "thresholds": np.array(thresholds)}
        | {"coverages": np.ones(2)}
    )
    answers = Answers("classification", ["a", "b"], list)
    options = SimpleNamespace(model="m.sktl", error=0.01, min_confidence=None)
    with pytest.raises(ValueError, match=rf"--error 0.01 is not reached.*{advice}"):
        least_confidence(answers, model, options)


def test_remarks_come_together():
    answer = Answer(np.array([0.4, 0.6]), (1,))
    assert remarked(answer, 0.7, True) == Answer(
        answer.values, (), "unsure, unlike the training images"
    )
    assert remarked(answer, 0.6, False) == answer
    assert remarked(answer, None, False).confidence == 0.6


def test_wrong_options_say_what_to_type(sure, model, pets_of_module, capsys):
    image = str(pets_of_module / "cat" / "0.png")
    for arguments, message in [
        (["--min-confidence", "2"], "'2' is not a number between 0 and 1"),
        (["--error", "0.1", "--min-confidence", "0.5"], "not allowed with argument"),
    ]:
        with pytest.raises(SystemExit):
            main(["predict", str(sure), image, *arguments])
        assert message in capsys.readouterr().err
    assert main(["predict", str(sure), image, "--error", "0.001"]) == 1
    assert "--error 0.001 is not reached" in capsys.readouterr().err


def test_models_of_raw_pixels_know_no_distance(pets_of_module, tmp_path, capsys):
    path = tmp_path / "raw.joblib"
    how = [*SMALL, "--strategies", "raw pixels", "embeddings", "--cv", "2"]
    arguments = ["study", str(pets_of_module), *how, "--duplicates", "ignore", "--out", str(path)]
    assert main(arguments) == 0
    assert "Take 'raw pixels'" in capsys.readouterr().out
    assert main(["predict", str(path), str(pets_of_module)]) == 0
    assert "unlike" not in capsys.readouterr().out
