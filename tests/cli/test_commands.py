import os
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklearn_tl.cli.commands as cli
from sklearn_tl import ConvFeatureExtractor, __version__, persistence
from sklearn_tl.cli import folders

SMALL = ["--image-size", "32"]


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr(cli, "N_DRAWS", 2)


def draw_pets(folder):
    """Write three classes of eight images each, which their colour tells apart."""
    for channel, name in enumerate(["cat", "dog", "fish"]):
        (folder / name).mkdir(parents=True)
        random = np.random.default_rng(channel)
        for i in range(8):
            coarse = random.integers(0, 128, (5, 6, 3), dtype=np.uint8)
            coarse[..., channel] += 120
            Image.fromarray(coarse).resize((52, 40)).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture
def pets(tmp_path):
    return draw_pets(tmp_path / "pets")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    assert cli.main([str(draw_pets(folder / "pets")), *SMALL, "--out", f"{folder}/m.joblib"]) == 0
    return folder / "m.joblib"


def test_a_folder_from_study_to_prediction(pets, tmp_path, capsys, network_images):
    path = tmp_path / "my pets.joblib"
    assert cli.main([str(pets), *SMALL, "--out", str(path)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert f"{pets}: 3 classes, 24 images, 8 a class\n" in out
    lines = out.splitlines()
    start = lines.index("images a class  embeddings     raw pixels")
    assert [line.split("  ")[-3].strip() for line in lines[start + 1 : start + 3]] == [
        "2",
        "all, 5-fold",
    ]
    assert f"Next: sklearn-tl predict '{path}' IMAGE ..." in lines
    assert sum(network_images) == 24  # of a study with 28 fits, each image once

    assert cli.main(["predict", str(path), str(pets / "dog"), str(pets / "cat" / "0.png")]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    rows = [line.split("\t") for line in out.splitlines()]
    assert [row[0] for row in rows] == [
        *(str(pets / "dog" / f"{i}.png") for i in range(8)),
        str(pets / "cat" / "0.png"),
    ]
    assert [row[1] for row in rows] == ["dog"] * 8 + ["cat"]
    assert all(1 / 3 < float(row[2]) <= 1 for row in rows)


def test_the_model_is_whole_and_carries_no_cache(pets, tmp_path, capsys):
    folder = tmp_path / "models"
    folder.mkdir()
    arguments = [str(pets), *SMALL, "--cache", str(tmp_path / "rows"), "--n-jobs", "1"]
    assert cli.main([*arguments, "--out", str(folder / "m.joblib")]) == 0
    assert [path.name for path in folder.iterdir()] == ["m.joblib"]
    model = joblib.load(folder / "m.joblib")
    assert isinstance(model[0], ConvFeatureExtractor)
    assert (model[0].cache, model[0].n_jobs, model[0].verbose) == ("memory", None, 0)
    assert list(model.classes_) == ["cat", "dog", "fish"]
    assert (tmp_path / "rows").exists()


def test_a_model_as_data(pets, tmp_path, capsys):
    path = tmp_path / "m.sktl"
    assert cli.main([str(pets), *SMALL, "--out", str(path)]) == 0
    assert f"Next: sklearn-tl predict {path} IMAGE ..." in capsys.readouterr().out
    assert list(persistence.load(path).classes_) == ["cat", "dog", "fish"]
    assert cli.main(["predict", str(path), str(pets / "dog")]) == 0
    assert [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()] == ["dog"] * 8
    path.rename(tmp_path / "renamed")
    assert cli.main(["predict", str(tmp_path / "renamed"), str(pets / "dog")]) == 0
    # A joblib file in which an archive stands, as torch writes tensors, is still one.
    joblib.dump(persistence.load(tmp_path / "renamed"), tmp_path / "m.joblib")
    with open(tmp_path / "m.joblib", "ab") as file:
        file.write((tmp_path / "renamed").read_bytes())
    assert cli.main(["predict", str(tmp_path / "m.joblib"), str(pets / "dog")]) == 0
    capsys.readouterr()
    # The name decides: what calls itself data is never opened as a pickle.
    joblib.dump(persistence.load(tmp_path / "renamed"), path)
    assert cli.main(["predict", str(path), str(pets)]) == 1
    assert "m.sktl' was refused. It is no file of sklearn_tl.save" in capsys.readouterr().err


def test_same_seed_same_output(pets, capsys):
    outputs = []
    for seed in ("0", "0", "1"):
        assert cli.main([str(pets), *SMALL, "--seed", seed]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1] != outputs[2]
    assert "Next: the same with --out MODEL" in outputs[0]


def test_what_cannot_be_used_is_listed_and_left_out(pets, capsys):
    (pets / "cat" / "broken.jpg").write_bytes(b"no image")
    (pets / "dog" / "empty.PNG").write_bytes(b"")
    (pets / "dog" / "gone.png").symlink_to("nowhere")
    (pets / "horse").mkdir()
    (pets / "cow").mkdir()
    (pets / "cat" / "0.png").rename(pets / "cow" / "0.png")
    assert cli.main([str(pets), *SMALL]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    left_out = [line for line in out.splitlines() if line.startswith("Left out: ")]
    assert left_out[:2] == [
        "Left out: class cow, which has 1 of at least 2 images",
        "Left out: class horse, which has 0 of at least 2 images",
    ]
    for line, beginning in zip(
        left_out[2:],
        ["cat/broken.jpg is not an image", "dog/empty.PNG is empty", "dog/gone.png does not exist"],
        strict=True,
    ):
        assert line.startswith(f"Left out: {pets}/{beginning}")
    assert "3 classes, 23 images, 7 to 8 a class" in out
    assert cli.main([str(pets), *SMALL, "--errors", "raise"]) == 1
    assert "cat/broken.jpg is not an image" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: No such file or directory"),
        (["pets/cat"], "has 0 sub-folders with 2 or more images that can be read, and 8 images"),
        (["pets/cat/0.png"], "pets/cat/0.png: Not a directory"),
        (["one"], "has 1 sub-folders with 2 or more images that can be read (cat)"),
        (["parts"], "divided into test and train, which are no classes. Name one of them: "),
        (["pets", "--backbone", "resnet81"], "Did you mean 'resnet18'"),
        (["pets", "--image-size", "0"], "image_size"),
        (["pets", "--out", "nowhere/model"], "--out nowhere/model cannot be written"),
        (["pets", "--out", "pets"], "--out pets is a folder; name a file"),
        (["predict", "nowhere", "pets/cat/0.png"], "nowhere cannot be opened"),
        (["predict", "pets/cat/0.png", "pets/cat/0.png"], "pets/cat/0.png is no model file"),
        (["predict", "dict.joblib", "pets/cat/0.png"], "dict.joblib is no model file"),
    ],
)
def test_errors_are_one_line(arguments, message, pets, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for folder in ("one/cat", "parts/train/cat", "parts/test/cat"):
        (tmp_path / folder).mkdir(parents=True)
    for i in range(2):
        (pets / "cat" / f"{i}.png").rename(tmp_path / "one" / "cat" / f"{i}.png")
        Image.new("RGB", (8, 8)).save(pets / "cat" / f"{i}.png")
    joblib.dump({"no": "model"}, "dict.joblib")
    assert cli.main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("sklearn-tl: error: ")
    assert err.count("\n") == 1
    assert message in err


def test_usage(capsys):
    for arguments, status in {
        ("--sed", "1"): 2,
        ("--seed", "-1"): 2,
        ("predict",): 2,
        ("--version",): 0,
        ("--help",): 0,
        ("predict", "--help"): 0,
    }.items():
        with pytest.raises(SystemExit) as exit_:
            cli.main(list(arguments))
        assert exit_.value.code == status
    out, _ = capsys.readouterr()
    assert f"sklearn-tl {__version__}\n" in out
    assert out.count("A model file is a pickle, and opening one may run any code") == 2


def test_predict_goes_on_after_unreadable_images(model, pets, capsys):
    (pets / "cat" / "broken.png").write_bytes(b"no image")
    images = [pets / "cat" / "0.png", pets / "cat" / "broken.png", "nowhere.jpg", pets / "dog"]
    assert cli.main(["predict", str(model), *map(str, images)]) == 1
    out, err = capsys.readouterr()
    assert [line.split("\t")[1] for line in out.splitlines()] == ["cat"] + ["dog"] * 8
    first, second = err.splitlines()
    assert first.startswith(f"sklearn-tl: error: {images[1]} is not an image that can be read")
    assert second.startswith("sklearn-tl: error: nowhere.jpg does not exist")

    assert cli.main(["predict", str(model), "nowhere.jpg"]) == 1
    assert capsys.readouterr().out == ""
    (pets / "empty").mkdir()
    assert cli.main(["predict", str(model), str(pets / "empty")]) == 1
    assert "is a folder without image files" in capsys.readouterr().err


def test_predict_answers_all_chunks(model, pets, capsys, monkeypatch):
    monkeypatch.setattr(cli, "CHUNK", 7)
    (pets / "dog" / "broken.png").write_bytes(b"no image")
    assert cli.main(["predict", str(model), str(pets)]) == 1
    out, _ = capsys.readouterr()
    answers = [line.split("\t")[1] for line in out.splitlines()]
    assert answers == ["cat"] * 8 + ["dog"] * 8 + ["fish"] * 8


def test_errors_that_are_no_image_s_fault_end_it(model, pets, tmp_path, capsys):
    fitted = joblib.load(model)
    fitted[0].backbone_fingerprint_ = "another"
    joblib.dump(fitted, tmp_path / "other.joblib")
    assert cli.main(["predict", str(tmp_path / "other.joblib"), str(pets)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1


def test_the_built_in_photographs(capsys, monkeypatch):
    monkeypatch.setattr(cli, "PATCH_SIZES", (5,))
    assert cli.main([*SMALL]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "Built-in photographs: 14 classes, 504 images, 36 a class" in out
    rows = [line.split() for line in out.splitlines() if "±" in line][1:]
    assert [row[0] for row in rows] == ["5"]
    assert float(rows[0][1]) > 1.2 * float(rows[0][4]) > 1 / 14


def test_quiet_where_stderr_is_no_terminal(pets, tmp_path):
    command = [sys.executable, "-m", "sklearn_tl", str(pets), *SMALL, "--out", "m.joblib"]
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, check=True)
    assert done.stderr == b""
    assert (tmp_path / "m.joblib").exists()
    assert done.stdout.decode().endswith("Next: sklearn-tl predict m.joblib IMAGE ...\n")


def test_nobody_reads_the_output(model, pets, monkeypatch, capsys):
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert cli.main(["predict", str(model), str(pets)]) == 141
        monkeypatch.undo()
    assert capsys.readouterr().err == ""


def test_ctrl_c(monkeypatch, capsys):
    def interrupt(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "report", interrupt)
    assert cli.main([]) == 130
    assert capsys.readouterr() == ("", "")


def test_warnings_are_one_line(monkeypatch, capsys):
    def warn(options):
        warnings.simplefilter("default")
        warnings.warn("two\nlines", UserWarning, stacklevel=2)
        return 0

    monkeypatch.setattr(cli, "report", warn)
    assert cli.main([]) == 0
    assert capsys.readouterr().err == "sklearn-tl: warning: two lines\n"


def test_find_images(tmp_path):
    for name in [
        "dog/b.JPG",
        "dog/a.png",
        "dog/deep/er/c.webp",
        "dog/.hidden.png",
        "dog/.thumbnails/a.png",
        "dog/notes.txt",
        "cat/a.tiff",
        ".git/a.png",
        "lying_around.png",
    ]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    dog = [str(tmp_path / "dog" / name) for name in ("a.png", "b.JPG", "deep/er/c.webp")]
    assert folders.find_images(tmp_path) == {"cat": [str(tmp_path / "cat/a.tiff")], "dog": dog}


def test_draws():
    y = np.repeat(["a", "b", "c"], [20, 12, 3])
    for train, test in cli.draws(y, 10):
        np.testing.assert_array_equal(np.sort(np.r_[train, test]), np.arange(35))
        assert [np.count_nonzero(y[train] == name) for name in "abc"] == [10, 6, 1]
    first, second = cli.draws(y, 10)
    assert not np.array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[0], cli.draws(y, 10)[0][0])

    held_out = np.arange(35) % 2 == 0
    for train, test in cli.draws(y, 5, held_out):
        np.testing.assert_array_equal(test, np.flatnonzero(held_out))
        assert not held_out[train].any()
        assert [np.count_nonzero(y[train] == name) for name in "abc"] == [5, 5, 1]


def test_all_splits():
    y = np.repeat(["a", "b", "c"], [20, 22, 3])
    splits = cli.all_splits(y)
    assert list(splits) == ["2", "5", "10", "all, 5-fold"]
    assert sorted(np.concatenate([test for _, test in splits["all, 5-fold"]])) == list(range(45))
    assert list(cli.all_splits(np.array(["a", "a", "b", "b"]))) == ["all, 2-fold"]


def test_the_floor_is_the_plain_regression_on_pixels():
    random = np.random.default_rng(0)
    X = random.integers(0, 256, (40, 300)).astype(np.uint8)
    y = np.arange(40) % 4
    X[y == 1, :30] //= 2
    train, test = np.arange(28), np.arange(28, 40)
    plain = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, tol=1e-8, max_iter=5000))
    floor = cli.raw_pixels(0.01, [(train, test)]).set_params(logisticregression__tol=1e-8)
    for model in (plain, floor):
        model.fit(X[train], y[train])
    np.testing.assert_allclose(
        floor.predict_proba(X[test]), plain.predict_proba(X[test]), atol=1e-4
    )


def test_small_pixels_of_deep_images():
    deep = np.full((40, 20), 65535, np.uint16)
    deep[20:] = 300  # no 8-bit level
    rows, problems = folders.read([deep])
    assert problems == {}
    assert rows.shape == (1, 3072)
    assert (rows[0, 0], rows[0, -1]) == (255, 1)


def test_table():
    rows = [("2", [0.5, 0.7], [0.25, 0.25]), ("all, 5-fold", [1.0, 1.0], [0.5, 0.5])]
    assert cli.table(rows) == (
        "images a class  embeddings     raw pixels\n"
        "             2  0.600 ± 0.100  0.250 ± 0.000\n"
        "   all, 5-fold  1.000 ± 0.000  0.500 ± 0.000"
    )
