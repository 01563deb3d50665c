"""The lists of a report as files for a spreadsheet."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sklearn_tl._utils import replacing
from sklearn_tl.answers import number, safe


def write_list(path: Path, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write rows of texts and numbers, completely or not at all.

    Parameters
    ----------
    path : Path
    header : iterable of str
    rows : iterable of iterable
    """
    # A spreadsheet takes the encoding from the first bytes. Names of files may be any bytes.
    form: dict[str, Any] = {"encoding": "utf-8-sig", "errors": "backslashreplace", "newline": ""}
    with replacing(path) as part, open(part, "w", **form) as file:
        writer = csv.writer(file)
        writer.writerow([safe(name) for name in header])
        for row in rows:
            writer.writerow([safe(x) if isinstance(x, str) else number(x) for x in row])
