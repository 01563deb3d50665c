"""The model card in a report: a section of the page, and `model_card.md` beside it."""

import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sklearn_tl._utils import replacing
from sklearn_tl.card import Section, to_markdown, to_sections
from sklearn_tl.cli.report_page import paragraph, section, table

FILE = "model_card.md"
HEADING = "Model card"


def card_section(card: dict[str, Any], folder: Path) -> str:
    """Write the card, and return its section.

    Parameters
    ----------
    card : dict
        As `sklearn_tl.card.card_of_study` returns it.
    folder : Path
        Where the file is written.
    """
    with replacing(folder / FILE) as part:
        part.write_text(to_markdown(card), encoding="utf-8", errors="backslashreplace")
    note = paragraph(f"{FILE} has the same text. The model's file contains it, too.")
    parts = (part for of_card in to_sections(card) for part in _parts(of_card))
    return section(HEADING, note, *parts)


def _parts(of_card: Section) -> Iterator[str]:
    yield f"<h3>{html.escape(of_card.heading)}</h3>"
    yield from map(paragraph, of_card.sentences)
    if of_card.items:
        lines = "".join(f"<li>{html.escape(item)}</li>" for item in of_card.items)
        yield f"<ul>{lines}</ul>"
    if of_card.rows:
        yield table(of_card.header, of_card.rows, of_texts=True)
