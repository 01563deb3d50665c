import csv
import os
import re
import shutil

import joblib
import numpy as np
import pytest
from helpers.pets import FAST, draw_tables
from PIL import Image

from sklearn_tl.cli import main


@pytest.fixture
def chunks_of_7(monkeypatch):
    monkeypatch.setattr("sklearn_tl.cli.predict.CHUNK", 7)


def test_each_line_has_path_class_and_probability(model, pets, capsys):
    assert main(["predict", str(model), str(pets / "dog"), str(pets / "cat" / "0.png")]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    rows = [line.split("\t") for line in out.splitlines()]
    assert [row[0] for row in rows] == [
        *(str(pets / "dog" / f"{i}.png") for i in range(8)),
        str(pets / "cat" / "0.png"),
    ]
    assert [row[1] for row in rows] == ["dog"] * 8 + ["cat"]
    assert all(1 / 3 < float(row[2]) <= 1 for row in rows)


def test_unreadable_images_are_named_and_the_others_are_answered(model, pets, capsys):
    (pets / "cat" / "broken.png").write_bytes(b"no image")
    images = [pets / "cat" / "0.png", pets / "cat" / "broken.png", "nowhere.jpg", pets / "dog"]
    assert main(["predict", str(model), *map(str, images)]) == 1
    out, err = capsys.readouterr()
    assert [line.split("\t")[1] for line in out.splitlines()] == ["cat"] + ["dog"] * 8
    first, second = err.splitlines()
    assert first.startswith(f"sklearn-tl: error: {images[1]} is not an image that can be read")
    assert second == "sklearn-tl: error: nowhere.jpg does not exist."

    assert main(["predict", str(model), "nowhere.jpg"]) == 1
    assert capsys.readouterr().out == ""
    (pets / "empty").mkdir()
    assert main(["predict", str(model), str(pets / "empty")]) == 1
    assert "empty contains no image files" in capsys.readouterr().err


def test_all_images_of_many_chunks_are_answered_in_order(model, pets, capsys, chunks_of_7):
    (pets / "dog" / "broken.png").write_bytes(b"no image")
    assert main(["predict", str(model), str(pets)]) == 1
    out, _ = capsys.readouterr()
    answers = [line.split("\t")[1] for line in out.splitlines()]
    assert answers == ["cat"] * 8 + ["dog"] * 8 + ["fish"] * 8


def test_errors_of_the_model_end_it(model, pets, tmp_path, capsys):
    fitted = joblib.load(model)
    fitted[0].backbone_fingerprint_ = "another"
    joblib.dump(fitted, tmp_path / "other.joblib")
    assert main(["predict", str(tmp_path / "other.joblib"), str(pets)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1


def test_images_are_read_in_the_range_of_the_model(pets, tmp_path, capsys):
    for path in pets.glob("*/*.png"):
        levels = np.asarray(Image.open(path))[..., :1].astype(np.int32) * 4
        Image.fromarray(levels[..., 0]).save(path.with_suffix(".tif"))
        path.unlink()
    model = str(tmp_path / "m.sktl")
    options = [*FAST, "--value-range", "0", "1023"]
    assert main(["study", str(pets), *options, "--out", model]) == 0
    (pets / "dog" / "broken.tif").write_bytes(b"no image")
    capsys.readouterr()
    assert main(["predict", model, str(pets)]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 24
    assert err.count("\n") == 1
    assert "broken.tif" in err


def test_a_range_that_the_model_lacks_is_an_option_of_the_study(model, tmp_path, capsys):
    path = tmp_path / "a.tif"
    Image.fromarray(np.full((8, 8), 1023, dtype=np.int32)).save(path)
    assert main(["predict", str(model), str(path)]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"sklearn-tl: error: {path} has dtype int32")
    assert "--value-range" in err
    assert "value_range" not in err
    assert err.endswith("The model needs it: sklearn-tl study has this option.\n")


def test_names_of_any_bytes_are_printed(model, pets, capfdbinary):
    path = bytes(pets / "dog") + b"/\xff.png"
    try:
        os.rename(pets / "dog" / "0.png", path)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert main(["predict", str(model), path.decode(errors="surrogateescape")]) == 0
    assert b"\\udcff.png\tdog\t" in capfdbinary.readouterr().out


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Return models of classes, tags and numbers, on raw pixels of the same images."""
    folder = tmp_path_factory.mktemp("models")
    table = draw_tables(folder)
    options = {"pet": [], "tags": ["--separator", "|"], "weight": []}
    for target, others in options.items():
        command = ["study", str(table), "--images", str(folder / "images"), "--target", target]
        command += [*others, "--strategies", "raw pixels", "--cv", "2"]
        assert main([*command, "--out", str(folder / f"{target}.joblib")]) == 0
    return folder


def rows_of(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.reader(file))


def test_tags_are_the_labels_above_one_half(models, capsys):
    images = [str(models / "images" / name / "0.png") for name in ("cat", "dog", "fish")]
    assert main(["predict", str(models / "tags.joblib"), *images]) == 0
    answers = [line.split("\t")[1:] for line in capsys.readouterr().out.splitlines()]
    labels = joblib.load(models / "tags.joblib").predict(images)
    words = {(0, 0): "", (1, 0): "four legs", (0, 1): "furry", (1, 1): "four legs, furry"}
    assert answers == [[words[tuple(row)]] for row in labels.tolist()]
    assert main(["predict", str(models / "tags.joblib"), "--probabilities", images[1]]) == 0
    assert re.fullmatch(
        r".*/dog/0.png\tfour legs\tfour legs=0\.[5-9]\d\d\tfurry=0\.[0-4]\d\d\n",
        capsys.readouterr().out,
    )


def test_numbers_are_printed_as_numbers(models, capsys):
    images = [str(models / "images" / name / "0.png") for name in ("cat", "dog", "fish")]
    assert main(["predict", str(models / "weight.joblib"), *images]) == 0
    numbers = [float(line.split("\t")[1]) for line in capsys.readouterr().out.splitlines()]
    np.testing.assert_allclose(numbers, [0.5, 1.5, 2.5], atol=0.5)
    assert main(["predict", str(models / "weight.joblib"), images[0], "--probabilities"]) == 1
    assert "predicts numbers. Leave --probabilities out." in capsys.readouterr().err


def test_a_spreadsheet_opens_the_answers(models, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(models / "images")
    shutil.copy("dog/0.png", "=dög.png")
    (models / "images" / "-broken.png").write_bytes(b"no image")
    file = tmp_path / "answers.csv"
    images = ["cat/0.png", "./-broken.png", "=dög.png"]
    model = str(models / "pet.joblib")
    assert main(["predict", model, *images, "--csv", str(file), "--probabilities"]) == 1
    out, err = capsys.readouterr()
    assert out == f"Wrote {file}: 3 images, 1 of them without an answer.\n"
    assert "./-broken.png is not an image" in err
    assert file.read_bytes().startswith(b"\xef\xbb\xbfpath,prediction,probability,cat,dog,fish,err")
    _, cat, broken, dog = rows_of(file)
    assert cat[:2] == ["cat/0.png", "cat"]
    assert float(cat[2]) == float(cat[3]) == max(map(float, cat[3:6]))
    assert cat[6] == ""
    assert dog[:2] == ["'=dög.png", "dog"]
    assert broken[:6] == ["./-broken.png", *[""] * 5]
    assert broken[6].startswith("./-broken.png is not an image that can be read")
    assert [path.name for path in tmp_path.iterdir()] == ["answers.csv"]

    assert main(["predict", model, "cat/0.png", "--csv", str(file)]) == 0
    assert [len(row) for row in rows_of(file)] == [4, 4]
    assert main(["predict", str(models / "tags.joblib"), "dog/0.png", "--csv", str(file)]) == 0
    assert rows_of(file) == [["path", "prediction", "error"], ["dog/0.png", "four legs", ""]]
    assert main(["predict", str(models / "weight.joblib"), "cat/0.png", "--csv", str(file)]) == 0
    head, row = rows_of(file)
    assert head == ["path", "weight", "error"]
    assert abs(float(row[1]) - 0.5) < 0.5


def test_top_has_the_most_probable_classes_in_order(models, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(models / "images")
    model, file = str(models / "pet.joblib"), tmp_path / "answers.csv"
    assert main(["predict", model, "dog/0.png", "--top", "2"]) == 0
    path, answer, sure, *pairs = capsys.readouterr().out.rstrip("\n").split("\t")
    assert (path, answer) == ("dog/0.png", "dog")
    assert pairs[0] == f"dog={sure}"
    assert len(pairs) == 2

    (models / "images" / "unreadable.png").write_bytes(b"no image")
    images = ["dog/0.png", "unreadable.png"]
    assert main(["predict", model, *images, "--csv", str(file), "--top", "9"]) == 1
    head, dog, broken = rows_of(file)
    named = [f"{word} {k}" for k in (1, 2, 3) for word in ("top", "probability")]
    assert head == ["path", "prediction", "probability", *named, "error"]
    assert dog[3] == "dog"
    assert {dog[3], dog[5], dog[7]} == {"cat", "dog", "fish"}
    assert float(dog[4]) >= float(dog[6]) >= float(dog[8])
    assert broken[1:-1] == [""] * 8
    assert "unreadable.png" in broken[-1]

    assert main(["predict", str(models / "tags.joblib"), "cat/0.png", "--top", "1"]) == 0
    assert "\tfour legs=" in capsys.readouterr().out
    assert main(["predict", str(models / "weight.joblib"), "cat/0.png", "--top", "1"]) == 1
    assert "predicts numbers. Leave --top out." in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["predict", model, "cat/0.png", "--top", "0"])
    assert "'0' is not an integer of 1 or more" in capsys.readouterr().err


def test_a_csv_file_is_written_whole_or_not_at_all(models, tmp_path, capsys, monkeypatch):
    file, model = tmp_path / "a.csv", str(models / "pet.joblib")
    image = str(models / "images" / "cat" / "0.png")
    file.write_text("mine")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("sklearn_tl.cli.predict.ask_each", interrupt)
    assert main(["predict", model, image, "--csv", str(file)]) == 130
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]
    folder = str(models / "images")
    assert main(["predict", model, folder, "--csv", image]) == 1
    assert f"--csv {image} would replace {image}." in capsys.readouterr().err
    for path, message in (
        (image, f"--csv {image} would replace {image}. Name another file."),
        (model, "would replace"),
        (str(tmp_path), f"is a folder. Name a file: --csv {tmp_path}/answers.csv"),
        (str(tmp_path / "no" / "a.csv"), "cannot be written: No such file"),
    ):
        assert main(["predict", model, image, "--csv", path]) == 1
        assert message in capsys.readouterr().err


def test_a_bar_shows_the_progress_in_a_terminal(models, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    file = str(tmp_path / "a.csv")
    folder = str(models / "images" / "cat")
    assert main(["predict", str(models / "pet.joblib"), folder, "--csv", file]) == 0
    assert "8/8" in capsys.readouterr().err
