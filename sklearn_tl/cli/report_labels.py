"""Labels that look wrong: a table with pictures, and `label_errors.csv`."""

from pathlib import Path

from sklearn_tl.cli.report_lists import write_list
from sklearn_tl.cli.report_page import paragraph, section, table
from sklearn_tl.cli.report_subject import Subject, section_without

FILE = "label_errors.csv"
HEADING = "Labels that look wrong"
MOST_SHOWN = 50


def suspicious_section(subject: Subject, folder: Path) -> str:
    """Write the list of labels that are probably wrong, and return its section."""
    try:
        errors = subject.results.label_errors()
    except ValueError as error:
        return section_without(HEADING, error)
    several = errors.labels is not None
    n = len(errors.positions)
    rows = []
    for k, i in enumerate(errors.positions.tolist()):
        values = [str(errors.given[k]), str(errors.suggested[k]), float(errors.sureness[k])]
        label = [str(errors.labels[k])] if errors.labels is not None else []
        rows.append([subject.images.name(i), *label, *values])
    header = [subject.images.column, *(["label"] if several else []), "given", "suggested"]
    write_list(folder / FILE, [*header, "sureness"], rows)
    parts = [paragraph(errors.summary())]
    if n:
        shown = zip(errors.positions[:MOST_SHOWN].tolist(), rows[:MOST_SHOWN], strict=True)
        body = [[subject.images.small(i), *row] for i, row in shown]
        parts.append(table(["image", *header, "sureness"], body, of_texts=True))
        more = f" The table has the first {MOST_SHOWN}." if n > MOST_SHOWN else ""
        parts.append(
            paragraph(
                f"{FILE} has all of them.{more} Look at an image before you change its label."
            )
        )
    return section(HEADING, *parts)
