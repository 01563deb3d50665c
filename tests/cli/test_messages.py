import pytest

from sklearn_tl.cli.messages import complain, problem_of, reword


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
        ("It is refused. If you trust the file, raise PIL.Image.MAX_IMAGE_PIXELS or shrink the "
         "image.", "It is refused. Shrink the image."),
        ("X[12] ('a b.png') is empty", "'a b.png' is empty"),
        ("random_state=None", "--seed=None"),
    ],
)  # fmt: skip
def test_parameters_become_options(text, reworded):
    assert reword(text) == reworded


def test_a_message_is_one_line(capsys):
    complain("error", ValueError("two\n  lines"))
    complain("warning", FileNotFoundError(2, "No such file", "a.png"))
    assert capsys.readouterr() == (
        "",
        "sklearn-tl: error: two lines\nsklearn-tl: warning: a.png: No such file\n",
    )


def test_a_problem_begins_with_the_path_of_the_image():
    path = "it's \udcff.png"
    error = ValueError(f"X[3] ({path!r}) is empty (0 bytes). Replace the file or leave it out.")
    assert problem_of(path, error) == f"{path} is empty (0 bytes)."
    error = ValueError("X[0] has 3 x 4 pixels. Leave it out.")
    assert problem_of(path, error) == f"{path} has 3 x 4 pixels."
    assert problem_of(path, FileNotFoundError("X[0] ...")) == f"{path} does not exist."
