"""Precision and recall of each of several labels, with the images that are right and wrong."""

import numpy as np

from sklearn_tl.cli.report_classes import figures
from sklearn_tl.cli.report_images import cell_limits, panel
from sklearn_tl.cli.report_page import Markup, paragraph, section, table
from sklearn_tl.cli.report_subject import Subject, section_without

TABLE = "per-label"
# In the order of a confusion matrix of 0 and 1, with its row and column.
KINDS = {
    "wrongly added": (0, 1),
    "missed": (1, 0),
    "found": (1, 1),
    "rightly absent": (0, 0),
}


def label_section(subject: Subject) -> str:
    """Return the table of labels, and the images in each of its cells."""
    try:
        report = subject.results.class_report()
    except ValueError as error:
        return section_without("Per label", error)
    predicted, rows = subject.predicted, subject.probabilities
    assert predicted is not None  # the report was made of them
    counts = {kind: report.confusion_matrix[:, i, j] for kind, (i, j) in KINDS.items()}
    wrong, right = (
        np.concatenate([counts[kind] for kind, (i, j) in KINDS.items() if (i == j) == is_right])
        for is_right in (False, True)
    )
    limits = cell_limits(wrong, right)
    names, panels = report.classes.astype(str).tolist(), []
    for label, name in enumerate(names):
        for column, (kind, (i, j)) in enumerate(KINDS.items()):
            images = np.flatnonzero((subject.truth[:, label] == i) & (predicted[:, label] == j))
            if len(images) == 0:
                continue
            captions = dict.fromkeys(images.tolist(), "")
            if rows is not None:
                # The surest errors first, and the least sure of the right answers.
                sure = rows[images, label]
                order = np.argsort(sure if j == int(i == j) else -sure, kind="stable")
                captions = {int(images[k]): f"{sure[k]:.2f}" for k in order}
            heading = f"{name}, {kind}: {len(images):,} of {len(subject.truth):,} images"
            panels.append(
                panel(
                    f"label-{label}-{column}",
                    heading,
                    subject.images,
                    captions,
                    limits[i == j],
                    TABLE,
                )
            )
    cells = [
        [_link(counts[kind][label], label, column) for label in range(len(names))]
        for column, kind in enumerate(KINDS)
    ]
    header = ["label", "precision", "recall", "F1", "images", *KINDS]
    text = (
        f"Of {subject.results.best_strategy_}, with {report.level:.0%} intervals. A number on "
        "the right leads to its images, each with the probability of the label."
    )
    body = table(header, zip(names, *figures(report), *cells, strict=True))
    return section("Per label", paragraph(text), body, *panels, anchor=TABLE)


def _link(n: int, label: int, column: int) -> str:
    return Markup(f'<a href="#label-{label}-{column}">{n:,}</a>') if n else "·"
