"""Photographs that were dropped on a page, and how many of them it takes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sklearn_tl.answers import Answer
from sklearn_tl.pages.corrections import Correction


class Limits(NamedTuple):
    """What the page takes.

    Parameters
    ----------
    photo_bytes : int, default=50 MB
        Of one file.
    n_photos : int, default=5000
        Of one session.
    n_sessions : int, default=100
    all_bytes : int, default=4 GB
        Of all files of all sessions.
    """

    photo_bytes: int = 50 << 20
    n_photos: int = 5000
    n_sessions: int = 100
    all_bytes: int = 4 << 30


LIMITS = Limits()


class LimitError(ValueError):
    """A limit of the page is reached."""


@dataclass
class Photo:
    """One file that was dropped on the page.

    Parameters
    ----------
    name : str
        The path below the folder that was dropped, or the name of the file.
    path : Path
        Where the file lies now.
    number : int
        The photographs of all sessions are numbered in the order in which they came.
    n_bytes : int, default=0
    answer : Answer or None, default=None
        None while there is no answer, and if the file cannot be read.
    error : str, default=""
        Why there is no answer.
    corrected : str, list of str, list of float or None, default=None
        What a person says. None as long as nobody has said anything.
    """

    name: str
    path: Path
    number: int
    n_bytes: int = 0
    answer: Answer | None = None
    error: str = ""
    corrected: Correction = None


@dataclass
class Session:
    """The photographs of one tab of a browser, by their names in addresses."""

    photos: dict[str, Photo] = field(default_factory=dict)

    def in_order(self) -> list[tuple[str, Photo]]:
        """Return the photographs as they came. Their answers may come in another order."""
        return sorted(self.photos.items(), key=lambda pair: pair[1].number)
