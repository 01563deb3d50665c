import pytest

from sklearn_tl.cli.options import predict, study
from sklearn_tl.comparison import QUICK_STRATEGIES, default_strategies


def parsed(*arguments):
    return study.parser().parse_args(list(arguments))


def test_a_study_is_quick_unless_fine_tuning_is_asked_for():
    assert parsed().strategies == list(QUICK_STRATEGIES)
    assert parsed("photos", "--fine-tune").strategies == list(default_strategies())
    some = parsed("photos", "--strategies", "raw pixels", "last layer").strategies
    assert some == ["raw pixels", "last layer"]


def test_a_study_has_every_option_and_unreadable_images_are_skipped_by_default():
    assert vars(parsed()) == {
        "folder": None,
        "train": None,
        "test": None,
        "path_column": None,
        "target": None,
        "group": None,
        "images": None,
        "separator": None,
        "task": None,
        "group_pattern": None,
        "group_seconds": None,
        "duplicates": "group",
        "strategies": list(QUICK_STRATEGIES),
        "cv": 5,
        "train_sizes": None,
        "seed": 0,
        "backbone": "efficientnet_lite0",
        "weights": "default",
        "image_size": None,
        "resize_mode": "crop",
        "value_range": None,
        "channels": None,
        "page": None,
        "max_pixels": 89478485,
        "errors": "skip",
        "cache": "memory",
        "n_jobs": None,
        "report": None,
        "out": None,
        "calibrate": False,
    }


@pytest.mark.parametrize(
    ("text", "size"), [("224", 224), ("160x320", (160, 320)), ("native", "native")]
)
def test_an_image_size_is_a_number_or_a_pair_or_native(text, size):
    assert parsed("--image-size", text).image_size == size


def test_values_of_black_and_white_may_be_negative():
    assert parsed("--value-range", "-1000", "2.5").value_range == [-1000, 2.5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", "-1"], "'-1' is not an integer of 0 or more."),
        (["--cv", "1"], "'1' is not an integer of 2 or more."),
        (["--train-sizes", "8", "photos"], "'photos' is not an integer of 1 or more. FOLDER must "),
        (["--strategies", "embeddings", "photos"], "'photos' is not a strategy. Choose from "),
        (["--strategies", "embeddings", "photos"], '"raw pixels", embeddings, "head alone"'),
        (["--strategies", "embeddings", "photos"], "FOLDER must come before the options."),
        (["--image-size", "0"], "'0' is not a size in pixels. Expected a number such as 224"),
        (["--image-size", "1x2x3"], "'1x2x3' is not a size in pixels."),
        (["--value-range", "0"], "expected 2 arguments"),
        (["--errors", "stop"], "skip"),
        (["--fine-tune", "--strategies", "embeddings"], "not allowed with argument --fine-tune"),
        (["--see", "1"], "Did you mean --seed?"),
    ],
)
def test_a_wrong_value_is_an_error_that_says_what_is_expected(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit_:
        parsed(*arguments)
    assert exit_.value.code == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_predict_takes_a_model_and_images():
    options = predict.parser().parse_args(["m.sktl", "a.png", "b.png"])
    assert (options.model, options.images) == ("m.sktl", ["a.png", "b.png"])
    assert (options.csv, options.probabilities) == (None, False)
