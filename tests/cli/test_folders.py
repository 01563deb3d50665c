import numpy as np
import pytest

from sklearn_tl.cli.folders import describe, read_folder


def touch(folder, *names, data=b""):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def problems(paths):
    return [f"X[{i}] ({p!r}) is bad." if "bad" in p else None for i, p in enumerate(paths)]


def test_the_parts_of_a_data_set_are_not_classes(tmp_path):
    touch(tmp_path, "Train/cat/a.png", "val/cat/a.png")
    with pytest.raises(ValueError, match="Train and val, .*sklearn-tl study .*/val.* --train "):
        read_folder(tmp_path, problems)
    touch(tmp_path, "cat/a.png")  # another folder beside them makes them no classes
    with pytest.raises(ValueError, match="is divided into Train and val"):
        read_folder(tmp_path, problems)


def test_images_and_classes_that_cannot_be_used_are_listed_and_left_out(tmp_path):
    touch(tmp_path, *(f"{name}/{i}.png" for name in ("cat", "dog") for i in range(3)))
    touch(tmp_path, "cat/bad.png", "cow/a.png", "cow/bad.png", "dog/bad.png")
    touch(tmp_path, "horse/notes.txt", "dog/labels.csv", "loose.png")
    paths, labels, left_out = read_folder(str(tmp_path), problems)
    assert paths == [f"{tmp_path}/{name}/{i}.png" for name in ("cat", "dog") for i in range(3)]
    assert labels.tolist() == ["cat"] * 3 + ["dog"] * 3
    assert left_out == [
        "the class cow, since it has 1 readable image and needs 2",
        "the class horse, since it has 0 readable images and needs 2",
        f"{tmp_path}/cat/bad.png is bad.",
        f"{tmp_path}/cow/bad.png is bad.",
        f"{tmp_path}/dog/bad.png is bad.",
        "1 image outside of sub-folders",
        "2 other files: 1 .csv, 1 .txt",
    ]


def test_an_unreadable_image_is_an_error_if_asked_for(tmp_path):
    touch(tmp_path, "cat/0.png", "cat/bad.png", "dog/0.png", "dog/bad.png")
    match = r"cat/bad.png is bad. 1 more cannot be read. To leave such images out: --errors skip"
    with pytest.raises(ValueError, match=match):
        read_folder(str(tmp_path), problems, errors="raise")


def test_too_few_classes_are_an_error_that_shows_how_a_folder_must_look(tmp_path):
    touch(tmp_path, "cat/0.png", "cat/1.png", "dog/bad.png", "loose.png")
    match = (
        r"Found 1 sub-folder with 2 or more readable images in .* \(cat\), and 1 image outside "
        r"of sub-folders. .*dog/1.jpg, ... 1 image cannot be read, the first of them: .*/dog/bad"
    )
    with pytest.raises(ValueError, match=match):
        read_folder(str(tmp_path), problems)


def test_numbers_of_classes_and_images_are_described():
    assert describe(np.array(["a", "b", "b"])) == "2 classes, 3 images, 1 to 2 per class"
    assert describe(np.array(["a", "b"])) == "2 classes, 2 images, 1 per class"
