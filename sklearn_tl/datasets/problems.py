"""What is wrong with rows of a table, in one sentence for each kind of problem."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

SHOWN = 5  # rows that a sentence names


class Problem(NamedTuple):
    """A kind of problem, and the rows that have it.

    Parameters
    ----------
    sentence : str
    rows : list of int
        As a spreadsheet numbers them.
    can_be_left_out : bool, default=True
        Whether the other rows can be trusted without these.
    """

    sentence: str
    rows: list[int]
    can_be_left_out: bool = True


class TableError(ValueError):
    """All problems of a table at once.

    Attributes
    ----------
    lines : list of str
        One sentence for each kind of problem, and those that say what to type.
    """

    def __init__(self, file: str, problems: Iterable[Problem], advice: Sequence[str]) -> None:
        sentences = [problem.sentence for problem in problems]
        self.lines = [f"{file}: {sentence}" for sentence in sentences]
        if len(sentences) == 1:
            text = self.lines[0]
        else:
            text = "\n- ".join([f"{file} has {len(sentences)} problems:", *sentences])
        self.lines += advice
        super().__init__("\n".join([text, *advice]))


def counted(n: int, one: str, many: str) -> str:
    """Return a number with a noun and a verb.

    Examples
    --------
    >>> counted(1, "file does", "files do"), counted(3, "file does", "files do")
    ('1 file does', '3 files do')
    """
    return f"{n:,} {one if n == 1 else many}"


def at(details: Mapping[int, str]) -> str:
    """Return the first of some rows with their details, and the number of others.

    Examples
    --------
    >>> at({4: "a.jpg", 9: ""})
    'row 4 (a.jpg), row 9'
    >>> at(dict.fromkeys(range(4, 12), ""))
    'row 4, row 5, row 6, row 7, row 8 and 3 more'
    """
    return enumerated(
        [f"row {row} ({text})" if text else f"row {row}" for row, text in details.items()]
    )


def enumerated(things: list[str], shown: int = SHOWN) -> str:
    """Return the first things, and the number of others."""
    more = f" and {len(things) - shown:,} more" if len(things) > shown else ""
    return ", ".join(things[:shown]) + more
