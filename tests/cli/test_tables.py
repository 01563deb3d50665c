"""Studies of tables: what is guessed, said and left out, and the models that come out."""

import joblib
import numpy as np
import pytest
from sklearn.linear_model import RidgeCV

from sklearn_tl import load
from sklearn_tl.cli import main

RAW = ["--strategies", "raw pixels", "--cv", "2"]


@pytest.fixture
def study(tables, capsys):
    """Return a function that runs a study of the pets and returns the lines that it prints."""

    def study(*options, of=(tables,), status=0):
        command = ["study", *map(str, of), "--images", str(tables.parent / "images"), *RAW]
        assert main([*command, *map(str, options)]) == status
        out, err = capsys.readouterr()
        return err.splitlines() if status else out.splitlines()

    return study


def test_numbers_are_a_regression_and_said_to_be(study, tables, tmp_path):
    lines = study("--target", "weight", "--out", tmp_path / "m.sktl", "--train-sizes", "6")
    assert lines[:4] == [
        f"{tables}: 24 images",
        "Paths are in the column 'photo'.",
        "weight: 24 numbers from 0.5 to 2.5, so this is a regression. For classes: --task "
        "classification.",
        "Strategies: raw pixels",
    ]
    assert "R² on the test images, mean ± standard deviation over 2 training sets:" in lines
    assert "training images     raw pixels" in lines
    assert any(line.startswith("  (always the mean") for line in lines)
    assert not any("largest class" in line for line in lines)
    assert (
        lines[-1] == f"To predict from new images: sklearn-tl predict {tmp_path}/m.sktl IMAGE ..."
    )
    model = load(tmp_path / "m.sktl")
    assert model.target_names_.tolist() == ["weight"]
    assert isinstance(model[-1], RidgeCV)


def test_whole_numbers_are_classes_unless_the_task_is_named(study):
    lines = study("--target", "home")
    assert (
        "home: 4 different whole numbers (0, 1, 2 and 1 more), so this is a classification. For "
        "numbers to predict: --task regression." in lines
    )
    lines = study("--target", "home", "--task", "regression")
    assert "home: 24 numbers from 0 to 3." in lines


def test_several_columns_of_numbers_are_one_regression(study, tables, tmp_path, capsys):
    path = tmp_path / "m.joblib"
    lines = study("--target", "weight", "home", "--out", path)
    assert (
        "weight: 24 numbers from 0.5 to 2.5, home: 24 numbers from 0 to 3, so this is a "
        "regression." in lines
    )
    images, file = tables.parent / "images", tmp_path / "a.csv"
    assert main(["predict", str(path), str(images), "--csv", str(file)]) == 0
    assert file.read_text(encoding="utf-8-sig").splitlines()[0] == "path,weight,home,error"


def test_tags_are_several_labels(study, tmp_path):
    path = tmp_path / "m.joblib"
    lines = study("--target", "tags", "--separator", "|", "--out", path, "--train-sizes", "9")
    assert lines[2:4] == [
        "tags: 2 different tags (four legs, furry), separated by '|', so each image can have "
        "several labels (multilabel).",
        "8 images have no tags, since the cell is empty.",
    ]
    (heading,) = [line for line in lines if "on the test images, mean ±" in line]
    assert "verage precision of the labels on the test images" in heading
    assert joblib.load(path).target_names_.tolist() == ["four legs", "furry"]


def test_classes_of_a_table_are_those_of_a_folder(study, tables, tmp_path, capsys):
    of_table = study("--target", "pet", "--out", tmp_path / "table.joblib")
    assert of_table[0] == f"{tables}: 3 classes, 24 images, 8 per class"
    assert of_table[-1].startswith("To classify images: ")
    images = str(tables.parent / "images")
    assert main(["study", images, *RAW, "--out", str(tmp_path / "folder.joblib")]) == 0
    of_folder = capsys.readouterr().out.splitlines()
    assert [x for x in of_table if "raw pixels  " in x] == [x for x in of_folder if "pixels  " in x]
    models = [joblib.load(tmp_path / f"{name}.joblib") for name in ("table", "folder")]
    np.testing.assert_array_equal(models[0][-1].coef_, models[1][-1].coef_)
    assert not hasattr(models[0], "target_names_")


def test_the_next_command_has_the_options_of_the_table(study, tables):
    lines = study("--target", "tags", "--separator", "|", "--path-column", "photo")
    options = f"--path-column photo --target tags --images {tables.parent}/images --separator '|'"
    assert lines[-2] == (
        f"To write the best model: sklearn-tl study {tables} {options} --out MODEL.sktl"
    )


def test_groups_stay_whole(study, monkeypatch):
    import sklearn_tl.cli.study as module

    seen = []
    original = module.compare_strategies
    monkeypatch.setattr(
        module,
        "compare_strategies",
        lambda X, y, **options: (seen.append((X, options)), original(X, y, **options))[1],
    )
    lines = study("--target", "pet", "--group", "home")
    assert lines[3] == "Groups: 4. No fold divides a group."
    ((paths, options),) = seen
    homes = np.array([int(path[-5]) % 4 for path in paths])
    np.testing.assert_array_equal(options["groups"], homes)
    assert any("24 of the images belong to 4 groups" in line for line in lines)


def test_all_problems_are_said_each_on_a_line(study, tables):
    rows = tables.read_text().splitlines()
    rows[3], rows[5] = "cat/none.png,cat,,0.5,1", rows[5].replace("0.5", "")
    tables.write_text("\n".join([*rows, rows[1]]))
    folder = tables.parent / "images"
    (folder / "fish" / "7.png").write_bytes(b"")
    problems = [
        "1 row has nothing in 'weight': row 6.",
        f"1 file does not exist in {folder}: row 4 (cat/none.png).",
        f"1 file cannot be read: row 25 ({folder}/fish/7.png is empty (0 bytes)).",
        f"1 row repeats another row: row 26 ({folder}/cat/0.png, as in row 2).",
    ]
    lines = study("--target", "weight")
    assert lines[:5] == [*(f"Left out: {text}" for text in problems), f"{tables}: 21 images"]
    errors = study("--target", "weight", "--errors", "raise", status=1)
    assert errors == [
        *(f"sklearn-tl: error: {tables}: {text}" for text in problems),
        "sklearn-tl: error: To leave such rows out: --errors skip",
    ]
    (error,) = study("--target", "wieght", status=1)
    assert "no column 'wieght'. Did you mean 'weight'? Its columns are 'photo'" in error
    (error,) = study(status=1)
    assert error.endswith("'pet', 'tags', 'weight', 'home'. Name one: --target 'home'")


def test_a_class_of_one_image_is_left_out_and_tags_without_a_separator_are_doubted(
    study, tables, capsys
):
    tables.write_text(tables.read_text().replace("cat/0.png,cat", "cat/0.png,lion"))
    lines = study("--target", "pet")
    assert lines[:2] == [
        "Left out: the class lion, since it has 1 readable image and needs 2",
        f"{tables}: 3 classes, 23 images, 7 to 8 per class",
    ]
    rows = [line.split(",") for line in tables.read_text().splitlines()]
    names = ["a|b", "b|c", "a|c", "a|d", "b|d", "a", "b", "c"]
    for i, row in enumerate(rows[1:]):
        row[2] = names[i % 8]
    tables.write_text("\n".join(map(",".join, rows)))
    options = [str(tables), "--images", str(tables.parent / "images"), *RAW]
    assert main(["study", *options, "--target", "tags"]) == 0
    (warning,) = [w for w in capsys.readouterr().err.splitlines() if "warning" in w]
    assert "15 of 24 cells of 'tags' contain '|'" in warning
    assert "For several tags per image: --separator '|'." in warning


def test_a_column_of_names_is_not_a_classification(study, tables):
    rows = tables.read_text().splitlines()
    names = [rows[0], *(row.replace(",", f",{i} x", 1) for i, row in enumerate(rows[1:]))]
    tables.write_text("\n".join(names))
    (error,) = study("--target", "pet", status=1)
    assert "has 24 classes in 'pet', and 0 of them with 2 or more images" in error
    assert error.endswith("to predict: --task regression")


@pytest.mark.parametrize(
    ("train_names", "test_names", "unknown"),
    [
        (["3.0", "x"], ["3.0", "3.0"], None),
        (["1", "2"], ["1", "z"], "z"),
        (["1", "2"], ["1.0", "z"], "z"),
    ],
)
def test_classes_of_two_tables_are_compared_as_they_are_written(
    train_names, test_names, unknown, two, study
):
    for file, names in zip(two, (train_names, test_names), strict=True):
        head, *rows = file.read_text().splitlines()
        for i, row in enumerate(rows):
            cells = row.split(",")
            cells[1] = names[cells[1] != "cat"]
            rows[i] = ",".join(cells)
        file.write_text("\n".join([head, *rows]))
    train, test = two
    options = ["--target", "pet", "--task", "classification"]
    of = ("--train", train, "--test", test)
    lines = study(*options, of=of, status=0 if unknown is None else 1)
    if unknown is None:
        assert f"{test}: 1 class, 6 images, 6 per class" in lines
    else:
        assert f"The class {unknown} of --test {test} has no images" in lines[0]


@pytest.fixture
def two(tables):
    """Return two tables: the first six images of each class, and the others."""
    head, *rows = tables.read_text().splitlines()
    train, test = tables.with_name("train.csv"), tables.with_name("test.csv")
    for file, numbers in ((train, "012345"), (test, "67")):
        file.write_text(
            "\n".join([head, *(row for row in rows if row[row.index("/") + 1] in numbers)])
        )
    return train, test


@pytest.mark.parametrize(
    "options",
    [["--target", "tags", "--separator", "|"], ["--target", "weight"], ["--target", "pet"]],
)
def test_one_table_is_trained_on_and_another_tested_on(options, two, study, tmp_path):
    train, test = two
    out = tmp_path / "m.joblib"
    of = ("--train", train, "--test", test)
    lines = study(*options, "--out", out, of=of)
    assert any(line.startswith(f"{test}: ") for line in lines)
    assert any(f"fitted on the 18 images of {train}." in line for line in lines)
    assert "24 images" in next(line for line in lines if "1 fold" in line)


def test_a_class_that_looks_like_a_number_is_the_same_in_both_tables(two, study):
    train, test = two
    train.write_text(train.read_text().replace("0.png,cat", "0.png,1a").replace(",cat,", ",1,"))
    rows = test.read_text().replace(",cat,", ",1,").splitlines()
    test.write_text("\n".join([row for row in rows if ",1," in row or "photo" in row]))
    train.write_text(train.read_text().replace("1.png,1,", "1.png,1a,"))
    lines = study("--target", "pet", of=("--train", train, "--test", test))
    assert f"{test}: 1 class, 2 images, 2 per class" in lines


def test_a_tag_that_is_never_tested_is_a_column_all_the_same(two, study):
    train, test = two
    test.write_text(test.read_text().replace("furry|four legs", "four legs"))
    lines = study("--target", "tags", "--separator", "|", of=("--train", train, "--test", test))
    assert any(line.startswith("24 images with 2 labels") for line in lines)


def test_two_tables_must_fit_to_each_other(two, study, tables):
    train, test = two
    of = ("--train", train, "--test", test)
    test.write_text(test.read_text().replace("furry", "feathers").replace("dog,", "bird,"))
    (error,) = study("--target", "tags", "--separator", "|", of=of, status=1)
    assert f"The tag feathers of --test {test} has no images in --train {train}." in error
    (error,) = study("--target", "pet", of=of, status=1)
    assert "The class bird of --test" in error
    (error,) = study("--target", "pet", "--group", "home", of=of, status=1)
    assert "--group makes folds" in error
    (error,) = study(of=("--train", train, "--test", tables.parent / "images"), status=1)
    assert "must be two folders or two tables" in error


@pytest.mark.parametrize("option", ["--target", "--group", "--separator", "--path-column"])
def test_options_of_tables_need_a_table(option, study, tables, capsys):
    (error,) = study(of=(tables.parent / "images",), status=1)
    assert "--images is an option for tables, but " in error
    assert main(["study", str(tables.parent / "images"), option, "x"]) == 1
    assert f"{option} is an option for tables" in capsys.readouterr().err
    assert main(["study", option, "x"]) == 1
    assert "the built-in set of photographs is not a table" in capsys.readouterr().err


def test_a_table_comes_before_the_options(tables, capsys):
    assert main(["study", "--target", "pet", str(tables)]) == 1
    assert f"TABLE must come before the options: {tables}" in capsys.readouterr().err
