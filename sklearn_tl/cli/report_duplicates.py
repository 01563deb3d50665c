"""Copies and sequences: the first pairs side by side, and `duplicates.csv`."""

from pathlib import Path

import numpy as np

from sklearn_tl.cli.report_lists import write_list
from sklearn_tl.cli.report_page import paragraph, preformatted, section, table
from sklearn_tl.cli.report_subject import Subject
from sklearn_tl.duplicates import Duplicates

FILE = "duplicates.csv"
MOST_SHOWN = 24  # pairs


def duplicates_section(subject: Subject, found: Duplicates | None, folder: Path) -> str:
    """Write the list of pairs, and return its section; empty if nobody looked for pairs."""
    images = subject.every
    if found is None:
        return ""
    rows = []
    for kind, (i, j), similarity in zip(
        found.kinds.tolist(), found.pairs.tolist(), found.similarity.tolist(), strict=True
    ):
        a, b = subject.every_truth[[i, j]]
        labels = ["", ""] if np.array_equal(a, b) else [subject.words(a), subject.words(b)]
        rows.append([kind, images.name(i), images.name(j), similarity, *labels])
    column = images.column
    header = ["kind", column, f"other {column}", "similarity", "label", "other label"]
    write_list(folder / FILE, header, rows)
    said = found.summary().splitlines()
    said = said[:-1] if rows else said  # the last line says what the study has done
    parts = [preformatted("\n".join(said))]
    if rows:
        # Copies with different labels are at least half wrong, so they come first.
        order = sorted(range(len(rows)), key=lambda k: (rows[k][0] != "copy", not rows[k][-1]))
        body = [
            [images.small(found.pairs[k, 0]), images.small(found.pairs[k, 1]), *rows[k]]
            for k in order[:MOST_SHOWN]
        ]
        parts.append(table(["image", "other image", *header], body, of_texts=True))
        more = f" The table has {MOST_SHOWN} of them." if len(rows) > MOST_SHOWN else ""
        parts.append(paragraph(f"{FILE} lists all pairs.{more}"))
    return section("Copies and sequences", *parts)
