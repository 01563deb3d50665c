import threading

import numpy as np
import pytest

from sklearn_tl.cli.folders import (
    describe,
    files_below,
    find_images,
    find_problems,
    read_folder,
)
from sklearn_tl.images import FORMATS


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def readable(path):
    if "bad" in path:
        raise ValueError(f"X[0] ({path!r}) is bad.")


def test_image_files_are_found_at_any_depth_and_hidden_ones_are_not(tmp_path):
    touch(tmp_path, "dog/b.JPG", "dog/a.png", "dog/deep/er/c.webp", "dog/.hidden.png")
    touch(tmp_path, "dog/.thumbnails/a.png", "dog/notes.txt", "cat/a.tiff", ".git/a.png")
    touch(tmp_path, "lying_around.png")
    dog = [str(tmp_path / "dog" / name) for name in ("a.png", "b.JPG", "deep/er/c.webp")]
    assert find_images(tmp_path) == {"cat": [str(tmp_path / "cat/a.tiff")], "dog": dog}


def test_files_of_every_format_that_can_be_read_are_found(tmp_path):
    names = sorted(f"a{ending}" for endings in FORMATS.values() for ending in endings)
    touch(tmp_path, *names)
    assert files_below(tmp_path) == [str(tmp_path / name) for name in names]


def test_the_parts_of_a_data_set_are_not_classes(tmp_path):
    touch(tmp_path, "Train/cat/a.png", "val/cat/a.png")
    with pytest.raises(ValueError, match="sklearn-tl study .*/val"):
        find_images(tmp_path)
    touch(tmp_path, "cat/a.png")
    assert list(find_images(tmp_path)) == ["Train", "cat", "val"]


def test_every_image_is_read_once_and_nothing_of_it_is_kept(tmp_path):
    alive, most, lock = [], [], threading.Lock()

    class Pixels:
        def __init__(self):
            with lock:
                alive.append(self)
                most.append(len(alive))

    paths = [f"{i}.png" for i in range(20)]
    seen = []

    def read(path):
        seen.append(path)
        Pixels()
        with lock:
            alive.pop()

    assert find_problems(paths, read) == {}
    assert sorted(seen) == sorted(paths)


def test_images_and_classes_that_cannot_be_used_are_listed_and_left_out(tmp_path):
    touch(tmp_path, *(f"{name}/{i}.png" for name in ("cat", "dog") for i in range(3)))
    touch(tmp_path, "cat/bad.png", "cow/a.png", "cow/bad.png", "dog/bad.png")
    (tmp_path / "horse").mkdir()
    paths, labels, left_out = read_folder(str(tmp_path), readable)
    assert paths == [f"{tmp_path}/{name}/{i}.png" for name in ("cat", "dog") for i in range(3)]
    assert labels.tolist() == ["cat"] * 3 + ["dog"] * 3
    assert left_out == [
        "the class cow, since it has 1 readable images and needs 2",
        "the class horse, since it has 0 readable images and needs 2",
        f"{tmp_path}/cat/bad.png is bad.",
        f"{tmp_path}/cow/bad.png is bad.",
        f"{tmp_path}/dog/bad.png is bad.",
    ]


def test_an_unreadable_image_is_an_error_if_asked_for(tmp_path):
    touch(tmp_path, "cat/0.png", "cat/bad.png", "dog/0.png", "dog/bad.png")
    match = r"cat/bad.png is bad. 1 more cannot be read. To leave such images out: --errors skip"
    with pytest.raises(ValueError, match=match):
        read_folder(str(tmp_path), readable, errors="raise")


def test_too_few_classes_are_an_error_that_shows_how_a_folder_must_look(tmp_path):
    touch(tmp_path, "cat/0.png", "cat/1.png", "dog/bad.png", "loose.png")
    match = (
        r"Found 1 sub-folders with 2 or more readable images in .* \(cat\), and 1 images outside "
        r"of sub-folders. .*dog/1.jpg, ... 1 images cannot be read, the first of them: .*/dog/bad"
    )
    with pytest.raises(ValueError, match=match):
        read_folder(str(tmp_path), readable)


def test_numbers_of_classes_and_images_are_described():
    assert describe(np.array(["a", "b", "b"])) == "2 classes, 3 images, 1 to 2 per class"
    assert describe(np.array(["a", "b"])) == "2 classes, 2 images, 1 per class"
