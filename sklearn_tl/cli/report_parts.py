"""Parts that the report of a study and that of a model have in common: pictures, and the page."""

import html
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sklearn_tl._utils import replacing
from sklearn_tl.cli.report_page import page, picture, section
from sklearn_tl.cli.report_pictures import SURENESS, png, smaller
from sklearn_tl.cli.report_sureness import sureness_parts
from sklearn_tl.comparison import ModelScore, StrategyComparison

PAGE = "report.html"


def make_folder(path: os.PathLike) -> None:
    """Make the folder of the report."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise ValueError(f"--report {path} cannot be made: {error.strerror}.") from error


def picture_sections(
    pictures: Iterable[tuple[str, str, Any]],
    results: StrategyComparison | ModelScore,
    folder: Path,
) -> Iterator[str]:
    """Write each picture as a PNG file, and yield its section.

    Parameters
    ----------
    pictures : iterable of (file name, heading, figure)
    results : StrategyComparison or ModelScore
        What the pictures are about.
    folder : Path
    """
    for name, heading, figure in pictures:
        data = png(figure)
        _write(folder / f"{name}.png", data)
        parts = sureness_parts(results) if heading == SURENESS else []
        yield section(heading, picture(smaller(data), heading), *parts)


def left_out_section(left_out: Sequence[str]) -> str:
    """Return the list of images and classes that were left out; empty if there are none."""
    if not left_out:
        return ""
    items = "".join(f"<li>{html.escape(text)}</li>" for text in left_out)
    return section(f"Left out: {len(left_out)}", f"<ul>{items}</ul>")


def write_page(folder: Path, title: str, sections: Iterable[str]) -> Path:
    """Write the page of HTML, and return its path."""
    _write(folder / PAGE, page(title, filter(None, sections)))
    return folder / PAGE


def _write(path: Path, data: bytes) -> None:
    with replacing(path) as part:
        part.write_bytes(data)
