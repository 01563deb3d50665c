"""Image files in folders, and `load_folder`."""

import os
import sys
from collections import Counter
from importlib import util
from pathlib import Path

import pytest
from helpers.pets import draw_pets

from sklearn_tl import ImageWarning
from sklearn_tl.datasets import find_files, find_images, find_parts, in_words, load_folder
from sklearn_tl.images import FORMATS

PNG, HEIC = b"\x89PNG\r\n\x1a\n" + bytes(8), b"\0\0\0\x18ftypheic" + bytes(4)


def touch(folder, *names, data=b""):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


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


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
@pytest.mark.parametrize("name", ["pipe", "pipe.png"])
def test_a_pipe_is_not_read(name, tmp_path):
    touch(tmp_path, "a.png", data=PNG)
    os.mkfifo(tmp_path / name)
    (tmp_path / "b.png").symlink_to("a.png")
    (tmp_path / "c.png").symlink_to("nowhere.png")  # which is named when it is opened
    files = find_files(tmp_path)
    assert [os.path.basename(path) for path in files.paths] == ["a.png", "b.png", "c.png"]
    assert in_words(files.others) == "1 other file: 1 not a regular file"


def test_files_of_every_format_that_can_be_read_are_found(tmp_path):
    names = sorted(f"a{ending}" for endings in FORMATS.values() for ending in endings)
    touch(tmp_path, *names)
    assert find_files(tmp_path).paths == [str(tmp_path / name) for name in names]


def test_files_are_recognised_by_their_content_if_the_ending_does_not_tell(tmp_path):
    touch(tmp_path, "a", "b.photo", "c.0001", data=PNG)
    touch(tmp_path, "d.npy", data=b"\x93NUMPY" + bytes(8))
    touch(tmp_path, "notes.txt", "e.XLSX", "f", data=b"not an image, but text")
    files = find_files(tmp_path)
    assert files.paths == [str(tmp_path / name) for name in ("a", "b.photo", "c.0001", "d.npy")]
    assert files.others == {".txt": 1, ".xlsx": 1, "without an ending": 1}


def without_heif(monkeypatch):
    find_spec = util.find_spec
    monkeypatch.setattr(
        "sklearn_tl.images.formats.find_spec",
        lambda name: None if name == "pillow_heif" else find_spec(name),
    )


def test_a_format_that_needs_a_package_says_which(tmp_path, monkeypatch):
    touch(tmp_path, "a.heic", "b.HEIC", "c", data=HEIC)
    touch(tmp_path, "d.txt")
    assert len(find_files(tmp_path).paths) == 3
    without_heif(monkeypatch)
    paths, others = find_files(tmp_path)
    assert paths == []
    assert in_words(others) == (
        "4 other files: 2 .heic (pip install pillow-heif), 1 .txt, 1 without an ending (pip "
        "install pillow-heif)"
    )
    assert in_words(Counter({".txt": 1})) == "1 other file: 1 .txt"


def test_the_parts_of_a_data_set_are_told_from_classes(tmp_path):
    touch(tmp_path, "Train/cat/a.png", "val/cat/a.png", "cat/a.png")
    assert find_parts(tmp_path) == (["Train", "val"], ("Train", "val"))
    with pytest.raises(ValueError, match=r"divided into Train and val, .*load_folder\(.*val'\)"):
        load_folder(tmp_path)
    touch(tmp_path / "other", "bus/a.png", "train/a.png")
    assert find_parts(tmp_path / "other") == ([], None)


def test_a_folder_gives_paths_and_the_names_of_sub_folders(tmp_path):
    pets = draw_pets(tmp_path / "pets", 2)
    (pets / "dog" / "deep").mkdir()
    (pets / "dog" / "1.png").rename(pets / "dog" / "deep" / "1.PNG")
    touch(pets, "horse/notes.txt", "dog/labels.csv")
    data = load_folder(pets)
    names = ["cat/0.png", "cat/1.png", "dog/0.png", "dog/deep/1.PNG", "fish/0.png", "fish/1.png"]
    assert data.paths == [str(pets / name) for name in names]
    assert data.target.tolist() == ["cat", "cat", "dog", "dog", "fish", "fish"]
    assert data.target_names == ["cat", "dog", "fish"]
    assert data.groups is None
    assert data.frame["path"].tolist() == data.paths
    assert data.frame["target"].tolist() == data.target.tolist()
    assert data.left_out == [
        "the sub-folder horse, which has no images",
        "2 other files: 1 .csv, 1 .txt",
    ]
    assert "6 images of 3 classes" in data.DESCR
    assert "- 2 other files: 1 .csv, 1 .txt" in data.DESCR


def test_a_folder_without_sub_folders_has_no_targets_and_pandas_is_optional(tmp_path, monkeypatch):
    pets = draw_pets(tmp_path / "pets", 2)
    monkeypatch.setitem(sys.modules, "pandas", None)
    data = load_folder(str(pets / "cat"))
    assert data.paths == [str(pets / "cat" / f"{i}.png") for i in range(2)]
    assert (data.target, data.target_names, data.frame) == (None, [], None)


def test_images_that_cannot_be_read_are_named_and_left_out_or_an_error(tmp_path, monkeypatch):
    pets = draw_pets(tmp_path / "pets", 2)
    touch(pets, "cat/2.jpg", data=b"no image")
    touch(pets, "dog/2.png", "loose.png")
    touch(pets, "dog/3.heic", data=HEIC)
    without_heif(monkeypatch)
    with pytest.warns(ImageWarning) as warnings:
        data = load_folder(pets)
    (warning,) = warnings
    assert Path(warning.filename) == Path(__file__)
    lines = str(warning.message).splitlines()
    assert lines[0] == f"Left out: 2 of 8 images in {pets} cannot be read:"
    assert lines[1].startswith(f"- {pets}/cat/2.jpg is not an image that can be read")
    assert lines[2:] == [
        f"- {pets}/dog/2.png is empty (0 bytes).",
        "Left out: 1 image outside of sub-folders",
        "Left out: 1 other file: 1 .heic (pip install pillow-heif)",
    ]
    assert len(data.paths) == len(data.target) == 6
    assert data.left_out[1] == f"{pets}/dog/2.png is empty (0 bytes)."
    with pytest.raises(ValueError, match='2.jpg is not .*\n.*2.png is empty.*\n.*errors="skip"'):
        load_folder(pets, errors="raise")
    with pytest.raises(ValueError, match="errors='ignore' must be one of 'skip', 'raise'"):
        load_folder(pets, errors="ignore")


def test_a_folder_without_images_is_an_error(tmp_path):
    touch(tmp_path, "cat/notes.txt")
    with pytest.raises(ValueError, match="contains no image files. It contains 1 other file"):
        load_folder(tmp_path)
    touch(tmp_path, "cat/a.png")
    with pytest.raises(ValueError, match="1 of 1 image in .*cannot be read:\n- .*a.png is empty"):
        load_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        load_folder(tmp_path / "nowhere")


def test_images_are_read_as_an_estimator_will_read_them(tmp_path):
    import numpy as np
    from helpers.pictures import save_all

    (tmp_path / "deep").mkdir()
    save_all(np.full((2, 20, 20), 1000, dtype=np.int32), tmp_path / "deep", "tif")
    with pytest.raises(ValueError, match=r"value_range=\(1000, 1000\)"):
        load_folder(tmp_path)
    assert len(load_folder(tmp_path, value_range=(0, 1023)).paths) == 2
    with pytest.raises(TypeError, match="'image_size'. The parameters that say how .*max_pixels"):
        load_folder(tmp_path, image_size=32)


def test_a_table_is_not_a_folder(tmp_path):
    (tmp_path / "houses.csv").write_text("path,price")
    with pytest.raises(NotADirectoryError, match="is a file and not .* load_table.'.*houses.csv'"):
        load_folder(tmp_path / "houses.csv")
