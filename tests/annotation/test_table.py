"""The table is what `load_table` reads, and is whole whatever happens."""

import csv
import json

import pytest
from helpers.disks import full_after

from sklearn_tl.annotation.table import AnswerTable
from sklearn_tl.datasets import load_table

NAMES = ["a, b", 'the "big" one', "a;b", "être", "=1+1"]


@pytest.fixture
def table(tmp_path):
    table = AnswerTable(tmp_path / "labels.csv")
    yield table
    table.close()


def test_a_study_reads_what_was_written(photos):
    pytest.importorskip("pandas")
    paths = sorted(path.name for path in photos.iterdir())
    rows = [(path, NAMES[i % len(NAMES)]) for i, path in enumerate(paths)]
    table = AnswerTable(photos / "labels.csv")
    table.write(rows)
    data = load_table(photos / "labels.csv", task="classification")
    assert data.target.tolist() == [label for _, label in rows]
    assert data.paths == [str(photos / path) for path in paths]
    assert table.read() == rows
    table.close()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,species\na.png,cat\n", r"has the columns \['image', 'species'\]"),
        ("path;label\na.png;cat\n", "has the columns"),
        ("path,label\na.png,cat\na.png,dog\n", "two labels for a.png: 'cat' in row 2 and 'dog'"),
        ("path,label\na.png\n", "row 2: expected a path and a label"),
        ('path,label\n"a.png,cat\n', "is not a table"),
        (b"path,label\n\xff.png,cat\n", "cannot be read"),
    ],
)
def test_a_file_that_was_not_written_here_is_an_error_and_stays(table, text, message):
    content = text if isinstance(text, bytes) else text.encode()
    table.path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        table.read()
    assert table.path.read_bytes() == content


def test_a_full_disk_leaves_the_old_table(table):
    table.write([("a.png", "cat")])
    with full_after(20), pytest.raises(OSError, match="large"):
        table.write([("a.png", "cat"), ("b.png", "dog" * 30)])
    assert table.read() == [("a.png", "cat")]
    assert [path.name for path in table.path.parent.glob("*labels.csv")] == ["labels.csv"]


def test_one_process_at_a_time(table):
    with pytest.raises(ValueError, match="Another process is labelling into .*--out FILE.csv"):
        AnswerTable(table.path)
    table.close()
    AnswerTable(table.path).close()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none/labels.csv", "the folder .*none does not exist"),
        ("labels.txt", "a CSV file.*--out FILE.csv"),
        ("folder.csv", "a CSV file.*--out FILE.csv"),
    ],
)
def test_a_file_that_cannot_be_written_or_read(tmp_path, name, message):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ValueError, match=message):
        AnswerTable(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.csv"]


def test_a_folder_that_may_not_be_written_to(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.raises(ValueError, match="cannot be written: Permission denied. .*--out FILE.csv"):
        AnswerTable(tmp_path / "labels.csv")


@pytest.mark.parametrize("text", ["{", "[]", '{"classes": 3, "skipped": [1, "a.png"]}'])
def test_damaged_settings_are_as_good_as_none(table, text):
    table.settings_path.write_text(text)
    assert table.read_settings()["classes"] == []


def test_settings_are_written_if_they_change(table):
    table.write_settings(["a, b"], ["x.png"])
    assert json.loads(table.settings_path.read_text())["classes"] == ["a, b"]
    assert table.read_settings() == {"classes": ["a, b"], "skipped": ["x.png"]}
    table.settings_path.unlink()
    table.write_settings(["a, b"], ["x.png"])
    assert not table.settings_path.exists()


def test_the_dialect_is_that_of_spreadsheets(table):
    table.write([("a.png", "red, dark")])
    data = table.path.read_bytes()
    assert data == b'\xef\xbb\xbfpath,label\r\na.png,"red, dark"\r\n'
    assert list(csv.reader(data.decode("utf-8-sig").splitlines()))[1] == ["a.png", "red, dark"]
