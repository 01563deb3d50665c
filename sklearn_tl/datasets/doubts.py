"""One sentence for each doubt: targets of a table that can be read, but may mean something else.

A user who names the task confirms what the cells mean, so there are no doubts then.
"""

from collections.abc import Iterable, Mapping

from sklearn_tl.datasets.cells import (
    are_numbers,
    guess_separator,
    is_empty,
    is_formatted,
    is_list,
    is_number,
    may_be_thousands,
    spelled_alike,
    tags_of,
)
from sklearn_tl.datasets.problems import at, counted, enumerated

SHOWN = 3  # pairs of names that a sentence shows
CLASSES = 'To confirm the classes: task="classification"'
TAGS = 'To confirm the tags: task="multilabel"'


def doubts_of_labels(name: str, cells: Mapping[int, str]) -> list[str]:
    """Return what may be wrong with a column of classes.

    Parameters
    ----------
    name : str
        Of the column.
    cells : dict of int to str
        Row → the cell.
    """
    known = {row: cell for row, cell in cells.items() if not is_empty(cell)}
    doubts = []
    texts = {row: cell for row, cell in known.items() if not _is_numeric(cell)}
    if texts and are_numbers(list(known.values())):
        doubts.append(
            f"{len(texts)} of {len(known)} cells of {name!r} are text and the others are numbers: "
            f"{_first(texts)}. All of them are taken as classes. For numbers to predict: "
            f'task="regression". {CLASSES}'
        )
    lists = {row: cell for row, cell in known.items() if is_list(cell)}
    likely = guess_separator(list(known.values()))
    if lists:
        doubts.append(
            f"{len(lists)} of {len(known)} cells of {name!r} look like a list: {_first(lists)}. "
            "They are taken as one class each. For several tags per image, write 'a|b' and set "
            f"separator='|'. {CLASSES}"
        )
    elif likely:
        separator, having = likely
        doubts.append(
            f"{len(having)} of {len(known)} cells of {name!r} contain {separator!r}, as if they "
            f"had several tags: {_first(_only(known, having))}. They are taken as one class each. "
            f"For several tags per image: separator={separator!r}. {CLASSES}"
        )
    return doubts + _doubts_of_spelling(name, known.values(), "classes", CLASSES)


def doubts_of_tags(name: str, cells: Mapping[int, str], separator: str) -> list[str]:
    """Return what may be wrong with a column of tags. The parameters are those of classes."""
    tags = {row: tags_of(cell, separator) for row, cell in cells.items()}
    names = sorted(frozenset().union(*tags.values()))
    doubts = []
    likely = guess_separator(names)
    if likely:
        other, having = likely
        doubts.append(
            f"{len(having)} of {len(names)} tags of {name!r} contain {other!r}, for example "
            f"{having[0]!r:.60}. Perhaps: separator={other!r}. {TAGS}"
        )
    return doubts + _doubts_of_spelling(name, names, "tags", TAGS)


def doubts_of_numbers(name: str, cells: Mapping[int, str]) -> list[str]:
    """Return what may be wrong with a column of numbers. The parameters are those of classes."""
    numbers = {row: cell for row, cell in cells.items() if is_number(cell)}
    if not may_be_thousands(list(numbers.values())):
        return []
    with_point = {row: repr(cell) for row, cell in numbers.items() if "." in cell}
    row, first = next((row, numbers[row]) for row in with_point)
    return [
        f"{counted(len(with_point), 'cell', 'cells')} of {name!r} have exactly three digits after "
        f"the point: {at(with_point)}. The point is read as a decimal point, so row {row} is "
        f"{float(first):,g}. If it stands between thousands, write {first.replace('.', '')}. To "
        'confirm the decimals: task="regression"'
    ]


def _doubts_of_spelling(name: str, names: Iterable[str], what: str, confirm: str) -> list[str]:
    alike = [" and ".join(map(repr, spellings)) for spellings in spelled_alike(names)]
    if not alike:
        return []
    return [
        f"Some {what} of {name!r} differ only in capital letters, spaces or the form of accents: "
        f"{enumerated(alike, SHOWN)}. They are taken as different {what}. If they are the same, "
        f"spell them alike. {confirm}"
    ]


def _is_numeric(cell: str) -> bool:
    return is_number(cell) or is_formatted(cell)


def _only(cells: Mapping[int, str], some: Iterable[str]) -> dict[int, str]:
    some = set(some)
    return {row: cell for row, cell in cells.items() if cell in some}


def _first(cells: Mapping[int, str]) -> str:
    row, cell = next(iter(cells.items()))
    return f"row {row} has {cell!r:.60}"
