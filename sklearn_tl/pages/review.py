"""What the page of a model knows: sessions with photographs, answers and corrections.

Each tab of a browser has a session, so that two people do not see each other's photographs. The
files lie in one folder, which the caller removes.
"""

import csv
import io
import itertools
import secrets
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_tl.answers import NOVEL, Answer, Answers, ask_each, remarked, safe
from sklearn_tl.pages.corrections import cells_of, header_of, read_correction
from sklearn_tl.pages.photos import LIMITS, LimitError, Limits, Photo, Session
from sklearn_tl.pages.server import in_bytes

SHOWN = 9  # probabilities per image that the page gets: one for each key


class Review:
    """Sessions, and the answers of one model.

    Parameters
    ----------
    answers : Answers
        What the model answers.
    in_words : callable
        Takes the name of a file and the message of an error, and returns what is wrong.
    limits : Limits, default=LIMITS

    Attributes
    ----------
    folder : Path
        Where the files are kept. To be set before the first file comes.
    """

    folder: Path

    def __init__(
        self,
        answers: Answers,
        in_words: Callable[[str, str], str],
        limits: Limits = LIMITS,
    ) -> None:
        self.answers = answers
        self.in_words = in_words
        self.limits = limits
        self.sessions: dict[str, Session] = {}
        self.n_bytes = 0
        self.numbers = itertools.count()
        # One question at a time: more would share the same cores, and need more memory.
        self.model_lock = threading.Lock()
        self.waiting: deque[Photo] = deque()

    def open_session(self) -> str:
        """Return the name of a new session, which nobody can guess.

        Raises
        ------
        LimitError
            If there are too many.
        """
        if len(self.sessions) >= self.limits.n_sessions:
            raise LimitError(
                f"The page was opened {self.limits.n_sessions} times, which is the most. Stop "
                "sklearn-tl app with Ctrl-C, and start it again."
            )
        name = secrets.token_urlsafe(12)
        self.sessions[name] = Session()
        return name

    def begin(self, session: Session, name: str, declared: int = 0) -> Photo:
        """Return a new photo without content. It belongs to no session before it has an answer.

        Parameters
        ----------
        session : Session
        name : str
            Of the file.
        declared : int, default=0
            How large the browser says that the file is, in bytes. A file that is too large need
            not be sent: its photo has an error.

        Raises
        ------
        LimitError
            If the session has too many photographs.
        """
        if len(session.photos) >= self.limits.n_photos:
            raise LimitError(
                f"The page takes {self.limits.n_photos:,} images at a time. Download the CSV, "
                "remove these images, and add the others."
            )
        key = secrets.token_hex(8)
        # The suffix tells a few formats apart, and must not lead out of the folder.
        suffix = Path(name).suffix
        suffix = suffix if suffix[1:].isalnum() and len(suffix) < 8 else ""
        photo = Photo(name[-500:], self.folder / f"{key}{suffix}", next(self.numbers))
        if declared > self.limits.photo_bytes:
            self.refuse(photo)
        return photo

    def write(self, photo: Photo, part: bytes) -> None:
        """Add a part to the file of a photo, or give the photo an error."""
        if photo.n_bytes + len(part) > self.limits.photo_bytes:
            self.refuse(photo)
        elif self.n_bytes + len(part) > self.limits.all_bytes:
            photo.error = (
                f"The page has no room for more than {in_bytes(self.limits.all_bytes)} of images. "
                "Remove some images first."
            )
        else:
            photo.n_bytes += len(part)
            self.n_bytes += len(part)
            try:
                with open(photo.path, "ab") as file:
                    file.write(part)
            except OSError as error:  # the disk is full
                photo.error = f"The file cannot be kept in {self.folder}: {error.strerror}."

    def refuse(self, photo: Photo) -> None:
        """Say that a file is too large."""
        photo.error = (
            f"The file is larger than {in_bytes(self.limits.photo_bytes)}, the most that this page "
            "takes. Make it smaller, or use sklearn-tl predict."
        )

    def ask(self, photo: Photo) -> None:
        """Give a photo its answer, or its error.

        Of the threads that ask, one gets the model, and asks for all that wait. Several images at
        once take less time than one after another.
        """
        self.waiting.append(photo)
        with self.model_lock:
            if photo.answer is None and not photo.error:  # no other thread has asked for it
                together = {str(photo.path): photo}
                while self.waiting:
                    other = self.waiting.popleft()
                    together[str(other.path)] = other
                self._ask(together)

    def _ask(self, photos: dict[str, Photo]) -> None:
        for path, answer in ask_each(self.answers.ask, list(photos)):
            photo = photos[path]
            if isinstance(answer, Answer):
                photo.answer = answer
            else:
                photo.error = self.in_words(path, str(answer)).replace(path, photo.name)

    def correct(self, photo: Photo, value: Any) -> None:
        """Keep what a person says of a photo.

        Raises
        ------
        ValueError
            If it is not an answer to what the model is asked.
        """
        photo.corrected = read_correction(self.answers.kind, self.answers.names, value)

    def keep(self, session: Session, photo: Photo) -> str:
        """Add a photo to a session, and return its name in addresses."""
        if photo.answer is None:
            self.forget(photo)
        key = photo.path.stem
        session.photos[key] = photo
        return key

    def forget(self, photo: Photo) -> None:
        """Remove the file of a photo."""
        self.n_bytes -= photo.n_bytes
        photo.n_bytes = 0
        photo.path.unlink(missing_ok=True)

    def table(self, session: Session, least: float | None = None) -> bytes:
        """Return a file for a spreadsheet: the columns of `predict --csv`, and the corrections.

        Parameters
        ----------
        session : Session
        least : float, default=None
            How probable a class must be. Else its cell is empty and the remark is "unsure".

        Returns
        -------
        content : bytes
            In UTF-8 with a byte order mark, by which a spreadsheet knows the encoding.
        """
        answers = self.answers
        if least is not None and answers.kind == "classification":
            answers = answers._replace(has_remarks=True)
        else:
            least = None
        text = io.StringIO(newline="")
        rows = csv.writer(text)
        header = answers.header(False)
        rows.writerow([*header, *header_of(answers.kind, answers.names, header)])
        for _, photo in session.in_order():
            corrected = cells_of(answers.kind, answers.names, photo.corrected)
            if photo.answer is None:
                row = answers.cells_of_error(photo.name, photo.error, False)
            else:
                row = answers.cells(photo.name, remarked_by(photo.answer, least), False)
            rows.writerow([*row, *map(safe, corrected)])
        return text.getvalue().encode("utf-8-sig", errors="backslashreplace")

    def described(self, key: str, photo: Photo) -> dict[str, Any]:
        """Return what the page shows of a photo, as JSON has it."""
        shown: dict[str, Any] = {
            "id": key,
            "name": photo.name,
            "error": photo.error,
            "corrected": photo.corrected,
        }
        answer = photo.answer
        if answer is None:
            return shown
        if self.answers.kind == "regression":
            return shown | {"values": answer.values.tolist()}
        best = np.argsort(-answer.values, kind="stable")[:SHOWN]
        return shown | {
            "chosen": list(answer.chosen),
            "best": [[int(j), float(answer.values[j])] for j in best],
            "confidence": answer.confidence,
            "novel": NOVEL in answer.remark,
        }


def remarked_by(answer: Answer, least: float | None) -> Answer:
    """Return an answer with the remark that it is unsure, beside the one that it has."""
    return remarked(answer, least, NOVEL in answer.remark)
