"""Tiles: parts of a wide or tall image that have the shape of a network's input."""

import numpy as np

MARGIN = 1 / 8  # of a tile, which may be left out of an image that is almost one tile
MAX_TILES = 16  # per image, so that one line of a scan does not cost as much as a data set


def tile_boxes(height: int, width: int, crop: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """Return the boxes of the fewest tiles that cover an image, evenly spread along its long side.

    If one tile covers all but a ninth of the image, it lies in the middle.

    Parameters
    ----------
    height, width : int
        The size of the image in pixels.
    crop : tuple of (height, width)
        The shape of a tile. A tile is as large as the image allows.

    Returns
    -------
    boxes : list of (left, top, right, bottom)
        In pixels of the image. At most 16: in longer images there are gaps between the tiles.

    Examples
    --------
    >>> tile_boxes(300, 400, (224, 224))
    [(0, 0, 300, 300), (100, 0, 400, 300)]
    """
    scale = min(height / crop[0], width / crop[1])
    tile_height, tile_width = (max(1, round(side * scale)) for side in crop)
    return [
        (left, top, left + tile_width, top + tile_height)
        for top in _starts(height, tile_height)
        for left in _starts(width, tile_width)
    ]


def _starts(length: int, part: int) -> list[int]:
    """Return where the parts of a length begin. If there are several, they reach its ends."""
    if length <= (1 + MARGIN) * part:
        return [(length - part) // 2]
    n = min(MAX_TILES, -(-length // part))
    return np.linspace(0, length - part, n).round().astype(int).tolist()
