"""The answers of a person: kept in memory, and written to the table after each of them."""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from sklearn_tl.annotation.names import class_name
from sklearn_tl.annotation.table import AnswerTable


class Answers:
    """Labels, skipped images and classes, and what can be taken back.

    Parameters
    ----------
    table : AnswerTable
        What it has is taken over.
    names : sequence of str
        The images as the table names them.
    classes : iterable of str, default=()
        Classes to have beside those of the table.

    Attributes
    ----------
    labels : dict of int to str
        Position of each image → its class, in the order of the answers.
    skipped : list of int
    classes : list of str
    others : list of (str, str)
        Rows of the table whose images are not among the names. They stay in the table.
    unsaved : str or None
        Why the last answers are not in the table, though in memory.
    """

    def __init__(
        self, table: AnswerTable, names: Sequence[str], classes: Iterable[str] = ()
    ) -> None:
        self.table, self.names = table, names
        self.labels: dict[int, str] = {}
        self.skipped: list[int] = []
        self.classes: list[str] = []
        self.others: list[tuple[str, str]] = []
        self.unsaved: str | None = None
        self._steps: list[tuple[str, list[int]]] = []
        positions = {name: i for i, name in enumerate(names)}
        settings = table.read_settings()
        for name in settings["classes"]:
            with suppress(ValueError):  # somebody has changed the file, which can be done without
                self._add(name)
        for name in classes:
            self._add(name)
        for name, label in table.read():
            try:
                label = self._add(label)
            except ValueError as error:
                raise ValueError(f"{table.path}: {error} Correct the label of {name}.") from error
            if name in positions:
                self.labels[positions[name]] = label
                self._steps.append(("label", [positions[name]]))
            else:
                self.others.append((name, label))
        known = [positions[name] for name in settings["skipped"] if name in positions]
        self.skipped = [image for image in known if image not in self.labels]

    def label(self, images: Sequence[int], name: str) -> str:
        """Label images and save. A new class is added. Return the class as it is stored.

        Raises
        ------
        ValueError
            If the name cannot be used, or an image has a label already. Nothing is changed then.
        """
        images = list(dict.fromkeys(images))
        for image in images:
            if image in self.labels:
                raise ValueError(
                    f"{self.names[image]} has the label {self.labels[image]!r} already. To change "
                    "it, undo that answer."
                )
        name = self._add(name)
        self.skipped = [image for image in self.skipped if image not in images]
        self.labels.update(dict.fromkeys(images, name))
        self._steps.append(("label", images))
        self.save()
        return name

    def skip(self, image: int) -> None:
        """Put an image off, and save."""
        if image not in self.labels and image not in self.skipped:
            self.skipped.append(image)
            self._steps.append(("skip", [image]))
            self.save()

    def undo(self) -> list[int]:
        """Take back the last answer or skip, and save. Returns its images."""
        if not self._steps:
            return []
        kind, images = self._steps.pop()
        if kind == "skip":
            self.skipped = [image for image in self.skipped if image not in images]
        else:
            self.labels = {i: label for i, label in self.labels.items() if i not in images}
        self.save()
        return images

    def add_class(self, name: str) -> str:
        """Add a class, and save. Returns its stored name."""
        name = self._add(name)
        self.save()
        return name

    def rows(self) -> list[tuple[str, str]]:
        """Return the rows of the table."""
        labels = [(self.names[image], label) for image, label in self.labels.items()]
        return [*self.others, *labels]

    def save(self) -> None:
        """Write the table. If that fails, `unsaved` says why, and nothing is lost."""
        try:
            self.table.write(self.rows())
            self.table.write_settings(self.classes, [self.names[i] for i in self.skipped])
            self.unsaved = None
        except OSError as error:
            self.unsaved = (
                f"{self.table.path} cannot be written: {error.strerror or error}. The last answers "
                "are in memory only. Make room and leave this open: saving is tried again."
            )

    def _add(self, name: str) -> str:
        name = class_name(name, self.classes)
        if name not in self.classes:
            self.classes.append(name)
        return name
