"""`errors.csv`: every wrong prediction, or the error of every number."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_tl.cli.report_lists import write_list
from sklearn_tl.cli.report_numbers import columns, worst_first
from sklearn_tl.cli.report_page import paragraph, section
from sklearn_tl.cli.report_subject import Subject

FILE = "errors.csv"


def errors_section(subject: Subject, folder: Path) -> str:
    """Write the list of errors, and return the section that names it; empty without predictions."""
    if subject.predicted is None:
        return ""
    header, rows = _list(subject)
    write_list(folder / FILE, header, rows)
    if not rows:
        return section("All errors", paragraph(f"There are none, so {FILE} has only its header."))
    n = f"{len(rows):,}"
    text = {
        "classification": f"{FILE} lists the {n} wrong predictions, the surest first.",
        "multilabel": f"{FILE} lists the {n} wrong labels, the surest first.",
        "regression": f"{FILE} lists the {n} predictions, the largest error first.",
    }
    return section("All errors", paragraph(text[subject.results.task_]))


def _list(subject: Subject) -> tuple[list[str], list[list[Any]]]:
    kind = subject.results.task_
    rows = {"classification": _classes, "multilabel": _labels, "regression": _numbers}[kind]
    several = len(subject.results.target_names_) > 1
    name = {"multilabel": ["label"], "regression": ["target"] if several else []}
    last = ["error"] if kind == "regression" else ["probability"]
    if kind != "regression" and subject.probabilities is None:
        last = []
    header = [subject.images.column, *name.get(kind, []), "true", "predicted", *last]
    return header, list(rows(subject))


def _classes(subject: Subject) -> Iterator[list[Any]]:
    predicted, rows = np.asarray(subject.predicted), subject.probabilities
    wrong = np.flatnonzero(predicted != subject.truth)
    sure = np.zeros(len(wrong))
    if rows is not None:
        classes = np.asarray(subject.results.classes_)
        sure = rows[wrong, np.searchsorted(classes, predicted[wrong])]
    for k in np.argsort(-sure, kind="stable"):
        i = int(wrong[k])
        row = [subject.images.name(i), str(subject.truth[i]), str(predicted[i])]
        yield row if rows is None else [*row, sure[k]]


def _labels(subject: Subject) -> Iterator[list[Any]]:
    predicted, rows = np.asarray(subject.predicted), subject.probabilities
    wrong = np.argwhere(predicted != subject.truth)
    images, labels = wrong.T
    sure = np.zeros(len(wrong)) if rows is None else rows[images, labels]
    distance = np.abs(sure - subject.truth[images, labels])
    for k in np.argsort(-distance, kind="stable"):
        i, j = wrong[k].tolist()
        name = subject.results.target_names_[j]
        row = [subject.images.name(i), name, subject.truth[i, j], predicted[i, j]]
        yield row if rows is None else [*row, sure[k]]


def _numbers(subject: Subject) -> Iterator[list[Any]]:
    truth, predicted = columns(subject)
    names = subject.results.target_names_
    for i, j in worst_first(subject).tolist():
        error = predicted[i, j] - truth[i, j]
        name = [names[j]] if truth.shape[1] > 1 else []
        yield [subject.images.name(i), *name, truth[i, j], predicted[i, j], error]
