"""Turn the texts of options into values, or say what was expected."""

import argparse
from collections.abc import Iterable

from sklearn_tl._choices import STRATEGIES


def strategy(text: str) -> str:
    """Return the name of a strategy."""
    if text not in STRATEGIES:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a strategy. Choose from {listed(STRATEGIES)}. FOLDER "
            "must come before the options."
        )
    return text


def natural(text: str, least: int = 0) -> int:
    """Return an integer of `least` or more."""
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of {least} or more.")
    return int(text)


def seconds(text: str) -> float:
    """Return a number of seconds."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds.")
    return number


def share(text: str) -> float:
    """Return a number between 0 and 1."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1.")
    return number


def folds(text: str) -> int:
    """Return a number of folds."""
    return natural(text, least=2)


def count(text: str) -> int:
    """Return an integer of 1 or more."""
    return natural(text, least=1)


def positive(text: str) -> int:
    """Return one of several numbers, which another argument must not follow."""
    try:
        return natural(text, least=1)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error} FOLDER must come before the options.") from error


def page(text: str) -> int | str:
    """Return the number of a page, or mean or max."""
    return text if text in ("mean", "max") else natural(text)


def image_size(text: str) -> int | tuple[int, int] | str:
    """Return a size in pixels: 224, 160x320 or native."""
    sides = text.lower().split("x")
    if text == "native":
        return text
    if len(sides) > 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a size in pixels. Expected a number such as 224, a height and a "
            "width such as 160x320, or native."
        )
    return int(text) if len(sides) == 1 else (int(sides[0]), int(sides[1]))


def listed(names: Iterable[str]) -> str:
    """Return names with commas between them, as they are typed."""
    return ", ".join(f'"{name}"' if " " in name else name for name in names)
