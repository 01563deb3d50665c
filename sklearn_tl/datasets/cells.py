"""Cells of text → numbers, labels or tags."""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
NUMBER_AS_PEOPLE_WRITE = re.compile(r"[+-]?\s*[$€£¥]?\s*[+-]?\d[\d.,'’  ]*\s*[$€£¥%]?")
WHOLE = re.compile(r"[+-]?(0|[1-9]\d{0,17})")
CODE = re.compile(r"[+-]?0\d+")  # zip codes and the like, in which zeros in front matter
UNKNOWN = {"", "nan", "na", "n/a", "#n/a", "null"}  # how programs write that they have no value
# What may be between tags, and the share of the cells from which it is taken for that. The names of
# classes may contain a comma, so its parts must occur again, too.
SEPARATORS = {"|": 0.05, ";": 0.05, ",": 0.2}
LEAST = 2  # cells that have it
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}")  # or three decimals
BELOW_THOUSAND = re.compile(r"[+-]?(0|[1-9]\d{0,2})")
LIST = re.compile(r"\[.*\]|\{.*\}", re.DOTALL)


def is_empty(cell: str) -> bool:
    """Tell whether a cell has no value."""
    return cell.lower() in UNKNOWN


def is_number(cell: str) -> bool:
    """Tell whether a cell is a finite number that needs no interpretation."""
    return NUMBER.fullmatch(cell) is not None and math.isfinite(float(cell))


def is_formatted(cell: str) -> bool:
    """Tell whether a cell looks like a number, as "1,200" does, but is not one for sure."""
    return not is_number(cell) and NUMBER_AS_PEOPLE_WRITE.fullmatch(cell) is not None


def are_numbers(cells: Sequence[str]) -> bool:
    """Tell whether most cells look like numbers, and none like a code with zeros in front."""
    cells = [cell for cell in cells if not is_empty(cell)]
    n = sum(is_number(cell) or is_formatted(cell) for cell in cells)
    return 2 * n > len(cells) and not any(map(CODE.fullmatch, cells))


def as_numbers(cells: Sequence[str]) -> np.ndarray:
    """Return cells that are numbers: integers if all of them are, otherwise floats."""
    if all(map(WHOLE.fullmatch, cells)):
        return np.array([int(cell) for cell in cells], dtype=np.int64)
    return np.array([float(cell) for cell in cells])


def as_labels(cells: Sequence[str]) -> np.ndarray:
    """Return labels: integers if all cells are whole numbers (also as "3.0"), otherwise text."""
    if cells and all(map(WHOLE.fullmatch, cells)):
        return as_numbers(cells)
    if cells and all(is_number(cell) and not CODE.fullmatch(cell) for cell in cells):
        numbers = as_numbers(cells)
        if (numbers % 1 == 0).all() and np.abs(numbers).max() < 2**53:
            return numbers.astype(np.int64)
    return np.array(cells, dtype=str)


def tags_of(cell: str, separator: str) -> frozenset[str]:
    """Return the tags in a cell, without the spaces around them."""
    if is_empty(cell):
        return frozenset()
    return frozenset(tag.strip() for tag in cell.split(separator)) - {""}


def guess_separator(cells: Sequence[str]) -> tuple[str, list[str]] | None:
    """Return the character that seems to separate tags, and the cells that have it.

    It is in two cells or more, and in the share of the cells that `SEPARATORS` says. With commas
    there are also fewer tags than different cells, since tags occur again in other cells.
    """
    found = None
    for separator, share in SEPARATORS.items():
        having = [cell for cell in cells if separator in cell]
        if len(having) < max(LEAST, share * len(cells)):
            continue
        tags = {tag for cell in cells for tag in tags_of(cell, separator)}
        occur_again = separator != "," or len(tags) < len(set(cells))
        if occur_again and (found is None or len(having) > len(found[1])):
            found = separator, having
    return found


def may_be_thousands(cells: Sequence[str]) -> bool:
    """Tell whether the points in numbers may stand between thousands, as in German.

    Each number has exactly three digits after the point, or no point and less than four digits.
    """
    with_point = [cell for cell in cells if THOUSANDS.fullmatch(cell)]
    others = [cell for cell in cells if not THOUSANDS.fullmatch(cell)]
    return len(with_point) >= LEAST and all(map(BELOW_THOUSAND.fullmatch, others))


def is_list(cell: str) -> bool:
    """Tell whether a cell is written as a list of Python, such as "['a', 'b']"."""
    return LIST.fullmatch(cell) is not None


def spelled_alike(names: Iterable[str]) -> list[list[str]]:
    """Return the names that differ only in capital letters, spaces or the form of their accents.

    Examples
    --------
    >>> spelled_alike(["Red", "blue", "red", "light  blue", "light blue"])
    [['Red', 'red'], ['light  blue', 'light blue']]
    """
    alike: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        plain = " ".join(unicodedata.normalize("NFC", name).casefold().split())
        alike.setdefault(plain, []).append(name)
    return [spellings for spellings in alike.values() if len(spellings) > 1]


def natural(cells: Sequence[str]) -> Any:
    """Return a column for people who compute with it: numbers, or text with None for no value."""
    known = [cell for cell in cells if not is_empty(cell)]
    if known and all(map(is_number, known)) and not any(map(CODE.fullmatch, known)):
        if len(known) == len(cells):
            return as_numbers(cells)
        return np.array([np.nan if is_empty(cell) else float(cell) for cell in cells])
    return np.array([cell or None for cell in cells], dtype=object)
