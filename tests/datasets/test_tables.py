"""`load_table`: columns, tasks, tags, and all problems of a table at once."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sklearn_tl import ImageWarning
from sklearn_tl.datasets import load_table


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a table beside the images 0.png to 9.png."""
    (tmp_path / "images").mkdir()
    for i in range(10):
        Image.new("RGB", (4, 4), (20 * i, 0, 0)).save(tmp_path / "images" / f"{i}.png")

    def write(*rows, name="table.csv", encoding="utf-8"):
        file = tmp_path / name
        file.write_bytes("\r\n".join(rows).encode(encoding))
        return file

    return write


def image(i):
    return f"images/{i}.png"


def with_images(*cells):
    return [f"{image(i)},{cell}" for i, cell in enumerate(cells)]


def lines_of(error):
    return str(error.value).splitlines()


def test_the_columns_are_guessed_if_there_is_one_candidate_each(write, tmp_path):
    data = load_table(write("file,breed", *with_images("cat", "dog", "cat")))
    assert data.paths == [str(tmp_path / image(i)) for i in range(3)]
    assert data.target.tolist() == ["cat", "dog", "cat"]
    assert (data.task, data.target_names, data.groups) == ("classification", ["cat", "dog"], None)
    assert data.frame.index.tolist() == [2, 3, 4]
    assert data.frame["file"].tolist() == [image(i) for i in range(3)]
    for sentence in (
        "table.csv: 3 images",
        "- Paths are in the column 'file'.",
        "- The target is the column 'breed'.",
        "- breed: 2 different texts (cat, dog), so this is a classification.",
    ):
        assert sentence in data.DESCR


def test_the_frame_has_the_types_of_its_cells(write):
    rows = [f"{image(0)},1,x,005,1.5", f"{image(1)},2,,006,", f"{image(2)},3,z,007,2"]
    data = load_table(write("file,n,text,code,x", *rows), target="n")
    frame = load_table(write("file,n", f"{image(0)},1", f"{image(1)},2")).frame
    assert frame.index.tolist() == [2, 3]  # also if there are as many rows as columns
    assert frame.index.name == "row"
    assert data.frame["n"].tolist() == [1, 2, 3]
    assert data.frame["code"].tolist() == ["005", "006", "007"]
    assert data.frame["text"].isna().tolist() == [False, True, False]
    np.testing.assert_array_equal(data.frame["x"], [1.5, np.nan, 2])


def test_columns_can_be_named_and_groups_are_returned(write):
    rows = [f"{i},{image(i)},{image(9)},{i / 2},{7 - i // 2}" for i in range(4)]
    file = write("id,photo,mask,price,zip", *rows)
    data = load_table(file, path_column="photo", target="price", group="zip")
    assert data.target.tolist() == [0, 0.5, 1, 1.5]
    assert data.groups.tolist() == [7, 7, 6, 6]
    assert (data.task, data.target_names) == ("regression", ["price"])
    assert "price: 4 numbers from 0 to 1.5, so this is a regression" in data.DESCR
    assert data.frame["id"].tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="'photo', 'mask'. Name one: path_column='photo'"):
        load_table(file)
    with pytest.raises(ValueError, match="target: 'id', 'mask', 'price', 'zip'. Name one: target="):
        load_table(file, path_column="photo")
    with pytest.raises(ValueError, match="no column 'prize'. Did you mean 'price'\\? Its columns"):
        load_table(file, target="prize")
    with pytest.raises(ValueError, match="'mask' cannot be path_column and something else"):
        load_table(file, path_column="mask", target="mask")
    with pytest.raises(ValueError, match="name a column twice"):
        load_table(file, path_column="photo", target="zip", group="zip")


def test_paths_are_relative_to_the_table_or_to_a_folder(write, tmp_path):
    file = write("path,y", "0.png,a", "images\\1.png,b", f"{tmp_path}/images/2.png,a")
    with pytest.raises(ValueError, match="1 file does not exist in .*: row 2 .0.png.\\.\n.*skip"):
        load_table(file)
    data = load_table(write("path,y", "0.png,a", "1.png,b"), images=tmp_path / "images")
    assert data.paths == [str(tmp_path / image(i)) for i in range(2)]
    with pytest.raises(ValueError, match="images='nowhere' is not a folder"):
        load_table(file, images="nowhere")
    lost = write("path,y", "0.png,a", "1.png,b")
    match = "No column of .*table.csv names image .*'0.png' in 'path' was looked for in .*images="
    with pytest.raises(ValueError, match=match):
        load_table(lost)
    with pytest.raises(ValueError, match="2 files do not exist .*If paths are relative to another"):
        load_table(lost, path_column="path")


@pytest.mark.parametrize(
    ("name", "delimiter", "encoding"),
    [
        ("a.csv", ";", "utf-8"),
        ("a.CSV", ",", "utf-8-sig"),
        ("a.csv", "\t", "utf-8"),
        ("a.tsv", "\t", "utf-8"),
        ("a.txt", ";", "utf-8"),
    ],
)
def test_every_kind_of_delimiter_is_found(name, delimiter, encoding, write):
    rows = [("Größe, path", "y"), (image(0), '"x\n2"'), ("", ""), (image(1), "b|c,d")]
    rows = [(f'"{path}"', y) for path, y in rows]
    file = write(*map(delimiter.join, rows), "", name=name, encoding=encoding)
    text = file.read_bytes().decode(encoding).replace("b|c,d", '"b|c,d"')
    file.write_bytes(text.encode(encoding))
    data = load_table(file)
    assert data.frame.columns.tolist() == ["Größe, path", "y"]
    assert data.target.tolist() == ["x\n2", "b|c,d"]
    assert data.frame.index.tolist() == [2, 4]


def test_the_delimiter_makes_as_many_columns_in_all_rows(write):
    file = write("path;weight, in kg", *(f"{image(i)};{i}.5" for i in range(3)))
    data = load_table(file)
    assert data.target_names == ["weight, in kg"]
    assert data.target.tolist() == [0.5, 1.5, 2.5]


def test_a_column_that_names_few_images_is_not_the_one_of_paths(write):
    file = write("path,y,cover", *with_images(f"a,{image(9)}", "b,none", "a,none", "b,"))
    assert (
        load_table(file, target="y").paths == load_table(file, path_column="path", target="y").paths
    )


def test_a_file_that_is_not_a_table_is_an_error_that_says_what_to_do(write, tmp_path):
    for rows, match in (
        (["path,y"], "has no rows below its header, 'path', 'y'"),
        (["path,y,y", f"{image(0)},1,2"], "has several columns with the name 'y'"),
        (["path,y", f'"{image(0)},1', "b,2"], "unexpected end of data .*quotation mark missing"),
        (["path,y", f'{image(0)},"b'], "unexpected end of data .*quotation mark missing"),
        (["", "", ""], "table.csv is empty. Expected a header"),
        ([], "table.csv is empty"),
    ):
        with pytest.raises(ValueError, match=match):
            load_table(write(*rows))
    with pytest.raises(ValueError, match="line 2 has the byte 0xf6.*CSV UTF-8"):
        load_table(write("path,y", f"{image(0)},schön", encoding="latin-1"))
    with pytest.raises(ValueError, match=".xlsx is not a table .*.csv, .tsv, .txt or .parquet"):
        load_table(write("x", name="a.xlsx"))
    with pytest.raises(FileNotFoundError):
        load_table(tmp_path / "nowhere.csv")


def test_a_parquet_file_is_read_by_pandas(write, monkeypatch):
    file = write("not read by the fake below", name="a.parquet")
    table = pd.DataFrame({"p": [image(i) for i in range(4)], "y": [1.5, 2.0, np.nan, 0.1]})
    monkeypatch.setattr(pd, "read_parquet", lambda path: table)
    with pytest.warns(ImageWarning, match="1 row has nothing in 'y': row 4"):
        data = load_table(file, errors="skip")
    assert data.target.tolist() == [1.5, 2.0, 0.1]

    def lacks(path):
        raise ImportError("no engine")

    monkeypatch.setattr(pd, "read_parquet", lacks)
    with pytest.raises(ImportError, match="pip install pyarrow"):
        load_table(file)

    def refuses(path):
        raise RuntimeError("magic bytes")

    monkeypatch.setattr(pd, "read_parquet", refuses)
    with pytest.raises(ValueError, match="is not a Parquet file that can be read .magic bytes"):
        load_table(file)


def test_the_error_without_pandas_says_what_to_install(write, monkeypatch):
    file = write("path,y", *with_images("a", "b"))
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pandas, which is not installed: pip install pandas"):
        load_table(file)


def test_tags_in_one_cell_become_columns(write):
    file = write("path,tags", *with_images("b| a", "", "c", "b|"))
    data = load_table(file, separator="|")
    assert data.target.columns.tolist() == data.target_names == ["a", "b", "c"]
    assert data.target.to_numpy().tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert data.task == "multilabel"
    assert "1 image has no tag, since the cell is empty" in data.DESCR
    with pytest.raises(ValueError, match="separator='|' gives .* several labels, but task='reg"):
        load_table(file, separator="|", task="regression")
    with pytest.raises(ValueError, match="separator is empty"):
        load_table(file, separator="")


def test_a_wrong_separator_shows_a_cell_and_the_likely_one(write):
    tags = ["b|a", "c|a", "a|b", "c", "a", "b|c"]
    file = write("path,tags", *with_images(*tags))
    match = r"contains the separator ';'. For example, row 2 has 'b\|a'. Perhaps: separator='\|'$"
    with pytest.raises(ValueError, match=match):
        load_table(file, separator=";", errors="skip")
    with pytest.warns(ImageWarning, match=r"4 of 6 cells .* row 2 has 'b\|a'.*: separator='\|'"):
        assert load_table(file).task == "classification"
    assert load_table(file, task="classification").target.tolist() == tags  # without a warning
    with pytest.raises(ValueError, match=r"Set separator='\|' for tags in 'tags'"):
        load_table(file, task="multilabel")
    other = write("path,city", *with_images('"Rome, Italy"', '"Bonn, Germany"', '"Oslo, Norway"'))
    assert load_table(other).task == "classification"  # in which no part occurs again
    with pytest.raises(ValueError, match="Leave the separator out if each image has one class"):
        load_table(other, separator="|")


def test_several_columns_are_labels_or_numbers(write):
    file = write("path,a,b,n", *with_images("0,1,5", "1,1,2.5", "True,false,1"))
    data = load_table(file, target=["a", "b"])
    assert (data.task, data.target_names) == ("multilabel", ["a", "b"])
    assert data.target.to_numpy().tolist() == [[0, 1], [1, 1], [1, 0]]
    data = load_table(file, target=["a", "n"])
    assert (data.task, data.target_names) == ("regression", ["a", "n"])
    assert data.target["n"].tolist() == [5, 2.5, 1]
    assert load_table(file, target=["a", "b"], task="regression").task == "regression"
    with pytest.raises(ValueError, match="2 cells of 'n' are neither 0 nor 1: row 2 .5., row 3"):
        load_table(file, target=["b", "n"], task="multilabel")
    with pytest.raises(ValueError, match="needs one column of classes, but target=.'a', 'b'."):
        load_table(file, target=["a", "b"], task="classification")
    with pytest.raises(ValueError, match="is for one column of tags"):
        load_table(file, target=["a", "b"], separator="|")
    with pytest.raises(ValueError, match="target is empty"):
        load_table(file, target=[])


@pytest.mark.parametrize(
    ("cells", "task", "target"),
    [
        ([str(i) for i in range(21, 46)], "regression", list(range(21, 46))),
        (["3", "1", "3"], "classification", [3, 1, 3]),
        (["3.0", "1.0", "3"], "classification", [3, 1, 3]),
        (["3.5", "1", "3"], "regression", [3.5, 1.0, 3.0]),
        (["1e3", "-1.5", ".5"], "regression", [1000.0, -1.5, 0.5]),
        (["007", "011", "007"], "classification", ["007", "011", "007"]),
        ([f"0{i}" for i in range(10, 34)], "classification", [f"0{i}" for i in range(10, 34)]),
        (["None", "crack", "None"], "classification", ["None", "crack", "None"]),
        ([str(1000 * i) for i in range(15)], "regression", [1000 * i for i in range(15)]),
    ],
)
def test_the_task_is_guessed_from_the_cells(cells, task, target, write):
    file = write("path,y", *with_images(*cells))
    for i in range(10, len(cells)):
        Image.new("RGB", (4, 4)).save(file.parent / image(i))
    data = load_table(file)
    assert (data.task, data.target.tolist()) == (task, target)
    assert [type(label) for label in data.target.tolist()] == [type(label) for label in target]


def test_the_task_can_be_named(write):
    file = write("path,y", *with_images("3", "1", "3"))
    data = load_table(file, task="regression")
    assert data.task == "regression"
    assert "so this is" not in data.DESCR
    assert load_table(file, task="classification").target.tolist() == [3, 1, 3]
    with pytest.raises(ValueError, match="task='classify' must be one of 'classification', 'mult"):
        load_table(file, task="classify")


@pytest.fixture
def messy(write, tmp_path):
    (tmp_path / "images" / "9.png").write_bytes(b"no image")
    return write(
        "path,price,zip",
        f"{image(0)},1.5,a",
        f"{image(1)},,a",
        "",
        "images/none.png,2,a",
        f"{image(2)},POA,b",
        f"{image(3)},2,b",
        f"./{image(3)},2.0,b",
        f"{image(9)},2,b",
        ",2,b",
        f"{image(4)},2,",
        f"{image(5)},2,b,more",
        f"{image(6)},n/a,b",
        f"{image(7)},8,c",
        f"{image(8)},1e999,c",
    )


def test_all_problems_come_at_once_with_the_numbers_of_the_rows(messy, tmp_path):
    with pytest.raises(ValueError, match="problems") as error:
        load_table(messy, target="price", group="zip")
    lines = lines_of(error)
    assert lines[:6] == [
        f"{messy} has 8 problems:",
        "- 1 row has more cells than the header: row 12. If a comma or another delimiter belongs "
        "to a cell, put quotation marks around it.",
        "- 1 row has nothing in 'path': row 10.",
        "- 2 rows have nothing in 'price': row 3, row 13.",
        "- 1 row has nothing in 'zip': row 11.",
        f"- 1 file does not exist in {tmp_path}: row 5 (images/none.png).",
    ]
    assert lines[6].startswith(f"- 1 file cannot be read: row 9 ({tmp_path}/images/9.png is not an")
    assert lines[7:] == [
        "- 2 cells of 'price' are not numbers: row 6 ('POA'), row 15 ('1e999'). If the cells are "
        'classes: task="classification".',
        f"- 1 row repeats another row: row 8 ({tmp_path}/./images/3.png, as in row 7).",
        'To leave such rows out: errors="skip"',
    ]


def test_rows_with_problems_can_be_left_out(messy, tmp_path):
    with pytest.warns(ImageWarning) as warnings:
        data = load_table(messy, target="price", group="zip", errors="skip")
    (warning,) = warnings
    assert Path(warning.filename) == Path(__file__)
    assert str(warning.message).startswith(f"{messy}: rows were left out.\n- 1 row has more cells")
    assert data.target.tolist() == [1.5, 2, 8]
    assert data.groups.tolist() == ["a", "b", "c"]
    assert data.frame.index.tolist() == [2, 7, 14]
    assert len(data.left_out) == 8
    assert all(f"- {sentence}" in data.DESCR for sentence in data.left_out)


def test_a_file_with_different_targets_is_always_an_error(write, tmp_path):
    file = write("path,y", *with_images("a", "b", "a"), f"{image(1)},c")
    match = r"1 file has different targets: .*1.png \(row 3: 'b', row 5: 'c'\). Several tags"
    with pytest.raises(ValueError, match=match) as error:
        load_table(file, errors="skip")
    assert "errors=" not in str(error.value)
    file = write("path,y", *with_images("a|b", "b", "a"), f"{image(0)},b|a")
    with pytest.raises(ValueError, match="1 row repeats another row: row 5"):
        load_table(file, separator="|")


@pytest.mark.parametrize("cell", ["1,200", "3,5", "$1200", "1 200", "12 %"])
def test_numbers_that_a_computer_does_not_read_are_always_an_error(cell, write):
    file = write("path;y", *(row.replace(",", ";", 1) for row in with_images("1", "2", cell)))
    match = f"1 cell of 'y' is not a number: row 4 .'{cell}'.. Write digits and a decimal point"
    for task in (None, "regression"):
        with pytest.raises(ValueError, match=match.replace("$", r"\$")):
            load_table(file, errors="skip", task=task)


def test_the_first_rows_of_many_are_named(write):
    rows = [f"{image(i % 10)},a" for i in range(2)] + [f"images/no{i}.png,b" for i in range(1499)]
    rows.append("images/no0.png,b")  # a missing file is said once
    with pytest.raises(ValueError, match="row 8 .images/no4.png. and 1,495 more.") as error:
        load_table(write("path,y", *rows), path_column="path")
    assert "1,500 files do not exist" in str(error.value)
    assert "repeat" not in str(error.value)


def test_text_among_few_whole_numbers_makes_classes_of_them(write):
    file = write("path,y", *with_images("1", "2", "fail", "1", "2", "fail", "1"))
    match = "2 of 7 cells of 'y' are text and the others are numbers: row 4 has 'fail'. All of them"
    for errors in ("raise", "skip"):
        with pytest.warns(ImageWarning, match=match):
            data = load_table(file, errors=errors)
        assert data.task == "classification"
        assert data.target.tolist() == ["1", "2", "fail", "1", "2", "fail", "1"]
    assert load_table(file, task="classification").target_names == ["1", "2", "fail"]
    with pytest.raises(ValueError, match="2 cells of 'y' are not numbers: row 4"):
        load_table(file, task="regression")


@pytest.mark.parametrize("other", ["absolute", "link"])
def test_one_file_under_two_names_is_one_image(other, write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # so that paths are relative
    (tmp_path / "link.png").symlink_to(tmp_path / image(0))
    second = "link.png" if other == "link" else str(tmp_path / image(0))
    rows = with_images("a", "b")
    with pytest.raises(ValueError, match="1 row repeats another row: row 4 .*, as in row 2"):
        load_table(write("path,y", *rows, f"{second},a").name)
    with pytest.raises(
        ValueError, match="1 file has different targets: .*0.png .row 2: 'a', row 4"
    ):
        load_table(write("path,y", *rows, f"{second},b").name)


def test_a_row_that_is_left_out_is_not_repeated(write):
    rows = [f"{image(0)},a,", f"{image(0)},a,g", f"{image(0)},a,h", f"{image(1)},b,h"]
    with pytest.warns(ImageWarning, match="row 4 .*, as in row 3"):
        data = load_table(write("path,y,g", *rows), target="y", group="g", errors="skip")
    assert data.frame.index.tolist() == [3, 5]


def test_the_advice_fits_to_the_columns(write):
    file = write("path,a,b", *with_images("yes,no", "no,yes", "yes,yes"))
    with pytest.raises(ValueError, match="cells of 'a' are not .* For labels, write 1 and 0") as e:
        load_table(file, target=["a", "b"])
    assert "task=" not in str(e.value)
    file = write("path,y", *with_images("1.0.2", "1.1.2", "1.0.2"))
    with pytest.raises(ValueError, match='or 3.5. If the cells are classes: task="classification"'):
        load_table(file)
    assert load_table(file, task="classification").target_names == ["1.0.2", "1.1.2"]


@pytest.mark.parametrize(
    ("cells", "match"),
    [
        (["a|", "", "a"], "In 'y' the only tag is 'a', but"),
        (["|", "", ""], "'y' no image has a tag"),
    ],
)
def test_several_labels_need_two_tags(cells, match, write):
    with pytest.raises(ValueError, match=f"{match}.* two classes, such as 'yes' and 'no'"):
        load_table(write("path,y", *with_images(*cells)), separator="|")


def test_two_columns_of_two_numbers_are_numbers(write):
    data = load_table(write("path,a,b", *with_images("10,20", "20,10", "10,10")), target=["a", "b"])
    assert data.task == "regression"


def test_no_row_that_is_left_is_an_error(write):
    with pytest.raises(ValueError, match="2 rows have nothing in 'y': row 2, row 3.$"):
        load_table(write("path,y", *with_images("", "")), errors="skip")


@pytest.mark.parametrize("images", [None, "images"])
def test_a_table_without_a_header_is_an_error(images, write, tmp_path):
    rows = [f"{i}.png" if images else image(i) for i in range(3)]
    folder = tmp_path / "images" if images else None
    for first in (rows[0], "none.png"):
        file = write(f"{first},865200", f"{rows[1]},100", f"{rows[2]},5")
        for parameters in ({}, {"target": "865200"}, {"path_column": first}):
            with pytest.raises(
                ValueError, match=f"no header: its first row is '{first}', '865200'"
            ):
                load_table(file, images=folder, **parameters)


@pytest.mark.parametrize("cells", [["100.000", "101.001", "99.950"], ["950", "1.200", "-1.450"]])
def test_points_that_may_stand_between_thousands_are_warned_of(cells, write):
    file = write("path;price", *(f"{image(i)};{cell}" for i, cell in enumerate(cells)))
    with pytest.warns(
        ImageWarning, match="cells of 'price' have exactly three digits after the po"
    ):
        data = load_table(file)
    assert "write 100000" in data.DESCR or "so row 3 is 1.2. If it stands between" in data.DESCR
    assert load_table(file, task="regression").target.tolist() == list(map(float, cells))


@pytest.mark.parametrize(
    "cells", [["0.125", "1.250", "2.375"], ["1.5", "1.250", "1.125"], ["1.250", "1200", "3"]]
)
def test_other_points_are_decimal_points(cells, write):
    assert load_table(write("path,x", *with_images(*cells))).task == "regression"


@pytest.mark.parametrize("tag", ["a|b", "a; b"])
def test_a_few_cells_that_look_like_tags_are_warned_of(tag, write):
    file = write("path;kind", *(f'{image(i)};"{tag if i < 2 else "cde"[i % 3]}"' for i in range(9)))
    match = f"2 of 9 cells of 'kind' contain '{tag[1]}', as if they had several tags"
    with pytest.warns(ImageWarning, match=match.replace("|", r"\|")):
        assert load_table(file).target_names == [tag, "c", "d", "e"]
    file = write("path;kind", *(f'{image(i)};"{tag if i < 1 else "cde"[i % 3]}"' for i in range(9)))
    assert load_table(file).task == "classification"  # one cell may be a typing error


@pytest.mark.parametrize("separator", ["a", "7", "and"])
def test_a_separator_of_letters_is_an_error(separator, write):
    file = write("path,tags", *with_images("Drama|Action", "band", "a7a"))
    with pytest.raises(ValueError, match=f"separator='{separator}' would divide words.*' and '"):
        load_table(file, separator=separator)


def test_tags_that_contain_another_separator_are_warned_of(write):
    file = write("path,tags", *with_images('"a|b, c"', '"c, d|a"', "a"))
    with pytest.warns(
        ImageWarning, match=r"2 of 4 tags of 'tags' contain '\|', for example 'a\|b'"
    ):
        load_table(file, separator=",")
    assert load_table(file, separator=",", task="multilabel").task == "multilabel"


def test_tags_that_are_written_as_a_list_are_always_an_error(write):
    cells = ["\"['a', 'b']\"", "['b']", "a"]
    file = write("path,tags", *with_images(*cells))
    match = "2 cells of 'tags' are written as lists: row 2 .* separator, for example 'a,b'"
    with pytest.raises(ValueError, match=match) as error:
        load_table(file, separator=",", errors="skip")
    assert "errors=" not in str(error.value)
    with pytest.warns(ImageWarning, match="2 of 3 cells of 'tags' look like a list: row 2 has"):
        assert load_table(file).task == "classification"


def test_names_that_differ_only_in_capital_letters_are_warned_of(write):
    file = write("path,colour", *with_images("Red", "red", "blue", "gr\u00fcn", "gru\u0308n"))
    match = "Some classes of 'colour' differ only in .*: 'Red' and 'red', 'gr.*n' and 'gr"
    with pytest.warns(ImageWarning, match=match):
        assert len(load_table(file).target_names) == 5
    assert len(load_table(file, task="classification").target_names) == 5
    file = write("path,colour", *with_images("Red|blue", "red", "blue"))
    with pytest.warns(ImageWarning, match="Some tags of 'colour' differ only in .*multilabel"):
        assert load_table(file, separator="|").target_names == ["Red", "blue", "red"]


def test_numbers_with_a_comma_are_named_if_they_break_all_rows(write):
    file = write("path,price", *with_images("1,000", "3,5"))
    match = (
        "all rows have more cells than the header .*row 2 has the cells 'images/0.png', '1', '000'"
    )
    with pytest.raises(ValueError, match=match):
        load_table(file)


def test_the_line_that_names_the_delimiter_to_excel_is_read(write):
    rows = [f"{image(0)};a,b", f"{image(1)};c"]
    data = load_table(write("sep=;", "path;y", *rows))
    assert data.target.tolist() == ["a,b", "c"]
    assert data.frame.index.tolist() == [2, 3]  # as Excel, which hides the line
    assert load_table(write("SEP=^", "path^y", *(row.replace(";", "^") for row in rows))).task
    with pytest.raises(ValueError, match="line 4"):
        load_table(write("sep=;", "path;y", rows[0], f'{image(1)};"c'))


def test_cells_may_be_separated_by_bars(write):
    data = load_table(write("path|y", f"{image(0)}|1,5", f"{image(1)}|2,5"), task="classification")
    assert data.target.tolist() == ["1,5", "2,5"]


@pytest.mark.parametrize("rows", [["path,y", f"{image(0)},a"], ["path;y", f"{image(0)};a"]])
def test_a_comment_above_the_header_is_an_error(rows, write):
    with pytest.raises(ValueError, match="begins with '# from the camera', which is not a header"):
        load_table(write("# from the camera", *rows))


def test_the_column_of_paths_cannot_be_the_target(write):
    file = write("path,price", *with_images("1", "2"))
    for parameters in ({"target": "path"}, {"target": "price", "group": "path"}):
        with pytest.raises(ValueError, match="'path' of .* names the image files, so it cannot be"):
            load_table(file, **parameters)


@pytest.mark.parametrize(
    ("cell", "close"),
    [
        ("images/2.PNG", "images/2.png"),
        ("Images\\2", "images/2.png"),
        ("images/2.jpg", "images/2.png"),
        ("images/gru\u0308n.png", "images/gr\u00fcn.png"),
    ],
)
def test_a_file_with_almost_the_same_name_is_suggested(cell, close, write, tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "images/gr\u00fcn.png")
    file = write("path,y", f"{image(0)},b", f"{image(1)},b", f"{cell},a")
    with pytest.raises(
        ValueError, match=f"1 file does not exist .* In row 4, did you mean '{close}'"
    ):
        load_table(file)
    with pytest.raises(ValueError, match=f"names image files that exist.*Did you mean '{close}'"):
        load_table(write("path,y", f"{cell},a"))
    absolute = tmp_path / cell.replace("Images\\", "images/")
    with pytest.raises(ValueError, match=f"Did you mean '{tmp_path}/{close}'"):
        load_table(write("path,y", f"{absolute},a"))


def test_what_is_not_a_table_is_named(write, tmp_path):
    file = write("path,1", *with_images("a", "b"))
    assert load_table(file, "1").target_names == ["a", "b"]
    for target in (1, [1]):
        with pytest.raises(
            TypeError, match=r"target=.*1.* must be the name of a column.*'path', '1'"
        ):
            load_table(file, target=target)
    with pytest.raises(TypeError, match="reads a file, but file is a DataFrame"):
        load_table(pd.read_csv(file))
    with pytest.raises(ValueError, match="is a folder and not a table.* load_folder.'.*images'"):
        load_table(tmp_path / "images")


def test_one_of_a_kind_is_counted_in_the_singular(write):
    data = load_table(write("path,y", f"{image(0)},a"))
    assert "table.csv: 1 image\n" in data.DESCR
    assert "y: 1 text (a)" in data.DESCR
