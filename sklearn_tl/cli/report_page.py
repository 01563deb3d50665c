"""The HTML of a report: headings, tables and pictures, in a page that runs and fetches nothing."""

import base64
import html
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

# A browser would refuse to run a script, or to fetch anything, whatever the page contained.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto;
       padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; overflow-wrap: anywhere; } img { max-width: 100%; height: auto; }
pre { background: #f4f4f4; padding: 1rem; overflow-x: auto; white-space: pre-wrap; }
table { border-collapse: collapse; font-size: 0.9rem; display: block; overflow-x: auto; }
th, td { padding: 0.3rem 0.7rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child, .texts th, .texts td { text-align: left; }
td img { display: block; } td a { display: block; }
.images { display: flex; flex-wrap: wrap; gap: 0.6rem; }
figure { margin: 0; width: 100px; font-size: 0.75rem; line-height: 1.3; overflow-wrap: anywhere; }
.cell { display: none; border: 2px solid #0072B2; padding: 0 1rem 0.5rem; margin-top: 1rem; }
.cell:target { display: block; }
.copy-paste-icon { display: none !important; }
"""


def page(title: str, sections: Iterable[str]) -> bytes:
    """Return a page of HTML.

    Parameters
    ----------
    title : str
    sections : iterable of str
        As `section` returns them.
    """
    title = html.escape(title)
    text = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<style>{STYLE}</style></head>\n"
        f"<body><h1>{title}</h1>\n" + "\n".join(sections) + "\n</body></html>\n"
    )
    # Names of files may be any bytes, and not all of them are UTF-8.
    return text.encode(errors="backslashreplace")


def section(heading: str, *parts: str, anchor: str = "") -> str:
    """Return a heading with what comes below it."""
    name = f' id="{anchor}"' if anchor else ""
    return f"<h2{name}>{html.escape(heading)}</h2>\n" + "\n".join(parts)


def paragraph(text: str) -> str:
    """Return a paragraph of plain text."""
    return f"<p>{html.escape(text)}</p>"


def preformatted(text: str) -> str:
    """Return plain text whose lines stay as they are."""
    return f"<pre>{html.escape(text)}</pre>"


def picture(data: bytes, alt: str) -> str:
    """Return an image that holds its own data, a PNG or JPEG file."""
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    encoded = base64.b64encode(data).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/{kind};base64,{encoded}">'


def table(labels: Iterable[str], rows: Iterable[Iterable[Any]], *, of_texts: bool = False) -> str:
    """Return a table of texts, numbers, and cells that are `Markup`.

    Numbers are aligned on the right. `of_texts` aligns all cells on the left.
    """
    kind = ' class="texts"' if of_texts else ""
    head = "".join(f"<th>{html.escape(label)}</th>" for label in labels)
    body = "".join("<tr>" + "".join(map(cell, row)) + "</tr>" for row in rows)
    return f"<table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class Markup(str):
    """A text that is HTML already."""


def cell(value: Any, attributes: str = "") -> str:
    """Return a cell of a table."""
    inner = value if isinstance(value, Markup) else html.escape(as_text(value))
    return f"<td{attributes}>{inner}</td>"


def as_text(value: Any) -> str:
    """Return a value as a cell shows it.

    Examples
    --------
    >>> as_text("a"), as_text(12345.0), as_text(0.12345), as_text(float("nan"))
    ('a', '12,345', '0.123', '–')
    """
    if isinstance(value, str):
        return value
    if np.isnan(value):
        return "–"
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.3f}" if abs(value) < 1000 else f"{value:,.0f}"


def without_scripts(text: str) -> str:
    """Return HTML of scikit-learn without its scripts, which only copy names of parameters."""
    text = re.sub(r"<script\b.*?</script>", "", text, flags=re.DOTALL)
    return re.sub(r'\sonclick="[^"]*"', "", text)
