"""Corrections: what a person says in place of the model, checked, and as cells of a spreadsheet."""

import math
from typing import Any

from sklearn_tl.answers import number

Correction = str | list[str] | list[float] | None
LONGEST = 200  # characters of a label
NOTHING = "(none)"  # in a cell: none of the tags is right, and the image was looked at


def read_correction(kind: str, names: list[str], value: Any) -> Correction:
    """Return a correction that came from a page, if it is one.

    Parameters
    ----------
    kind : {"classification", "multilabel", "regression"}
        What the model predicts.
    names : list of str
        The classes, the tags or the targets.
    value : object
        None takes a correction back. A class may be new to the model. Tags are a list of some of
        `names`, and numbers a list with one number per target.

    Returns
    -------
    correction : str, list of str, list of float or None

    Raises
    ------
    ValueError
        If `value` is anything else.

    Examples
    --------
    >>> read_correction("classification", ["cat", "dog"], " fish ")
    'fish'
    >>> read_correction("multilabel", ["furry", "four legs"], ["four legs"])
    ['four legs']
    >>> read_correction("regression", ["weight"], [4])
    [4.0]
    """
    if value is None:
        return None
    if kind == "classification":
        return _label(value)
    if kind == "multilabel":
        return _tags(names, value)
    return _numbers(names, value)


def header_of(kind: str, names: list[str], taken: list[str]) -> list[str]:
    """Return the names of the columns of corrections, which differ from those that are taken."""
    several = kind == "regression" and len(names) > 1
    found = []
    for cell in [f"corrected {name}" for name in names] if several else ["corrected"]:
        while cell in taken or cell in found:
            cell += " (by hand)"
        found.append(cell)
    return found


def cells_of(kind: str, names: list[str], correction: Correction) -> list[str]:
    """Return the cells of one correction, which are empty if there is none."""
    if correction is None:
        return [""] * (len(names) if kind == "regression" else 1)
    if isinstance(correction, str):
        return [correction]
    if kind == "multilabel":
        return [", ".join(map(str, correction)) or NOTHING]
    return [number(float(value)) for value in correction]


def _label(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"A class must be text, got {value!r:.80}. Type the name of a class.")
    label = value.strip()
    if len(label) > LONGEST or not label.isprintable():
        raise ValueError(
            f"{label!r:.80} is not the name of a class: expected at most {LONGEST} characters and "
            "no line breaks."
        )
    return label


def _tags(names: list[str], value: Any) -> list[str]:
    if not isinstance(value, list):
        raise ValueError(f"Expected a list of tags, got {value!r:.80}.")
    unknown = [tag for tag in value if tag not in names]
    if unknown:
        raise ValueError(f"{unknown[0]!r:.80} must be one of the tags {', '.join(names)}.")
    return [name for name in names if name in value]


def _numbers(names: list[str], value: Any) -> list[float]:
    if not isinstance(value, list) or len(value) != len(names):
        raise ValueError(f"Expected one number for each of {', '.join(names)}, got {value!r:.80}.")
    for name, one in zip(names, value, strict=True):
        if isinstance(one, bool) or not isinstance(one, int | float) or not math.isfinite(one):
            raise ValueError(f"{name} must be a number, got {one!r:.80}.")
    return [float(one) for one in value]
