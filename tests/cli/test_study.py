import shutil

import joblib
import numpy as np
import pytest
from helpers.pets import FAST, SMALL
from PIL import Image

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier, load
from sklearn_tl.cli import main
from sklearn_tl.cli.folds import Folds
from sklearn_tl.cli.study import in_words, table
from sklearn_tl.comparison import RawPixels, default_strategies


def read(capsys, *arguments):
    """Run a study and return the lines that it prints."""
    assert main(["study", *map(str, arguments)]) == 0
    return capsys.readouterr().out.splitlines()


def test_a_study_says_which_strategy_to_take_and_what_to_type_next(pets, capsys, network_images):
    lines = read(capsys, pets, *SMALL)
    assert lines[0] == f"{pets}: 3 classes, 24 images, 8 per class"
    assert lines[1] == "Strategies: raw pixels, embeddings, head alone, features of all layers"
    assert any(line.startswith("Take '") for line in lines)
    assert any(line.startswith("  (always the largest class)  0.") for line in lines)
    assert lines[-3:] == [
        f"To compare fine-tuning as well: sklearn-tl study {pets} --fine-tune",
        f"To write the best model: sklearn-tl study {pets} --out MODEL.sktl",
        "To classify images: sklearn-tl predict MODEL.sktl IMAGE ...",
    ]
    assert sum(network_images) == 24  # each image once, in a study of 15 fits


def test_training_sizes_make_a_table(pets, capsys):
    lines = read(capsys, pets, *FAST, "--train-sizes", "6")
    start = lines.index("training images  each class has     embeddings")
    assert [line.split()[:2] for line in lines[start + 1 : start + 3]] == [["6", "2"], ["12", "4"]]


def test_the_model_is_fitted_once_and_is_the_one_of_the_report(pets, tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    found = []

    def compare(*args, **options):
        found.append(original(*args, **options))
        return found[-1]

    import sklearn_tl.cli.study as module

    original = module.compare_strategies
    monkeypatch.setattr(module, "compare_strategies", compare)
    fits = []
    fit = ConvFeatureExtractor.fit
    monkeypatch.setattr(
        ConvFeatureExtractor,
        "fit",
        lambda self, X, y=None: (fits.append(len(X)), fit(self, X, y))[1],
    )
    path = tmp_path / "my pets.sktl"
    lines = read(capsys, pets, *FAST, "--report", tmp_path / "report", "--out", path)
    (comparison,) = found
    # The comparison checks, fills the cache, looks for finished fits, and fits the best.
    assert fits.count(24) <= 4
    assert f"Wrote {tmp_path}/report/report.html and its pictures." in lines
    (wrote,) = [line for line in lines if line.startswith(f"Wrote {path} (")]
    assert wrote.endswith(" kB): embeddings, fitted on all 24 images.")
    assert lines[-1] == f"To classify images: sklearn-tl predict '{path}' IMAGE ..."
    files = [str(path) for path in sorted(pets.glob("*/*.png"))]
    np.testing.assert_allclose(
        load(path).predict_proba(files), comparison.best_estimator_.predict_proba(files), rtol=1e-6
    )


def test_the_model_knows_nothing_of_the_study_s_cache(pets, tmp_path, capsys):
    rows = tmp_path / "rows"
    read(capsys, pets, *FAST, "--cache", rows, "--n-jobs", "1", "--out", tmp_path / "m.joblib")
    model = joblib.load(tmp_path / "m.joblib")
    assert isinstance(model[0], ConvFeatureExtractor)
    assert (model[0].cache, model[0].n_jobs, model[0].verbose) == ("memory", None, 0)
    assert list(model.classes_) == ["cat", "dog", "fish"]
    assert rows.exists()


def test_raw_pixels_can_be_the_model(pets, tmp_path, capsys):
    options = ["--strategies", "raw pixels", "--cv", "2", "--out", tmp_path / "m.sktl"]
    read(capsys, pets, *options)
    assert isinstance(load(tmp_path / "m.sktl")[0], RawPixels)
    assert main(["predict", str(tmp_path / "m.sktl"), str(pets / "dog" / "0.png")]) == 0
    assert capsys.readouterr().out.split("\t")[1] == "dog"


def test_fine_tuning_says_beforehand_how_long_it_takes_and_can_be_the_model(
    pets, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(
        "sklearn_tl.cli.study.expected_seconds", lambda X, y, **options: {"last layer": 5400.0}
    )
    model = tmp_path / "m.sktl"
    options = [*SMALL, "--cv", "2", "--strategies", "last layer", "--out", model]
    lines = read(capsys, pets, *options)
    assert lines[1:3] == [
        "Strategies: last layer",
        "Expected for last layer: about 90 minutes",
    ]
    assert isinstance(load(model), FineTuneClassifier)
    assert main(["predict", str(model), str(pets / "dog")]) == 0
    answers = [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()]
    assert answers == ["dog"] * 8


def test_the_time_is_measured_for_what_will_be_compared(pets, capsys, monkeypatch):
    import sklearn_tl.cli.study as module

    asked = []
    expected = module.expected_seconds

    def measure(X, y, **options):
        asked.append((len(X), options))
        asked.append(expected(X, y, **options))
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "expected_seconds", measure)
    options = [*SMALL, "--strategies", "last layer", "--train-sizes", "6", "--cv", "3"]
    assert main(["study", str(pets), *options]) == 130
    (n, options), seconds = asked
    assert n == 24
    assert (options["train_sizes"], options["cv"].n_folds, options["image_size"]) == ([6], 3, 32)
    assert list(seconds) == ["last layer"]


def test_the_same_seed_gives_the_same_output(pets, capsys):
    outputs = [read(capsys, pets, *FAST, "--train-sizes", "3", "--seed", s) for s in (0, 0)]
    assert outputs[0] == outputs[1]


def test_what_cannot_be_used_is_listed_and_left_out(pets, capsys):
    (pets / "cat" / "broken.jpg").write_bytes(b"no image")
    (pets / "dog" / "empty.PNG").write_bytes(b"")
    (pets / "dog" / "gone.png").symlink_to("nowhere")
    (pets / "horse").mkdir()
    (pets / "cow").mkdir()
    (pets / "cat" / "0.png").rename(pets / "cow" / "0.png")
    lines = read(capsys, pets, *FAST)
    left_out = [line for line in lines if line.startswith("Left out: ")]
    assert left_out[:2] == [
        "Left out: the class cow, since it has 1 readable image and needs 2",
        "Left out: the class horse, since it has 0 readable images and needs 2",
    ]
    for line, beginning in zip(
        left_out[2:],
        [
            "cat/broken.jpg is not an image",
            "dog/empty.PNG is empty",
            "dog/gone.png does not exist",
        ],
        strict=True,
    ):
        assert line.startswith(f"Left out: {pets}/{beginning}")
        assert "leave it out" not in line
    assert lines[5].endswith("3 classes, 23 images, 7 to 8 per class")
    assert main(["study", str(pets), *FAST, "--errors", "raise"]) == 1
    assert "cat/broken.jpg is not an image" in capsys.readouterr().err


def test_advice_is_for_users_of_the_command_line(pets, capsys):
    Image.fromarray(np.full((40, 52), 4095, dtype=np.int32)).save(pets / "cat" / "deep.tif")
    Image.new("RGB", (53, 40)).save(pets / "cat" / "large.png")
    lines = read(capsys, pets, *FAST, "--max-pixels", 40 * 52)
    deep, large = lines[:2]
    assert deep.startswith(f"Left out: {pets}/cat/deep.tif has dtype int32")
    assert deep.endswith("Set --value-range 4095 4095.")
    assert large.startswith(f"Left out: {pets}/cat/large.png was refused before decoding: its 53 x")
    assert large.endswith("If you trust the file, set --max-pixels 2120.")
    assert main(["study", str(pets), "--backbone", "resnet81"]) == 1
    err = capsys.readouterr().err
    assert "python -c 'import sklearn_tl; print(*sklearn_tl.list_backbones())'" in err


def test_a_large_photograph_is_readable_if_the_study_can_read_it(pets, capsys):
    Image.effect_noise((800, 800), 50).save(pets / "cat" / "large.jpg")
    lines = read(capsys, pets, *FAST, "--max-pixels", 600 * 600)
    assert lines[0] == f"{pets}: 3 classes, 25 images, 8 to 9 per class"


def test_files_that_were_passed_over_are_said(pets, capsys):
    (pets / "cat" / "labels.csv").write_text("a,b")
    (pets / "dog" / "photo").write_bytes((pets / "dog" / "0.png").read_bytes())
    lines = read(capsys, pets, *FAST, "--duplicates", "ignore")
    assert lines[0] == "Left out: 1 other file: 1 .csv"
    assert lines[1] == f"{pets}: 3 classes, 25 images, 8 to 9 per class"


@pytest.mark.filterwarnings("default::sklearn_tl.ImageWarning")
def test_what_the_images_have_in_common_is_said_once(pets, capsys):
    for path in pets.glob("*/*.png"):
        levels = np.asarray(Image.open(path).convert("L")).astype(np.uint16) * 16
        Image.fromarray(levels).save(path)
    assert main(["study", str(pets), *FAST]) == 0
    (warning,) = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert warning.endswith("If the images have 12 bits, set --value-range 0 4095.")
    assert main(["study", str(pets), *FAST, "--value-range", "0", "4095"]) == 0
    assert "warning" not in capsys.readouterr().err


def test_a_given_test_set_is_tested_on_and_never_trained_on(pets, tmp_path, capsys):
    test = tmp_path / "test"
    for name in ("cat", "dog", "fish"):
        (test / name).mkdir(parents=True)
        for i in range(6, 8):
            shutil.move(pets / name / f"{i}.png", test / name / f"{i}.png")
    (test / "fish" / "7.png").unlink()  # so that the test set has other shares than both together
    out = tmp_path / "m.sktl"
    options = ["--train", pets, "--test", test, *FAST, "--out", out]
    lines = read(capsys, *options)
    assert lines[:2] == [
        f"{pets}: 3 classes, 18 images, 6 per class",
        f"{test}: 3 classes, 5 images, 1 to 2 per class",
    ]
    assert any(line.split()[:2] == ["embeddings", "1.000"] for line in lines)
    assert "  (always the largest class)  0.400 ± 0.000" in lines
    assert any(f"fitted on the 18 images of {pets}" in line for line in lines)
    assert lines[-1].startswith("To classify images")
    paths = sorted(map(str, pets.glob("*/*.png")))
    labels = [path.split("/")[-2] for path in paths]
    expected = default_strategies(image_size=32)["embeddings"].fit(paths, labels)
    tested = sorted(map(str, test.glob("*/*.png")))
    np.testing.assert_allclose(
        load(out).predict_proba(tested), expected.predict_proba(tested), atol=1e-5
    )

    (test / "cow").mkdir()
    shutil.copy(test / "cat" / "6.png", test / "cow" / "a.png")
    assert main(["study", *map(str, options)]) == 1
    assert f"class cow of --test {test} has no images" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--train", "a"], "--train and --test belong together"),
        (["--test", "a"], "--train and --test belong together"),
        (["b", "--train", "a", "--test", "c"], "exclude each other"),
    ],
)
def test_a_test_set_needs_a_training_set_and_no_folder(options, message, capsys):
    assert main(["study", *options]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.filterwarnings("default::sklearn_tl.ImageWarning")
def test_channels_and_pages_are_options(pets, capsys):
    for path in pets.glob("*/*.png"):
        image = Image.open(path)
        other = image.point(lambda level: 255 - level)
        image.save(path.with_suffix(".tif"), save_all=True, append_images=[other])
        path.unlink()
    assert main(["study", str(pets), *FAST]) == 0
    err = capsys.readouterr().err
    assert err.count("have more than one page") == 1
    assert (
        "Set --page 0 to confirm it, another number for another page, or --page mean or --page max"
        in err
    )
    reading = ["--page", "1", "--channels", "2", "1"]
    assert main(["study", str(pets), *FAST, *reading]) == 0
    assert "warning" not in capsys.readouterr().err


def test_classes_of_fewer_images_than_folds_are_trained_on_in_all_of_them(pets, capsys):
    for i in range(2, 8):
        (pets / "fish" / f"{i}.png").unlink()
    lines = read(capsys, pets, *SMALL, "--strategies", "embeddings")
    assert "Not in the test images of all 5 folds, since they have fewer images: fish" in lines
    labels = np.repeat(["a", "b", "c"], [20, 22, 3])
    folds = list(Folds(5, seed=0).split(None, labels))
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(45))
    assert all("c" in labels[train] for train, _ in folds)
    assert len(list(Folds(5, seed=0).split(None, np.array(["a", "a", "b", "b"])))) == 2


def test_wrong_options_are_found_before_images_are_read(pets, capsys, monkeypatch):
    def fail(*_):
        raise AssertionError

    monkeypatch.setattr("sklearn_tl.cli.study_images.read_folder", fail)
    for options, message in (
        (["--value-range", "1", "1"], "--value-range 1"),
        (["--weights", "nowhere.pth"], "nowhere.pth"),
        (["--cache", "Memory"], "--cache 'Memory'"),
    ):
        assert main(["study", str(pets), *options]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert message in err


def test_classes_with_names_of_any_bytes_can_be_studied(pets, tmp_path, capfdbinary):
    try:
        shutil.move(pets / "dog", bytes(pets) + b"/\xff")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    model = str(tmp_path / "m.sktl")
    assert main(["study", str(pets), *FAST, "--out", model]) == 0
    assert main(["predict", model, str(pets)]) == 0
    assert capfdbinary.readouterr().out.count(b"\t\\udcff\t") == 8


def test_the_table_has_a_row_per_size_and_a_column_per_strategy():
    class Comparison:
        strategies_ = ("raw pixels", "embeddings")
        classes_ = range(3)
        results_ = {"train_size": np.array([6, 100, 6, 100])}

        def scores(self, name, size):
            return np.array([0.5, 0.7]) if size == 6 else np.array([1.0, 1.0])

    assert table(Comparison()) == (
        "training images  each class has     raw pixels     embeddings\n"
        "              6               2  0.600 ± 0.100  0.600 ± 0.100\n"
        "            100            33.3  1.000 ± 0.000  1.000 ± 0.000"
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 second"), (119, "119 seconds"), (120, "2 minutes"), (7200, "2.0 hours")],
)
def test_durations_are_in_the_largest_unit_of_which_there_are_two(seconds, words):
    assert in_words(seconds) == words


def test_groups_come_from_names_or_times(pets, capsys):
    for i in range(8):
        (pets / "cat" / f"{i}.png").rename(pets / "cat" / f"tom{i // 2}_{i}.png")
    lines = read(capsys, pets, *FAST, "--group-pattern", r"(.*?\d)[_.]", "--duplicates", "ignore")
    assert "Groups: 20. No fold divides a group." in lines
    assert any("8 of the images belong to 4 groups" in line for line in lines)
    for options, message in (
        (["--group-pattern", "(x)", "--group-seconds", "3"], "exclude each other"),
        (["--group-pattern", "tom"], "has no parentheses"),
        (["--group-seconds", "3"], "has a time in its EXIF data"),
    ):
        assert main(["study", str(pets), *FAST, *options]) == 1
        assert message in capsys.readouterr().err
    parts = ["--train", str(pets), "--test", str(pets)]
    assert main(["study", *parts, *FAST, "--group-pattern", "(x)"]) == 1
    assert "--group-pattern makes folds, and there are none" in capsys.readouterr().err


@pytest.mark.filterwarnings("default:Of 27 images")
def test_copies_are_said_and_can_be_left_out(pets, capsys):
    for i in range(3):
        shutil.copy(pets / "dog" / f"{i}.png", pets / "dog" / f"copy{i}.png")
    assert main(["study", str(pets), *FAST]) == 0
    out, err = capsys.readouterr()
    assert "27 images in 3 classes" in out
    first = f"as {str(pets / 'dog' / '0.png')!r} and {str(pets / 'dog' / 'copy0.png')!r}."
    assert f"sklearn-tl: warning: Of 27 images, 3 are copies of another one, {first}" in err
    assert "To look for none: --duplicates ignore." in err
    assert main(["study", str(pets), *FAST, "--duplicates", "drop", "--calibrate"]) == 0
    assert "24 images in 3 classes" in capsys.readouterr().out
