"""What may be wrong with the rows of a table: empty cells, missing files, repetitions."""

import os
import re
from collections.abc import Container, Mapping
from typing import TYPE_CHECKING

from sklearn_tl.datasets.cells import is_empty
from sklearn_tl.datasets.checking import Problems, without_position
from sklearn_tl.datasets.close_files import close_file
from sklearn_tl.datasets.columns import Columns
from sklearn_tl.datasets.problems import SHOWN, Problem, at, counted, enumerated
from sklearn_tl.datasets.table_targets import Targets

if TYPE_CHECKING:
    import pandas as pd


def problems_of_rows(
    cells: "pd.DataFrame", ragged: list[int], columns: Columns, targets: Targets
) -> list[Problem]:
    """Return the problems of cells that are missing, or too many."""
    problems = []
    if ragged:
        n = counted(len(ragged), "row has", "rows have")
        advice = "If a comma or another delimiter belongs to a cell, put quotation marks around it."
        text = f"{n} more cells than the header: {at(dict.fromkeys(ragged, ''))}. {advice}"
        problems.append(Problem(text, ragged))
    named = [(columns.path, [row for row, cell in cells[columns.path].items() if not cell])]
    named += list(targets.empty.items())
    if columns.group is not None:
        of_group = cells[columns.group].items()
        named.append((columns.group, [row for row, cell in of_group if is_empty(cell)]))
    for name, rows in named:
        if rows:
            n = counted(len(rows), "row has", "rows have")
            problems.append(
                Problem(f"{n} nothing in {name!r}: {at(dict.fromkeys(rows, ''))}.", rows)
            )
    return problems


def problems_of_files(
    paths: Mapping[int, str],
    cells: "pd.Series",
    folder: str,
    images: str | None,
    find_problems: Problems,
) -> list[Problem]:
    """Return the problems of files that do not exist or cannot be read."""
    problems = []
    missing = {row: cells[row] for row, path in paths.items() if not os.path.isfile(path)}
    if missing:
        n = counted(len(missing), "file does", "files do")
        text = f"{n} not exist in {folder or os.curdir}: {at(missing)}."
        close = {row: close_file(folder, cell) for row, cell in list(missing.items())[:SHOWN]}
        row = next((row for row, path in close.items() if path), None)
        if row is not None:
            text += f" In row {row}, did you mean {close[row]!r}?"
        elif len(missing) == len(paths):
            text += " If paths are relative to another folder, set images=FOLDER."
        problems.append(Problem(text, list(missing)))
    there = sorted({path for row, path in paths.items() if row not in missing})
    reasons = dict(zip(there, find_problems(there), strict=True)) if there else {}
    unreadable = {row: why for row, path in paths.items() if (why := reasons.get(path))}
    if unreadable:
        n = counted(len(unreadable), "file", "files")
        details = {row: _short(paths[row], why) for row, why in unreadable.items()}
        problems.append(Problem(f"{n} cannot be read: {at(details)}.", list(unreadable)))
    return problems


def _short(path: str, why: str) -> str:
    """Leave out what a sentence would repeat for each of several files."""
    why = without_position(path, why)
    return re.sub(r" The formats that can be read are [^.]*\.", "", why).removesuffix(".")


def problems_of_repetitions(
    paths: Mapping[int, str], targets: Targets, bad: Container[int]
) -> list[Problem]:
    """Return the problems of files that are in several rows. A bad row is not repeated."""
    rows_of: dict[str, list[int]] = {}
    for row, path in paths.items():
        if row in targets.values and os.path.isfile(path):
            rows_of.setdefault(os.path.normcase(os.path.realpath(path)), []).append(row)
    repeated: dict[int, str] = {}
    different: list[str] = []
    in_doubt: list[int] = []
    for rows in rows_of.values():
        if len({targets.values[row] for row in rows}) > 1:
            texts = [f"row {row}: {targets.text(row)!r:.40}" for row in rows]
            different.append(f"{paths[rows[0]]} ({enumerated(texts)})")
            in_doubt += rows
        else:
            good = [row for row in rows if row not in bad]
            repeated |= {row: f"{paths[row]}, as in row {good[0]}" for row in good[1:]}
    problems = []
    if repeated:
        n = counted(len(repeated), "row repeats", "rows repeat")
        problems.append(Problem(f"{n} another row: {at(repeated)}.", list(repeated)))
    if different:
        n = counted(len(different), "file has", "files have")
        text = f"{n} different targets: {enumerated(different)}."
        if targets.kind == "labels":
            text += " Several tags of an image belong in one cell: 'a|b', with separator='|'."
        problems.append(Problem(text, in_doubt, can_be_left_out=False))
    return problems
