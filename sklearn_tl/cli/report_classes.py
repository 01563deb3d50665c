"""Precision and recall of each class, and the confusion matrix with the images in its cells."""

import html

import numpy as np

from sklearn_tl.assessment import ClassReport
from sklearn_tl.cli.report_images import cell_limits, panel
from sklearn_tl.cli.report_page import Markup, cell, paragraph, section, table
from sklearn_tl.cli.report_subject import Subject, section_without

MOST_CLASSES = 30  # of a whole confusion matrix
MOST_LETTERS = 16  # of the name of a row or column
MATRIX = "confusion-matrix"


def class_sections(subject: Subject) -> list[str]:
    """Return the sections of a classification: one class per image."""
    try:
        report = subject.results.class_report()
    except ValueError as error:
        return [section_without("Per class", error)]
    header = ["class", "precision", "recall", "F1", "images"]
    rows = zip(report.classes.astype(str), *figures(report), strict=True)
    note = f"Of {subject.results.best_strategy_}, with {report.level:.0%} intervals."
    return [
        section("Per class", paragraph(note), table(header, rows)),
        confusion_section(subject, report),
    ]


def figures(report: ClassReport) -> list[list]:
    """Return the columns precision, recall, F1 and support."""
    columns: list[list] = [
        [with_interval(x, interval) for x, interval in zip(values, intervals, strict=True)]
        for values, intervals in (
            (report.precision, report.precision_interval),
            (report.recall, report.recall_interval),
            (report.f1, report.f1_interval),
        )
    ]
    return [*columns, report.support.tolist()]


def with_interval(value: float, interval: np.ndarray) -> str:
    """Return a share with its interval.

    Examples
    --------
    >>> with_interval(0.5, [0.25, 0.75]), with_interval(float("nan"), [0, 1])
    ('0.50 (0.25 to 0.75)', '–')
    """
    if np.isnan(value):
        return "–"
    return f"{value:.2f} ({interval[0]:.2f} to {interval[1]:.2f})"


def confusion_section(subject: Subject, report: ClassReport) -> str:
    """Return the matrix of true and predicted classes, and the images in each cell."""
    matrix, names = report.confusion_matrix, report.classes.astype(str).tolist()
    shown = classes_shown(matrix)
    assert subject.predicted is not None  # the report was made of them
    truth, predicted = (
        np.searchsorted(report.classes, labels) for labels in (subject.truth, subject.predicted)
    )
    cells = [(i, j) for i in shown for j in shown if matrix[i, j]]
    limits = cell_limits(
        [matrix[i, j] for i, j in cells if i != j], [matrix[i, i] for i, j in cells if i == j]
    )
    panels = []
    for i, j in cells:
        images = np.flatnonzero((truth == i) & (predicted == j))
        n = f"{len(images):,} image{'' if len(images) == 1 else 's'}"
        heading = f"True {names[i]}, predicted {names[j]}: {n}"
        captions = _captions(subject, images, j, i != j)
        panels.append(
            panel(_anchor(i, j), heading, subject.images, captions, limits[i == j], MATRIX)
        )
    text = "A row for each true class, a column for each predicted class. "
    text += "The number of a cell leads to its images."
    if len(shown) < len(names):
        text += (
            f" Of {len(names)} classes, the table has the {len(shown)} that take part in the most "
            "errors. errors.csv has all errors."
        )
    if len(shown) == 0:
        return section("Confusion matrix", paragraph("All predictions are right."))
    return section(
        "Confusion matrix",
        paragraph(text),
        _matrix(matrix, names, shown),
        *panels,
        anchor=MATRIX,
    )


def classes_shown(matrix: np.ndarray) -> list[int]:
    """Return the positions of the classes to show: all, or those in the most errors."""
    if len(matrix) <= MOST_CLASSES:
        return list(range(len(matrix)))
    errors = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
    most = np.argsort(-errors, kind="stable")[:MOST_CLASSES]
    return sorted(most[errors[most] > 0].tolist())


def _matrix(matrix: np.ndarray, names: list[str], shown: list[int]) -> str:
    rows = []
    for i in shown:
        shares = matrix[i] / max(1, matrix[i].sum())
        cells = [cell(_link(matrix[i, j], i, j, names), _shade(shares[j], i == j)) for j in shown]
        rows.append(f'<th scope="row">{_short(names[i])}</th>' + "".join(cells))
    head = "".join(f'<th scope="col">{_short(names[j])}</th>' for j in shown)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f"<table><thead><tr><th>true \\ predicted</th>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def _short(name: str) -> str:
    short = name if len(name) <= MOST_LETTERS else f"{name[: MOST_LETTERS - 1]}…"
    return f'<span title="{html.escape(name)}">{html.escape(short)}</span>'


def _link(n: int, i: int, j: int, names: list[str]) -> str:
    if n == 0:
        return "·"
    words = html.escape(f"{n} of true {names[i]}, predicted {names[j]}")
    return Markup(f'<a href="#{_anchor(i, j)}" aria-label="{words}">{n:,}</a>')


def _anchor(i: int, j: int) -> str:
    return f"cell-{i}-{j}"


def _shade(share: float, is_right: bool) -> str:
    """Return the colour of a cell: blue for right predictions, orange for errors."""
    rgb = "0,114,178" if is_right else "230,159,0"
    alpha = 0.45 * share if is_right else min(0.7, 0.15 + share)
    return f' style="background:rgba({rgb},{alpha:.2f})"' if share else ""


def _captions(subject: Subject, images: np.ndarray, j: int, is_wrong: bool) -> dict[int, str]:
    """Return the words for each image: the surest errors first, the least sure right ones first."""
    rows = subject.probabilities
    if rows is None:
        return dict.fromkeys(images.tolist(), "")
    sure = rows[images, j]
    order = np.argsort(-sure if is_wrong else sure, kind="stable")
    return {int(images[k]): f"{sure[k]:.2f}" for k in order}
