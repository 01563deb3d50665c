"""The targets of a table: labels, numbers, tags in one cell, or columns of 0 and 1."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_tl.datasets.cells import (
    are_numbers,
    as_labels,
    as_numbers,
    guess_separator,
    is_empty,
    is_formatted,
    is_list,
    is_number,
    tags_of,
)
from sklearn_tl.datasets.doubts import doubts_of_labels, doubts_of_numbers, doubts_of_tags
from sklearn_tl.datasets.problems import Problem, at, counted, enumerated
from sklearn_tl.datasets.table_files import require_pandas
from sklearn_tl.targets import guess_task

if TYPE_CHECKING:
    import pandas as pd

FLAGS = {"true": "1", "false": "0"}
SHOWN = 3  # classes or tags that a remark names


class Targets:
    """The cells of the target columns, and what is wrong with them.

    Parameters
    ----------
    cells : pandas.DataFrame of str
        The target columns.
    kind : {"labels", "numbers", "tags"}
        What a cell contains.
    separator : str or None
        What is between two tags.
    task : str or None
        The task, if the user has named one.
    may_lack_separator : bool, default=False
        Whether no cell needs to contain the separator, and one tag is enough.
    as_text : bool, default=False
        Whether classes are the text of their cells, also if all of them are numbers.

    Attributes
    ----------
    values : dict of int to tuple or frozenset
        The number of each row with a target → what is equal if two targets are equal.
    empty : dict of str to list of int
        The name of each column → the rows without a value.
    problems : list of Problem
    doubts : list of str
        What may be wrong, though it can be read.
    """

    def __init__(
        self,
        cells: "pd.DataFrame",
        kind: str,
        separator: str | None,
        task: str | None,
        may_lack_separator: bool = False,
        as_text: bool = False,
    ) -> None:
        self.cells, self.kind, self.separator, self.task = cells, kind, separator, task
        self.least_tags = 1 if may_lack_separator else 2
        self.as_text = as_text
        self.names = [str(name) for name in cells.columns]
        self.empty: dict[str, list[int]] = {}
        self.problems: list[Problem] = []
        self.doubts: list[str] = []
        if kind != "tags":  # an image may have no tags
            for name in self.names:
                self.empty[name] = [row for row, cell in cells[name].items() if is_empty(cell)]
        if kind == "numbers":
            self._find_wrong_numbers()
        elif kind == "tags":
            self._find_lists()
            if not may_lack_separator:
                self._find_wrong_separator()
        if task is None and not self.problems:
            self.doubts = self._find_doubts()
        bad = {row for rows in self.empty.values() for row in rows}
        bad |= {row for problem in self.problems for row in problem.rows}
        rows = zip(cells.index, cells.itertuples(index=False, name=None), strict=True)
        self.values = {row: self._value(texts) for row, texts in rows if row not in bad}

    def text(self, row: int) -> str:
        """Return the target of a row for a message."""
        return ", ".join(self.cells.loc[row])

    def read(self, rows: Sequence[int]) -> tuple[Any, str, list[str]]:
        """Return the targets of some rows without problems, their task, and remarks about it."""
        pd = require_pandas()
        kept = self.cells.loc[list(rows)]
        if self.kind == "tags":
            sets = [tags_of(cell, str(self.separator)) for cell in kept[self.names[0]]]
            tags = sorted(frozenset().union(*sets))
            self._check_tags(tags)
            matrix = np.array([[int(tag in of_image) for tag in tags] for of_image in sets])
            index = pd.Index(kept.index, name="row")
            return (
                pd.DataFrame(matrix, columns=tags, index=index),
                "multilabel",
                self._about_tags(tags, sets),
            )
        if self.kind == "labels":
            y = self._labels(kept[self.names[0]].tolist())
            return y, "classification", self._about_classes(y)
        columns = {name: as_numbers(kept[name].tolist()) for name in self.names}
        if len(columns) == 1:
            (numbers,) = columns.values()
            task = self.task or guess_task(numbers)
            if task == "classification":
                y = self._labels(kept[self.names[0]].tolist())
                return y, task, self._about_classes(y)
            return numbers, task, self._about_numbers(columns)
        y = pd.DataFrame(columns, index=pd.Index(kept.index, name="row"))
        task = self.task or guess_task(y.to_numpy())
        about = self._about_numbers if task == "regression" else self._about_flags
        return y, task, about(columns)

    def _labels(self, cells: list[str]) -> np.ndarray:
        return np.array(cells, dtype=str) if self.as_text else as_labels(cells)

    def _check_tags(self, tags: Sequence[str]) -> None:
        if len(tags) < self.least_tags:
            only = f"the only tag is {tags[0]!r}" if tags else "no image has a tag"
            raise ValueError(
                f"In {self.names[0]!r} {only}, but several labels per image need two or more. For "
                "images with and without one tag, write two classes, such as 'yes' and 'no', and "
                "leave the separator out."
            )

    def _value(self, cells: tuple[str, ...]) -> Any:
        if self.kind == "tags":
            return tags_of(cells[0], str(self.separator))
        return tuple(map(float, cells)) if self.kind == "numbers" else cells

    def _find_wrong_numbers(self) -> None:
        instead = "" if self.task else 'If the cells are classes: task="classification".'
        if len(self.names) > 1:
            instead = "" if self.task == "regression" else "For labels, write 1 and 0."
        for name in self.names:
            column = self.cells[name].items()
            wrong = {
                row: cell for row, cell in column if not is_empty(cell) and not is_number(cell)
            }
            formatted = {row: cell for row, cell in wrong.items() if is_formatted(cell)}
            for cells, advice, can_be_left_out in (
                (
                    formatted,
                    "Write digits and a decimal point only, such as 1200 or 3.5. " + instead,
                    False,
                ),
                (
                    {row: cell for row, cell in wrong.items() if row not in formatted},
                    instead,
                    True,
                ),
            ):
                if cells:
                    n = counted(len(cells), "cell", "cells")
                    is_no_number = "is not a number" if len(cells) == 1 else "are not numbers"
                    where = at({row: repr(cell) for row, cell in cells.items()})
                    text = f"{n} of {name!r} {is_no_number}: {where}. {advice}".strip()
                    self.problems.append(Problem(text, list(cells), can_be_left_out))
        if self.task == "multilabel":
            self._find_other_than_flags()

    def _find_other_than_flags(self) -> None:
        for name in self.names:
            column = self.cells[name].items()
            cells = {row: c for row, c in column if is_number(c) and float(c) not in (0, 1)}
            if cells:
                n = counted(len(cells), "cell", "cells")
                is_neither = "is neither" if len(cells) == 1 else "are neither"
                text = f"{n} of {name!r} {is_neither} 0 nor 1: {at(cells)}."
                self.problems.append(Problem(text, list(cells)))

    def _find_wrong_separator(self) -> None:
        name = self.names[0]
        known = {row: cell for row, cell in self.cells[name].items() if not is_empty(cell)}
        if any(str(self.separator) in cell for cell in known.values()):
            return
        text = f"No cell of {name!r} contains the separator {self.separator!r}."
        likely = guess_separator(list(known.values()))
        show = likely[1][0] if likely else next(iter(known.values()), "")
        row = next((row for row, cell in known.items() if cell == show), None)
        if row is not None:
            text += f" For example, row {row} has {show!r:.60}."
        if likely:
            text += f" Perhaps: separator={likely[0]!r}"
        else:
            text += " Leave the separator out if each image has one class."
        self.problems.append(Problem(text, [], can_be_left_out=False))

    def _find_lists(self) -> None:
        name = self.names[0]
        cells = {row: cell for row, cell in self.cells[name].items() if is_list(cell)}
        if cells:
            n = counted(len(cells), "cell", "cells")
            as_lists = "is written as a list" if len(cells) == 1 else "are written as lists"
            example = next(iter(cells.values())).strip("[]{}")
            tags = [tag.strip().strip("'\"") for tag in example.split(",")]
            text = (
                f"{n} of {name!r} {as_lists}: {at(cells)}. Write only the tags and the separator, "
                f"for example {str(self.separator).join(tags)!r:.60}."
            )
            self.problems.append(Problem(text, [], can_be_left_out=False))

    def _find_doubts(self) -> list[str]:
        if self.kind == "numbers":
            columns = {name: self.cells[name].to_dict() for name in self.names}
            return [text for pair in columns.items() for text in doubts_of_numbers(*pair)]
        (name,) = self.names
        cells = self.cells[name].to_dict()
        if self.kind == "tags":
            return doubts_of_tags(name, cells, str(self.separator))
        return doubts_of_labels(name, cells)

    def _about_numbers(self, columns: dict[str, np.ndarray]) -> list[str]:
        ranges = [
            f"{name}: {counted(len(v), 'number', 'numbers')} from {number_in_words(v.min())} to "
            f"{number_in_words(v.max())}"
            for name, v in columns.items()
        ]
        if self.task:
            return [f"{enumerated(ranges)}."]
        instead = ' For classes: task="classification".' if len(columns) == 1 else ""
        return [f"{enumerated(ranges)}, so this is a regression.{instead}"]

    def _about_flags(self, columns: dict[str, np.ndarray]) -> list[str]:
        text = f"{enumerated(list(columns))}: columns of 0 and 1"
        if self.task:
            return [f"{text}."]
        return [
            f"{text}, so each image can have several labels (multilabel). For numbers: "
            'task="regression".'
        ]

    def _about_classes(self, y: np.ndarray) -> list[str]:
        classes = np.unique(y)
        kinds = ("whole number", "whole numbers") if y.dtype.kind in "iu" else ("text", "texts")
        shown = enumerated([str(label) for label in classes], SHOWN)
        n = counted(len(classes), kinds[0], f"different {kinds[1]}")
        text = f"{self.names[0]}: {n} ({shown})"
        if self.task:
            return [f"{text}."]
        instead = ' For numbers to predict: task="regression".' if y.dtype.kind in "iu" else ""
        return [f"{text}, so this is a classification.{instead}"]

    def _about_tags(self, tags: list[str], sets: list[frozenset[str]]) -> list[str]:
        shown = enumerated(tags, SHOWN)
        n_tags = counted(len(tags), "tag", "different tags")
        about = [
            f"{self.names[0]}: {n_tags} ({shown}), separated by "
            f"{self.separator!r}, so each image can have several labels (multilabel)."
        ]
        n = sum(not of_image for of_image in sets)
        if n:
            about.append(
                f"{counted(n, 'image has no tag', 'images have no tags')}, since the cell is empty."
            )
        return about


def choose_targets(
    cells: "pd.DataFrame",
    names: list[str],
    separator: str | None,
    task: str | None,
    may_lack_separator: bool = False,
    as_text: bool = False,
) -> Targets:
    """Decide what the cells of the target columns contain.

    Parameters
    ----------
    cells : pandas.DataFrame of str
    names : list of str
        The target columns.
    separator, task : str or None
        As those of `load_table`.
    may_lack_separator, as_text : bool, default=False
        As those of `Targets`.

    Raises
    ------
    ValueError
        If the task does not fit to the number of columns or to the separator.
    """
    columns = cells[names]
    if separator is not None:
        if len(names) > 1:
            raise ValueError(
                f"separator={separator!r} is for one column of tags, but target={names} names "
                f"{len(names)} columns. Leave one of the two out."
            )
        if task not in (None, "multilabel"):
            raise ValueError(
                f"separator={separator!r} gives an image several labels, but task={task!r}. Leave "
                "one of the two out."
            )
        return Targets(columns, "tags", separator, task, may_lack_separator)
    if len(names) == 1:
        if task == "multilabel":
            likely = guess_separator([cell for cell in columns[names[0]] if not is_empty(cell)])
            raise ValueError(
                'task="multilabel" needs several tags in a cell, or several columns of 0 and 1. '
                f"Set separator={likely[0] if likely else '|'!r} for tags in {names[0]!r}, or "
                "name several columns as target."
            )
        numbers = task == "regression" or (task is None and _are_to_predict(columns[names[0]]))
        return Targets(columns, "numbers" if numbers else "labels", None, task, as_text=as_text)
    if task == "classification":
        raise ValueError(
            f'task="classification" needs one column of classes, but target={names} names '
            f'{len(names)}. For labels in columns of 0 and 1: task="multilabel"'
        )
    columns = columns.map(lambda cell: FLAGS.get(cell.lower(), cell))
    return Targets(columns, "numbers", None, task)


def _are_to_predict(cells: Sequence[str]) -> bool:
    """Tell whether cells are numbers, and not classes of which most are numbers."""
    if not are_numbers(cells):
        return False
    numbers = [cell for cell in cells if is_number(cell)]
    may_be_classes = _other_texts(cells) and not any(map(is_formatted, cells))
    return not may_be_classes or guess_task(as_numbers(numbers)) == "regression"


def _other_texts(cells: Sequence[str]) -> list[str]:
    """Return the cells that nobody would take for a number."""
    return [c for c in cells if not (is_empty(c) or is_number(c) or is_formatted(c))]


def number_in_words(x: float) -> str:
    """Return a number with commas between thousands, and six digits or more.

    Examples
    --------
    >>> number_in_words(5858000), number_in_words(5858000.5), number_in_words(0.125)
    ('5,858,000', '5,858,000', '0.125')
    """
    return f"{x:,.0f}" if abs(x) >= 1e5 else f"{x:,.6g}"
