import csv
import shutil

import numpy as np
import pytest
from helpers.pets import draw_tables
from PIL import Image

from sklearn_tl.cli import main

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
RAW = ["--strategies", "raw pixels", "--cv", "2"]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return draw_tables(tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def models(table):
    """Return models of classes, tags and numbers, on raw pixels of the same images."""
    for target, others in {"pet": [], "tags": ["--separator", "|"], "weight": []}.items():
        path = table.parent / f"{target}.joblib"
        command = ["study", str(table), "--images", str(table.parent / "images"), *others]
        assert main([*command, "--target", target, *RAW, "--out", str(path)]) == 0
    return table.parent


def rows_of(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.reader(file))


def run(capsys, *arguments, status=0):
    assert main(["score", *map(str, arguments)]) == status
    return capsys.readouterr()


def test_a_folder_is_scored_and_what_cannot_be_scored_is_said(models, pets, tmp_path, capsys):
    shutil.move(pets / "fish", tmp_path / "fish")
    shutil.copytree(pets / "cat", pets / "=owl")
    shutil.copy(tmp_path / "fish" / "0.png", pets / "cat" / "-wrong.png")
    (pets / "dog" / "broken.png").write_bytes(b"no image")
    file = tmp_path / "p.csv"
    out, err = run(capsys, models / "pet.joblib", pets, "--csv", file, status=1)
    lines = out.splitlines()
    assert lines[0] == (
        f"{pets}: 2 classes, 17 images, 8 to 9 per class. 9 of 26 images are left out"
    )
    assert "Without images, so not scored: fish" in lines
    owls = "Left out: 8 images of classes that pet.joblib does not know: =owl"
    assert owls in lines
    assert any(
        line.startswith(f"Left out: {pets}/dog/broken.png is not an image") for line in lines
    )
    assert "17 images. Accuracy: 0.941 (95 % interval 0.730 to 0.990)." in lines
    assert "Always answering the largest class: 0.529." in lines
    assert lines[-1] == f"Wrote {file}: 17 images."
    # A model of raw pixels does not know its training images.
    unread = "1 image cannot be read, so the score is of the others."
    assert err == f"sklearn-tl: error: {unread}\n"
    header, *rows = rows_of(file)
    assert header == ["path", "true", "predicted", "probability", "right"]
    (wrong,) = [row for row in rows if row[-1] == "no"]
    assert wrong[:3] == [f"{pets}/cat/-wrong.png", "cat", "fish"]
    assert 0 < float(wrong[3]) <= 1


def test_a_model_warns_of_the_images_that_it_was_trained_on(model, pets, capsys):
    trained = model.parent / "pets"
    out, err = run(capsys, model, trained)
    warning = (
        f"{model.name} was trained on at least 24 of these images at the same paths, so the score "
        "is too high."
    )
    assert f"sklearn-tl: warning: {warning}" in err
    assert warning in out
    assert "trained on" not in "".join(run(capsys, model, pets))


def test_classes_that_cannot_be_read_are_not_scored(models, pets, capsys):
    for path in (pets / "dog").iterdir():
        path.write_bytes(b"no image")
    out, err = run(capsys, models / "pet.joblib", pets, status=1)
    n_found = len(list(pets.glob("*/*.png")))
    assert f"{len(list((pets / 'dog').iterdir()))} of {n_found} images are left out\n" in out
    assert "Without images, so not scored: dog\n" in out
    shutil.rmtree(pets / "fish")
    _, err = run(capsys, models / "pet.joblib", pets, status=1)
    assert "Only images of the class cat of " in err
    assert "dog/0.png is not an image" in err


@pytest.mark.parametrize("in_words", [False, True])
def test_tags_of_a_table_are_scored(in_words, models, table, tmp_path, capsys):
    file, model = tmp_path / "p.csv", models / "tags.joblib"
    options = ["--images", models / "images", "--csv", file]
    if in_words:
        options += ["--target", "tags", "--separator", "|"]
        text = table.read_text().replace("furry", "scaly")
        lines = ["Without images, so not scored: furry"]
        lines += ["Left out: labels that tags.joblib does not know: scaly"]
    else:  # columns of 0 and 1 with the names that the model knows
        text = table.read_text().replace("photo,", "photo,furry,four legs,", 1)
        for name, values in {"cat": "1,1", "dog": "0,1", "fish": "0,0"}.items():
            text = text.replace(".png," + name, f".png,{values},{name}")
        lines = []
    other = tmp_path / "other.csv"
    other.write_text(text)
    out, _ = run(capsys, model, other, *options)
    assert "24 images. Average precision of the labels: 1.000" in out
    for line in lines:
        assert line in out.splitlines()
    header, cat, *_ = rows_of(file)
    probabilities = [f"probability of {name}" for name in ("four legs", "furry")]
    assert header == ["path", "true", "predicted", "right", *probabilities]
    assert cat[1] == ("four legs" if in_words else "four legs, furry")
    assert cat[3] == ("yes" if cat[1] == cat[2] else "no")


def test_numbers_of_a_table_are_scored(models, table, tmp_path, capsys):
    file, model = tmp_path / "p.csv", models / "weight.joblib"
    options = ["--images", models / "images", "--csv", file]
    out, _ = run(capsys, model, table, *options, "--group", "home")
    assert "24 images in 4 groups. R²: 0.9" in out  # of the column that the model was trained on
    assert "weight is off by 0." in out
    header, row, *_ = rows_of(file)
    assert header == ["path", "true", "predicted", "error"]
    assert float(row[2]) - float(row[1]) == pytest.approx(float(row[3]), abs=1e-5)

    (tmp_path / "other.csv").write_text(table.read_text().replace("weight", "mass"))
    assert main(["score", str(model), str(tmp_path / "other.csv"), *map(str, options)]) == 1
    assert "has no column 'weight'" in capsys.readouterr().err
    run(capsys, model, tmp_path / "other.csv", *options, "--target", "mass")
    assert main(["score", str(model), str(models / "images")]) == 1
    assert "predicts numbers, which the names of sub-folders do not say" in capsys.readouterr().err


def test_classes_that_are_numbers_keep_their_meaning(pets, tmp_path, capsys):
    names = {"cat": 2, "dog": 10, "fish": 1}  # in another order as text
    paths = sorted(pets.glob("*/*.png"))
    lines = [f"{path},{names[path.parent.name]}" for path in paths]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["path,class", *lines]))
    model, file = tmp_path / "m.joblib", tmp_path / "p.csv"
    assert main(["study", str(table), *RAW, "--out", str(model)]) == 0
    assert "Accuracy: 1.000" in run(capsys, model, table, "--csv", file).out
    assert {float(row[3]) > 0.5 for row in rows_of(file)[1:]} == {True}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["cat", "owl"], "has images of 1 of the 3 classes of"),
        (["owl", "bat"], "Its own classes are bat, owl."),
        (["cat"], "At least 2 classes are needed"),
    ],
)
def test_too_few_known_classes_are_an_error(names, message, models, tmp_path, capsys):
    for name in names:
        shutil.copytree(models / "images" / "cat", tmp_path / "other" / name)
    assert main(["score", str(models / "pet.joblib"), str(tmp_path / "other")]) == 1
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_a_report_has_the_sections_of_a_study(models, pets, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    report = tmp_path / "new"
    shutil.copy(pets / "fish" / "0.png", pets / "cat" / "wrong.png")
    out, _ = run(capsys, models / "pet.joblib", pets, "--report", report)
    assert out.endswith(f"Wrote {report}/report.html, its pictures and its lists.\n")
    text = (report / "report.html").read_text()
    for heading in (
        "How good the model is",
        "The most confident errors",
        "The least confident predictions",
        "How sure the answers are",
        "Per class",
        "Confusion matrix",
        "All errors",
        "All predictions",
        "Labels that look wrong",
        "The model",
    ):
        assert f">{heading}</h2>" in text
    assert "other folds" not in text
    assert "Take '" not in text
    assert "True cat, predicted fish: 1 image" in text
    assert [row[0] for row in rows_of(report / "errors.csv")[1:]] == [f"{pets}/cat/wrong.png"]
    assert len(rows_of(report / "predictions.csv")) == 26
    assert {path.name for path in report.glob("*.png")} == {
        "wrong.png",
        "unsure.png",
        "sureness.png",
    }


def test_a_report_without_errors_says_so(models, pets, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    run(capsys, models / "pet.joblib", pets, "--report", tmp_path / "new")
    assert (
        "There are none, so errors.csv has only its header."
        in (tmp_path / "new" / "report.html").read_text()
    )


@pytest.mark.parametrize("name", ["tags", "weight"])
def test_tags_and_numbers_have_a_report(name, models, table, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    options = ["--separator", "|", "--target", "tags"] if name == "tags" else []
    images = ["--images", models / "images"]
    run(capsys, models / f"{name}.joblib", table, *images, *options, "--report", tmp_path)
    text = (tmp_path / "report.html").read_text()
    assert {"tags": "Per label", "weight": "Errors over the range"}[name] in text
    assert len(rows_of(tmp_path / "predictions.csv")) == 25


def test_a_model_with_a_network_has_a_map(model, pets, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    Image.fromarray(np.zeros((40, 52, 3), dtype=np.uint8)).save(pets / "cat" / "black.png")
    out, _ = run(capsys, model, pets, "--report", tmp_path)
    assert "Map of the embeddings</h2>" in (tmp_path / "report.html").read_text()
    assert "is unlike the training images, of 25 images." in out


def test_wrong_arguments_are_found_before_the_model_is_opened(models, pets, tmp_path, capsys):
    model = str(models / "pet.joblib")
    for options, message in (
        ([model, "nowhere"], "nowhere: No such file"),
        ([model, str(pets), "--target", "x"], "--target is an option for tables"),
        ([model, str(pets), "--csv", model], f"--csv {model} would replace {model}"),
        ([str(pets / "cat" / "0.png"), str(pets)], "is not a model file that can be opened"),
    ):
        assert main(["score", *options]) == 1
        assert message in capsys.readouterr().err
