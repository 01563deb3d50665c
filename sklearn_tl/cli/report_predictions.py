"""What both reports say of predictions, that of a study and that of a model; `predictions.csv`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_tl.cli.report_classes import class_sections
from sklearn_tl.cli.report_errors import errors_section
from sklearn_tl.cli.report_labels import suspicious_section
from sklearn_tl.cli.report_lists import write_list
from sklearn_tl.cli.report_numbers import number_sections
from sklearn_tl.cli.report_page import paragraph, section
from sklearn_tl.cli.report_pictures import SURENESS
from sklearn_tl.cli.report_several_labels import label_section
from sklearn_tl.cli.report_subject import Subject, section_without
from sklearn_tl.comparison import ImagePredictions

FILE = "predictions.csv"
HEADING = "All predictions"


def sections_of_predictions(subject: Subject, folder: Path) -> Iterator[str]:
    """Yield what is predicted for each image, and write the lists."""
    if subject.results.task_ == "regression":
        yield from number_sections(subject)
        yield errors_section(subject, folder)
        yield all_section(subject, folder)
        return
    if subject.probabilities is None:  # the picture is missing, too
        try:
            subject.results.calibration()
        except ValueError as error:
            yield section_without(SURENESS, error)
    if subject.results.task_ == "multilabel":
        yield label_section(subject)
    else:
        yield from class_sections(subject)
    yield errors_section(subject, folder)
    yield all_section(subject, folder)
    yield suspicious_section(subject, folder)


def all_section(subject: Subject, folder: Path) -> str:
    """Write the list of all predictions, and return the section that names it."""
    n = write_predictions(folder / FILE, subject)
    text = f"{FILE} has a row for each of the {n:,} predictions for images that were tested."
    return section(HEADING, paragraph(text))


def write_predictions(path: Path, subject: Subject) -> int:
    """Write a row for each image that was tested, and return how many there are.

    Parameters
    ----------
    path : Path
        The file, which a spreadsheet opens.
    subject : Subject
    """
    found = subject.results.image_predictions()
    columns = {
        "classification": _of_classes,
        "multilabel": _of_labels,
        "regression": _of_numbers,
    }[subject.results.task_](subject, found)
    columns = {subject.images.column: [subject.images.name(i) for i in found.positions]} | columns
    if found.folds is not None:
        columns["fold"] = (found.folds + 1).tolist()
    write_list(path, columns, zip(*columns.values(), strict=True))
    return len(found.positions)


def _of_classes(subject: Subject, found: ImagePredictions) -> dict[str, list[Any]]:
    truth, predicted = subject.truth[found.positions], found.predicted
    columns: dict[str, list[Any]] = {
        "true": [str(label) for label in truth],
        "predicted": [str(label) for label in predicted],
    }
    if found.probabilities is not None:
        classes = np.asarray(subject.results.classes_)
        place = np.searchsorted(classes, predicted)
        columns["probability"] = found.probabilities[np.arange(len(place)), place].tolist()
    return columns | {"right": _yes_or_no(predicted == truth)}


def _of_labels(subject: Subject, found: ImagePredictions) -> dict[str, list[Any]]:
    truth, predicted = subject.truth[found.positions], found.predicted
    names = subject.results.target_names_
    columns: dict[str, list[Any]] = {
        "true": [_joined(row, names) for row in truth],
        "predicted": [_joined(row, names) for row in predicted],
        "right": _yes_or_no((predicted == truth).all(axis=1)),
    }
    if found.probabilities is not None:
        of_labels = zip(names, found.probabilities.T.tolist(), strict=True)
        columns |= {f"probability of {name}": rows for name, rows in of_labels}
    return columns


def _of_numbers(subject: Subject, found: ImagePredictions) -> dict[str, list[Any]]:
    n, names = len(found.positions), subject.results.target_names_
    truth = subject.truth[found.positions].reshape(n, -1)
    predicted = found.predicted.reshape(n, -1)
    columns = {}
    for j, name in enumerate(names):
        of = f" {name}" if len(names) > 1 else ""
        columns[f"true{of}"] = truth[:, j].tolist()
        columns[f"predicted{of}"] = predicted[:, j].tolist()
        columns[f"error{of}"] = (predicted[:, j] - truth[:, j]).tolist()
    return columns


def _joined(row: np.ndarray, names: list[str]) -> str:
    return ", ".join(names[j] for j in np.flatnonzero(row))


def _yes_or_no(are_right: np.ndarray) -> list[str]:
    return np.where(are_right, "yes", "no").tolist()
