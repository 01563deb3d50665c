"""The images of a report: their names, and small pictures of them."""

import html
import io
from collections.abc import Iterable

import numpy as np
from PIL import Image

from sklearn_tl.cli.report_page import Markup, picture
from sklearn_tl.images import ImageSequence
from sklearn_tl.inspection import short_path, thumbnail

SIDE = 96  # of a small picture, in pixels
QUALITY = 75
MOST_IN_A_CELL = 24
MOST_SHOWN = 720  # in all cells; each is about 4 kB of the page


class ReportImages:
    """Images as a report names and shows them.

    Parameters
    ----------
    images : ImageSequence
    """

    def __init__(self, images: ImageSequence) -> None:
        self.images = images
        self._pictures: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self.images)

    @property
    def column(self) -> str:
        """What a column of names contains."""
        return "index" if self.images.path(0) is None else "path"

    def name(self, i: int) -> str:
        """Return the path of an image, or its index in the user's X if it has none."""
        path = self.images.path(i)
        return str(self.images.position(i)) if path is None else path

    def short_name(self, i: int) -> str:
        """Return a name that fits below a small picture."""
        path = self.images.path(i)
        return f"X[{self.images.position(i)}]" if path is None else short_path(path, 24)

    def small(self, i: int, alt: str = "") -> Markup:
        """Return a small picture of an image, whose title is the whole name."""
        if i not in self._pictures:
            buffer = io.BytesIO()
            # Twice the size, because a JPEG file is decoded to a coarse fraction of its size.
            pixels = thumbnail(self.images.open(i).decode(at_least=2 * SIDE), SIDE)
            Image.fromarray(pixels).save(buffer, "JPEG", quality=QUALITY)
            self._pictures[i] = buffer.getvalue()
        words = f"{self.short_name(i)}: {alt}" if alt else self.short_name(i)
        title = html.escape(self.name(i))
        return Markup(f'<span title="{title}">{picture(self._pictures[i], words)}</span>')

    def figure(self, i: int, caption: str) -> str:
        """Return a small picture with a caption and the name of its file."""
        below = f"{html.escape(caption)}<br>{html.escape(self.short_name(i))}"
        return f"<figure>{self.small(i, caption)}<figcaption>{below}</figcaption></figure>"


def cell_limits(wrong: Iterable[int], right: Iterable[int]) -> tuple[int, int]:
    """Return how many images to show in each cell with errors, and in each cell without.

    Parameters
    ----------
    wrong, right : iterable of int
        The number of images in each such cell.

    Examples
    --------
    >>> cell_limits([3, 5], [40, 100]), cell_limits([40] * 40, [100])
    ((24, 24), (18, 0))
    """

    def largest(counts: np.ndarray, room: int) -> tuple[int, int]:
        for limit in range(MOST_IN_A_CELL, 0, -1):
            used = int(np.minimum(counts, limit).sum())
            if used <= room:
                return limit, room - used
        return 0, room

    of_wrong, room = largest(np.array([*wrong], dtype=int), MOST_SHOWN)
    of_right, _ = largest(np.array([*right], dtype=int), room)
    return of_wrong, of_right


def panel(
    anchor: str, heading: str, images: ReportImages, captions: dict[int, str], most: int, back: str
) -> str:
    """Return the images of a cell, which are hidden until a link leads to them.

    Parameters
    ----------
    anchor : str
        What links to the panel name.
    heading : str
    images : ReportImages
    captions : dict of int to str
        The positions of the images in the cell, in order, with the words below each.
    most : int
        How many of them to show.
    back : str
        The anchor of the table.
    """
    shown = [images.figure(i, caption) for i, caption in [*captions.items()][:most]]
    rest = len(captions) - len(shown)
    more = f"<p>and {rest:,} more</p>" if shown else f"<p>{rest:,} images are not shown here.</p>"
    return (
        f'<section class="cell" id="{anchor}" tabindex="-1"><h3>{html.escape(heading)}</h3>'
        f'<div class="images">{"".join(shown)}</div>{more if rest else ""}'
        f'<p><a href="#{back}">Back to the table</a></p></section>'
    )
