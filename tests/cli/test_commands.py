import os
import re
import subprocess
import sys
import warnings

import joblib
import pytest
from helpers.pets import FAST, SMALL
from PIL import Image
from sklearn.exceptions import ConvergenceWarning

from sklearn_tl import __version__
from sklearn_tl.cli import commands, main


def test_a_study_as_a_user_runs_it(pets, tmp_path, capsys):
    command = [sys.executable, "-m", "sklearn_tl", "study", str(pets), *FAST, "--out", "m.sktl"]
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, check=True, text=True)
    assert done.stdout.endswith("To classify images: sklearn-tl predict m.sktl IMAGE ...\n")
    # Where no bar can be drawn, lines say what is being done.
    assert "\r" not in done.stderr
    assert "embeddings: started (2 fits)\n" in done.stderr
    assert re.search(r"embeddings: mean score [01]\.\d{3}, \d+ s\n", done.stderr)
    assert main(["predict", str(tmp_path / "m.sktl"), str(pets / "dog")]) == 0
    answers = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[1] for line in answers] == ["dog"] * 8


def test_without_a_command_the_photographs_are_studied(capsys, monkeypatch):
    monkeypatch.setattr(
        commands,
        "DEMONSTRATION",
        [*commands.DEMONSTRATION, *SMALL, "--cv", "2", "--train-sizes", "28"],
    )
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Built-in photographs: 14 classes, 504 images, 36 per class"
    start = lines.index("training images  each class has     raw pixels     embeddings")
    rows = [line.split() for line in lines[start + 1 : start + 3]]
    assert [row[:2] for row in rows] == [["28", "2"], ["140", "10"]]
    raw, embeddings = float(rows[1][2]), float(rows[1][5])
    assert embeddings > 1.2 * raw > 1 / 14


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["study", "nowhere"], "nowhere: No such file or directory"),
        (["study", "pets/cat"], "Found 0 sub-folders with 2 or more readable images in pets/cat, "),
        (["study", "pets/cat"], " 8 images outside of sub-folders"),
        (["study", "pets/cat/0.png"], "pets/cat/0.png: Not a directory"),
        (["study", "one"], "Found 1 sub-folder with 2 or more readable images in one (cat)"),
        (["study", "parts"], "divided into test and train, which are not classes. Name one of "),
        (["study", "parts"], "sklearn-tl study parts/train"),
        (["study", "pets", "--backbone", "resnet81"], "Did you mean 'resnet18'"),
        (["study", "pets", "--weights", "none.pth"], "none.pth"),
        (["study", "pets", "--out", "nowhere/model"], "--out nowhere/model cannot be written"),
        (["study", "pets", "--out", "pets"], "--out pets is a folder. Name a file: --out pets/mod"),
        (["predict", "nowhere", "pets/cat/0.png"], "nowhere cannot be opened"),
        (["predict", "pets/cat/0.png", "pets/cat/0.png"], "pets/cat/0.png is not a model file"),
        (["predict", "dict.joblib", "pets/cat/0.png"], "dict.joblib is not a model file"),
        (["predict", "dict.joblib", "pets/cat/0.png"], "sklearn-tl study FOLDER --out MODEL.sktl"),
    ],
)
def test_an_error_is_one_line_and_nothing_else(
    arguments, message, pets, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    for folder in ("one/cat", "parts/train/cat", "parts/test/cat"):
        (tmp_path / folder).mkdir(parents=True)
    for i in range(2):
        (pets / "cat" / f"{i}.png").rename(tmp_path / "one" / "cat" / f"{i}.png")
        Image.new("RGB", (8, 8)).save(pets / "cat" / f"{i}.png")
    joblib.dump({"no": "model"}, "dict.joblib")
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("sklearn-tl: error: ")
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("photos --out m.joblib", "To study a folder of images: sklearn-tl study photos --out m.j"),
        ("--out m.joblib photos", "sklearn-tl study --out m.joblib photos"),
        ("--seed 1", "'--seed' is not an option of sklearn-tl without a command."),
        ("stud photos", "'stud' is not a command. Did you mean 'study'?"),
        (
            "study photos --sed 1",
            "'--sed' is not an option, and no argument is expected here. Did ",
        ),
        ("study photos --sed 1", "Did you mean --seed? For help: sklearn-tl study --help"),
        ("study photos more", "'more' is not an option, and no argument is expected here."),
        ("predict", "MODEL"),
    ],
)
def test_a_wrong_command_says_on_one_line_what_to_type_instead(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments.split())
    assert exit_.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("sklearn-tl: error: ")
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize("command", [[], ["study"], ["predict"]])
def test_every_command_has_a_version_and_help(command, capsys):
    for option in ("--version", "--help"):
        with pytest.raises(SystemExit) as exit_:
            main([*command, option])
        assert exit_.value.code == 0
    out, _ = capsys.readouterr()
    assert out.startswith(f"sklearn-tl {__version__}\nusage: sklearn-tl")
    if command:
        assert "A joblib file is a pickle, and opening one may run\n  any code" in out
        assert out.index(".sktl") < out.index("joblib")


def test_nobody_reads_the_output(model, pets, monkeypatch, capsys):
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert main(["predict", str(model), str(pets)]) == 141
        monkeypatch.undo()
    assert capsys.readouterr().err == ""


def test_ctrl_c_ends_it_in_silence(monkeypatch, capsys):
    def interrupt(options):
        raise KeyboardInterrupt

    monkeypatch.setattr("sklearn_tl.cli.study.study", interrupt)
    assert main([]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_warning_is_one_line_and_comes_once(monkeypatch, capsys):
    def warn(options):
        warnings.simplefilter("always")
        for message in ("two\nlines", "two\nlines", "image_size=8 is small"):
            warnings.warn(message, UserWarning, stacklevel=2)
        for i in range(3):
            warnings.warn(f"lbfgs failed, TOTAL NO. {i}", ConvergenceWarning, stacklevel=2)
        warnings.warn("lbfgs failed: ABNORMAL", ConvergenceWarning, stacklevel=2)
        warnings.warn("Label not 22 is present in all training examples.", stacklevel=2)
        return 0

    monkeypatch.setattr("sklearn_tl.cli.study.study", warn)
    assert main([]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "sklearn-tl: warning: two lines",
        "sklearn-tl: warning: --image-size 8 is small",
        "sklearn-tl: warning: A logistic regression was stopped before it converged; its score may "
        "be lower.",
        "sklearn-tl: warning: A training set has no image with label 22 (counted from 0), so "
        "nothing can be learned about this label there.",
    ]
