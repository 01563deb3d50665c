"""The table of answers: one row per image, whole after every answer, for one process at a time."""

import csv
import io
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sklearn_tl._utils import replacing

HEADER = ["path", "label"]
SETTINGS = ("classes", "skipped")


class AnswerTable:
    """A CSV file with the columns `path` and `label`, and a small file of settings beside it.

    `load_table` and `sklearn-tl study` read the CSV file. Each save writes a new file, waits until
    the disk has it, and puts it in the place of the old one. A process that is killed, or a disk
    that is full, therefore leaves the answers of the last save.

    Parameters
    ----------
    path : path
        The CSV file. The settings are in a file of the same name that ends in `.settings.json`.

    Raises
    ------
    ValueError
        If another process labels into the same file, or the folder cannot be written to.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self.settings_path = self.path.with_suffix(".settings.json")
        if self.path.suffix.lower() != ".csv" or self.path.is_dir():
            raise ValueError(f"Labels are kept in a CSV file, and {self.path} is none. {_NAME}")
        if not self.path.parent.is_dir():
            raise ValueError(
                f"{self.path} cannot be written: the folder {self.path.parent} does not exist. "
                "Create the folder first."
            )
        self._written: dict[str, list[str]] | None = None
        self._lock = FileLock(self.path.with_name(f".{self.path.name}.lock"), thread_local=False)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ValueError(
                f"Another process is labelling into {self.path}. Use its page, or end it with "
                "Ctrl-C. To label into another file: --out FILE.csv"
            ) from None
        except (OSError, NotImplementedError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ValueError(f"{self.path} cannot be written: {reason}. {_NAME}") from error

    def close(self) -> None:
        """Let other processes use the file."""
        self._lock.release()

    def read(self) -> list[tuple[str, str]]:
        """Return (path, label) of each row, in the order of the answers.

        Raises
        ------
        ValueError
            If the file exists and was not written by this class. It stays as it is.
        """
        try:
            text = self.path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{self.path} cannot be read: {error}.") from error
        try:
            reader = csv.reader(io.StringIO(text, newline=""), strict=True)
            rows = [row for row in reader if row]
        except csv.Error as error:
            raise ValueError(f"{self.path} is not a table: {error}. {_OTHER}") from error
        if not rows:
            return []
        if rows[0] != HEADER:
            raise ValueError(
                f"{self.path} has the columns {rows[0]}, and labels are kept in {HEADER}. {_OTHER}"
            )
        found: dict[str, tuple[int, str]] = {}
        for number, row in enumerate(rows[1:], 2):
            if len(row) != len(HEADER) or not all(row):
                raise ValueError(
                    f"{self.path}, row {number}: expected a path and a label, got {row} instead. "
                    "Correct or delete the row."
                )
            path, label = row
            if path in found and found[path][1] != label:
                earlier, other = found[path]
                raise ValueError(
                    f"{self.path} has two labels for {path}: {other!r} in row {earlier} and "
                    f"{label!r} in row {number}. Delete one of the rows."
                )
            found.setdefault(path, (number, label))
        return [(path, label) for path, (_, label) in found.items()]

    def write(self, rows: Sequence[tuple[str, str]]) -> None:
        """Replace the file by one with these rows.

        Raises
        ------
        OSError
            If this fails, for example because the disk is full. The old file is still there.
        """
        # A spreadsheet takes the encoding from the first bytes.
        with (
            replacing(self.path) as part,
            open(part, "w", encoding="utf-8-sig", newline="") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(HEADER)
            writer.writerows(rows)
            _to_disk(file)

    def read_settings(self) -> dict[str, list[str]]:
        """Return the lists of texts "classes" and "skipped" that were written last."""
        found: Any = None
        # The settings are a convenience, so a damaged file is as good as none.
        with suppress(OSError, ValueError):
            found = json.loads(self.settings_path.read_text(encoding="utf-8"))
        settings: dict[str, list[str]] = {name: [] for name in SETTINGS}
        for name in settings if isinstance(found, dict) else ():
            texts = found.get(name)
            if isinstance(texts, list):
                settings[name] = [text for text in texts if isinstance(text, str)]
        return settings

    def write_settings(self, classes: Sequence[str], skipped: Sequence[str]) -> None:
        """Replace the file of settings if they have changed. Raises an OSError as `write` does."""
        settings = {"classes": list(classes), "skipped": list(skipped)}
        if settings == self._written:
            return
        with replacing(self.settings_path) as part, open(part, "w", encoding="utf-8") as file:
            json.dump(settings, file, ensure_ascii=False, indent=1)
            _to_disk(file)
        self._written = settings


_NAME = "Name a file in a folder that you may write to: --out FILE.csv"
_OTHER = "It stays as it is. To label into another file: --out FILE.csv"


def _to_disk(file: Any) -> None:
    """Wait until the disk has a file: otherwise an error comes only after the file is replaced."""
    file.flush()
    os.fsync(file.fileno())
