"""The names of classes that a table can hold, and that a study reads back as they were typed."""

import unicodedata
from collections.abc import Iterable

LONGEST = 100  # characters
FORMULA = "=+-@"  # a spreadsheet that opens the table runs what begins with one of these
# In the cell of a table, these mean that there is no value.
NO_VALUE = {"nan", "na", "n/a", "#n/a", "null"}


def class_name(name: str, existing: Iterable[str] = ()) -> str:
    """Return the name of a class as it is stored, without spaces around it.

    Parameters
    ----------
    name : str
        Commas and quotation marks are allowed: they are quoted in the table.
    existing : iterable of str, default=()
        The classes that there are already.

    Raises
    ------
    ValueError
        If the name is empty, too long, has a line break or a control character, begins as a formula
        does, means "no value" in a table, or differs from a class only in capital letters, spaces
        or accents' form.

    Examples
    --------
    >>> class_name(" red, dark ", ["blue"])
    'red, dark'
    """
    if not isinstance(name, str):
        raise ValueError(f"The name of a class must be text, got {name!r} instead.")
    lines = name.strip().splitlines()
    name = name.strip()
    if not name:
        raise ValueError("The name of a class is empty. Type at least one character.")
    if len(lines) > 1:
        raise ValueError(
            f"The class {_short(name)} has a line break, which a table cannot hold. Type the name "
            f"on one line: {_short(' '.join(lines))}"
        )
    if len(name) > LONGEST:
        raise ValueError(
            f"The class {_short(name)} has {len(name)} characters. Type at most {LONGEST}."
        )
    for character in name:
        if unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn"):
            raise ValueError(
                f"The class {_short(name)} has the character {character!r}, which cannot be "
                "shown. Type the name without it."
            )
    if name[0] in FORMULA:
        rest = name.lstrip(FORMULA + " ")
        instead = f"Type {_short(rest)}" if rest else "Type a word"
        raise ValueError(
            f"The class {_short(name)} begins with {name[0]!r}, so a spreadsheet would take it for "
            f"a formula. {instead}, or another name that begins with a letter or a digit."
        )
    if name.lower() in NO_VALUE:
        raise ValueError(
            f"A class cannot be called {name!r}: in a table, this means that there is no value. "
            f"Type another name, for example {name + ' class'!r}."
        )
    for other in existing:
        if other != name and plain(other) == plain(name):
            raise ValueError(
                f"The class {name!r} is spelled like the class {other!r}. Type {other!r}, or a "
                "name that differs more."
            )
    return name


def plain(name: str) -> str:
    """Return a name without capital letters and double spaces, and with accents in one form."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def _short(name: str) -> str:
    return repr(name) if len(name) <= 40 else repr(name[:40]) + "…"
