import os

import joblib
import numpy as np
import pytest
from helpers.pets import FAST
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
