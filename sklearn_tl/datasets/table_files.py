"""The cells of a table file, as text, with the numbers of its rows."""

import csv
import io
import os
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from sklearn_tl._utils import is_missing

if TYPE_CHECKING:
    import pandas as pd

DELIMITERS = {".csv": ",;\t|", ".tsv": "\t", ".txt": "\t,;|"}  # those of each ending, likely first
ENDINGS = (*DELIMITERS, ".parquet")
SAMPLE = 20  # rows that decide about the delimiter
# With this line a file says to Excel what its delimiter is. Excel does not show it as a row.
DELIMITER_LINE = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)


def is_table(path: str | os.PathLike) -> bool:
    """Tell from its name whether a file is a table."""
    return os.path.splitext(path)[1].lower() in ENDINGS


def require_pandas() -> Any:
    """Return the module pandas, or raise an ImportError that says what to install."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "Tables are read with pandas, which is not installed: pip install pandas"
        ) from error
    return pd


def read_cells(path: str) -> "tuple[pd.DataFrame, list[int]]":
    """Read a table whose cells are all text.

    Parameters
    ----------
    path : str

    Returns
    -------
    cells : pandas.DataFrame
        Of stripped text; "" is an empty cell. The index has the number of each row as a spreadsheet
        shows it, where the header is row 1. Empty rows and columns without a name are left out.
    ragged : list of int
        The numbers of the rows that have more cells than the header. They are left out.

    Raises
    ------
    ValueError
        If the file is not a table with a header and at least one row.
    ImportError
        If pandas, or the library that pandas needs for Parquet, is not installed.
    OSError
        If the file cannot be opened.
    """
    pd = require_pandas()
    ending = os.path.splitext(path)[1].lower()
    if os.path.isdir(path):
        raise ValueError(
            f"{path} is a folder and not a table. If its sub-folders are classes: "
            f"load_folder({path!r})"
        )
    if ending not in ENDINGS:
        raise ValueError(
            f"{path} is not a table that can be read. Expected a file whose name ends in "
            f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}. A spreadsheet can save its table as CSV."
        )
    if ending == ".parquet":
        return _read_parquet(path, pd), []
    records = _records(path, _text(path), DELIMITERS[ending])
    first = next((i for i, record in enumerate(records) if any(record)), len(records))
    if first == len(records):
        raise ValueError(f"{path} is empty. Expected a header, and one row per image.")
    names = records[first]
    while names and not names[-1]:
        names = names[:-1]
    rows, ragged = {}, []
    for number, record in enumerate(records[first + 1 :], first + 2):
        if any(record[len(names) :]):
            ragged.append(number)
        elif any(record):
            rows[number] = [*record[: len(names)], *[""] * (len(names) - len(record))]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise ValueError(f"{path} has several columns with the name {twice[0]!r}. Rename them.")
    if names[0].startswith("#") and (len(names) == 1 or not rows):
        raise ValueError(
            f"{path} begins with {', '.join(names)!r:.60}, which is not a header. Delete the lines "
            "above the header."
        )
    if not rows and not ragged:
        raise ValueError(f"{path} has no rows below its header, {', '.join(map(repr, names))}.")
    if not rows:
        raise ValueError(
            f"{path}: all rows have more cells than the header ({', '.join(names)}). For example, "
            f"row {ragged[0]} has the cells {', '.join(map(repr, records[ragged[0] - 1]))}. If a "
            "comma belongs to a number, write the number with digits and a decimal point only, "
            "such as 1200 or 3.5. If the character between cells belongs to a text, put the text "
            "in quotation marks."
        )
    cells = pd.DataFrame.from_dict(rows, orient="index", columns=names, dtype=object)
    return cells[[name for name in names if name]], ragged


def _text(path: str) -> str:
    with open(path, "rb") as file:
        data = file.read()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path} is not text in UTF-8 (line {row} has the byte {data[error.start]:#04x}). Save "
            'it again with the encoding UTF-8; Excel calls that "CSV UTF-8".'
        ) from error


def _records(path: str, text: str, delimiters: str) -> list[list[str]]:
    """Split a text into rows of cells, at the delimiter that makes the most columns."""
    named = DELIMITER_LINE.match(text)
    n_before = 0
    if named:
        delimiters, text, n_before = named[1], text[named.end() :], 1

    def split(delimiter: str) -> Any:
        return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)

    def n_columns(delimiter: str) -> tuple[int, int]:
        lengths, is_regular = [], True
        try:
            for record in islice(split(delimiter), SAMPLE):
                if record:
                    lengths.append(len(record))
        except csv.Error:  # which is raised again, if no other delimiter makes columns
            is_regular = False
        is_regular &= len(lengths) > 0 and len(set(lengths)) == 1 and lengths[0] > 1
        return int(is_regular), lengths[0] if lengths else 0

    reader = split(max(delimiters, key=n_columns))
    try:
        return [[cell.strip() for cell in record] for record in reader]
    except csv.Error as error:
        raise ValueError(
            f"{path} is not a table that can be read: {error} (line "
            f"{reader.line_num + n_before}). Is a quotation mark missing there?"
        ) from error


def _read_parquet(path: str, pd: Any) -> Any:
    try:
        frame = pd.read_parquet(path)
    except ImportError as error:
        raise ImportError(
            f"pandas needs one more library to read {path}: pip install pyarrow"
        ) from error
    except OSError:
        raise
    except Exception as error:  # of the library, for a file that is something else
        raise ValueError(f"{path} is not a Parquet file that can be read ({error}).") from error
    if not len(frame):
        raise ValueError(f"{path} has no rows.")
    frame.columns = [str(name) for name in frame.columns]
    frame.index = range(2, len(frame) + 2)
    return frame.apply(lambda column: column.astype(object).map(_as_text).astype(object))


def _as_text(value: Any) -> str:
    return "" if value is None or is_missing(value) else str(value).strip()
