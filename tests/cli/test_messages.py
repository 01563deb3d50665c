import pytest

from sklearn_tl.cli.messages import complain, in_report, reword
from sklearn_tl.cli.problems import problem_of


@pytest.mark.parametrize(
    ("text", "reworded"),
    [
        ("Set value_range=(black, white), for example value_range=(0, 4095).",
         "Set --value-range 0 4095."),
        ("Without value_range, it fails.", "Without --value-range, it fails."),
        ("value_range=(1, 1) should be", "--value-range 1 1 should be"),
        ("train_sizes=[3, 600], but with 12", "--train-sizes 3 600, but with 12"),
        ("The 'image_size' parameter of ConvFeatureExtractor must be",
         "--image-size must be"),
        ("weights='x.pth' is not", "--weights 'x.pth' is not"),
        ("its weights and image_size=8", "its weights and --image-size 8"),
        ("Set channels=(0, 1, 2) to", "Set --channels 0 1 2 to"),
        ("for example channels=(0,).", "for example --channels 0."),
        ('Set page=0 to keep it, or page="mean".', "Set --page 0 to keep it, or --page mean."),
        ("more than max_pixels=9. Set max_pixels=12.",
         "more than --max-pixels 9. Set --max-pixels 12."),
        ("2 more cannot be read: check_images(X) lists them all.", "2 more cannot be read."),
        ("X[12] ('a b.png') is empty", "'a b.png' is empty"),
        ("random_state=None", "--seed=None"),
        ('If they are classes: task="classification".',
         "If they are classes: --task classification."),
        ("To leave them out: errors=\"skip\"", "To leave them out: --errors skip"),
        ("Name one: target='price'", "Name one: --target 'price'"),
        ("path_column='a', group='b', separator='|'",
         "--path-column 'a', --group 'b', --separator '|'"),
        ("target=['a', 'b'] and", "--target 'a' 'b' and"),
        ("set images=FOLDER", "set --images FOLDER"),
    ],
)  # fmt: skip
def test_parameters_become_options(text, reworded):
    assert reword(text) == reworded


@pytest.mark.parametrize(
    "text",
    [
        "t.csv has no column 'y'. Its columns are 'image_size', 'task=\"b\"' and 'it\\'s cv=2'.",
        "image_size: 2 different texts (n_jobs, cv=2), so this is a classification.",
        "2 files do not exist in .: row 4 (my. photo.png), row 5 (target=1.png).",
        "photos/image_size/target=1.png is empty.",
        "max_pixels.csv is empty.",
    ],
)
def test_names_of_users_stay_as_they_are(text):
    assert reword(text) == text


@pytest.mark.parametrize("path", ["my. photo.png", "target=x.png", "two  spaces.png", "n_jobs"])
def test_paths_of_images_stay_as_they_are(path, capsys):
    problem = problem_of(path, f"X[0] ({path!r}) is larger than max_pixels=9. Leave it out.")
    assert problem == f"{path} is larger than --max-pixels 9."
    complain("error", problem, [path])
    assert capsys.readouterr().err == f"sklearn-tl: error: {problem}\n"


def test_a_message_is_one_line(capsys):
    complain("error", ValueError("two\n  lines"))
    complain("warning", FileNotFoundError(2, "No such file", "a.png"))
    assert capsys.readouterr() == (
        "",
        "sklearn-tl: error: two lines\nsklearn-tl: warning: a.png: No such file\n",
    )


def test_an_error_of_a_table_has_a_line_per_problem(capsys):
    error = ValueError("a.csv has 2 problems")
    error.lines = ["a.csv: one", "a.csv: two", 'To leave such rows out: errors="skip"']
    complain("error", error)
    assert capsys.readouterr().err.splitlines() == [
        "sklearn-tl: error: a.csv: one",
        "sklearn-tl: error: a.csv: two",
        "sklearn-tl: error: To leave such rows out: --errors skip",
    ]


def test_a_problem_begins_with_the_path_of_the_image():
    path = "it's \udcff.png"
    error = ValueError(f"X[3] ({path!r}) is empty (0 bytes). Replace the file or leave it out.")
    assert problem_of(path, str(error)) == f"{path} is empty (0 bytes)."
    error = ValueError("X[0] has 3 x 4 pixels. Leave it out.")
    assert problem_of(path, str(error)) == f"{path} has 3 x 4 pixels."
    missing = f"X[0] ({path!r}) does not exist (the current folder is '/'). Correct the path."
    assert problem_of(path, missing) == f"{path} does not exist."


def test_a_summary_names_the_file_instead_of_the_method():
    text = "8 of 90 images have a suspicious label. label_errors() lists them."
    assert in_report(text).endswith(
        "label. label_errors.csv of the report (--report DIR) lists them."
    )
