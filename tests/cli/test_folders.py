from collections import Counter
from importlib import util

import numpy as np
import pytest

from sklearn_tl.cli.folders import describe, files_below, find_images, in_words, read_folder
from sklearn_tl.images import FORMATS


def touch(folder, *names, data=b""):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def problems(paths):
    return [f"X[{i}] ({p!r}) is bad." if "bad" in p else None for i, p in enumerate(paths)]


def test_image_files_are_found_at_any_depth_and_hidden_ones_are_not(tmp_path):
    touch(tmp_path, "dog/b.JPG", "dog/a.png", "dog/deep/er/c.webp", "dog/.hidden.png")
    touch(tmp_path, "dog/.thumbnails/a.png", "dog/notes.txt", "cat/a.tiff", ".git/a.png")
    touch(tmp_path, "lying_around.png")
    dog = [str(tmp_path / "dog" / name) for name in ("a.png", "b.JPG", "deep/er/c.webp")]
    found = find_images(tmp_path)
    assert {name: files.paths for name, files in found.items()} == {
        "cat": [str(tmp_path / "cat/a.tiff")],
        "dog": dog,
    }
    assert found["dog"].others == {".txt": 1}


def test_files_of_every_format_that_can_be_read_are_found(tmp_path):
    names = sorted(f"a{ending}" for endings in FORMATS.values() for ending in endings)
    touch(tmp_path, *names)
    assert files_below(tmp_path).paths == [str(tmp_path / name) for name in names]


PNG, HEIC = b"\x89PNG\r\n\x1a\n" + bytes(8), b"\0\0\0\x18ftypheic" + bytes(4)


def test_files_are_recognised_by_their_content_if_the_ending_does_not_tell(tmp_path):
    touch(tmp_path, "a", "b.photo", "c.0001", data=PNG)
    touch(tmp_path, "d.npy", data=b"\x93NUMPY" + bytes(8))
    touch(tmp_path, "notes.txt", "e.XLSX", "f", data=b"not an image, but text")
    files = files_below(tmp_path)
    assert files.paths == [str(tmp_path / name) for name in ("a", "b.photo", "c.0001", "d.npy")]
    assert files.others == {".txt": 1, ".xlsx": 1, "without an ending": 1}


def test_a_format_that_needs_a_package_says_which(tmp_path, monkeypatch):
    touch(tmp_path, "a.heic", "b.HEIC", "c", data=HEIC)
    touch(tmp_path, "d.txt")
    assert len(files_below(tmp_path).paths) == 3
    find_spec = util.find_spec
    monkeypatch.setattr(
        "sklearn_tl.images.formats.find_spec",
        lambda name: None if name == "pillow_heif" else find_spec(name),
    )
    paths, others = files_below(tmp_path)
    assert paths == []
    assert in_words(others) == (
        "4 other files: 2 .heic (pip install pillow-heif), 1 .txt, 1 without an ending (pip "
        "install pillow-heif)"
    )
    assert in_words(Counter({".txt": 1})) == "1 other file: 1 .txt"


def test_the_parts_of_a_data_set_are_not_classes(tmp_path):
    touch(tmp_path, "Train/cat/a.png", "val/cat/a.png")
    with pytest.raises(ValueError, match="Train and val, .*sklearn-tl study .*/val.* --train "):
        find_images(tmp_path)
    touch(tmp_path, "cat/a.png")  # another folder beside them makes them no classes
    with pytest.raises(ValueError, match="is divided into Train and val"):
        find_images(tmp_path)


def test_a_class_may_have_the_name_of_a_part(tmp_path):
    touch(tmp_path, "bus/a.png", "train/a.png")
    assert list(find_images(tmp_path)) == ["bus", "train"]


def test_images_and_classes_that_cannot_be_used_are_listed_and_left_out(tmp_path):
    touch(tmp_path, *(f"{name}/{i}.png" for name in ("cat", "dog") for i in range(3)))
    touch(tmp_path, "cat/bad.png", "cow/a.png", "cow/bad.png", "dog/bad.png")
    touch(tmp_path, "horse/notes.txt", "dog/labels.csv", "loose.png")
    paths, labels, left_out = read_folder(str(tmp_path), problems)
    assert paths == [f"{tmp_path}/{name}/{i}.png" for name in ("cat", "dog") for i in range(3)]
    assert labels.tolist() == ["cat"] * 3 + ["dog"] * 3
    assert left_out == [
        "the class cow, since it has 1 readable images and needs 2",
        "the class horse, since it has 0 readable images and needs 2",
        f"{tmp_path}/cat/bad.png is bad.",
        f"{tmp_path}/cow/bad.png is bad.",
        f"{tmp_path}/dog/bad.png is bad.",
        "1 images outside of sub-folders",
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
        r"Found 1 sub-folders with 2 or more readable images in .* \(cat\), and 1 images outside "
        r"of sub-folders. .*dog/1.jpg, ... 1 images cannot be read, the first of them: .*/dog/bad"
    )
    with pytest.raises(ValueError, match=match):
        read_folder(str(tmp_path), problems)


def test_numbers_of_classes_and_images_are_described():
    assert describe(np.array(["a", "b", "b"])) == "2 classes, 3 images, 1 to 2 per class"
    assert describe(np.array(["a", "b"])) == "2 classes, 2 images, 1 per class"
