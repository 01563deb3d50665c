"""Tiles cover a wide or tall image, with as few inputs as it takes."""

import numpy as np
import pytest

from sklearn_tl.images import Preprocessing
from sklearn_tl.images.tiling import MAX_TILES, tile_boxes

SIZES = [(300, 300), (300, 301), (300, 400), (300, 600), (300, 601), (7, 30), (1999, 450), (2, 9)]


@pytest.mark.parametrize("crop", [(224, 224), (20, 30), (48, 16)])
@pytest.mark.parametrize("size", SIZES)
def test_tiles_cover_an_image_and_one_less_would_not(size, crop):
    boxes = tile_boxes(*size, crop)
    seen = np.zeros(size, dtype=int)
    for left, top, right, bottom in boxes:
        assert 0 <= left < right <= size[1]
        assert 0 <= top < bottom <= size[0]
        seen[top:bottom, left:right] += 1
    if len(boxes) > 1:
        assert seen.all()
    else:  # a ninth may be left out, and the tile is in the middle
        assert seen.mean() > 0.88
        left, top, right, bottom = boxes[0]
        assert abs(left - (size[1] - right)) <= 1
        assert abs(top - (size[0] - bottom)) <= 1
    ((height, width),) = {(bottom - top, right - left) for left, top, right, bottom in boxes}
    assert (len(boxes) - 1) * height * width < size[0] * size[1]
    assert height == size[0] or width == size[1]
    ratio = crop[0] / crop[1]
    assert abs(height - width * ratio) <= max(1, ratio) / 2  # the shape of the crop


def test_one_tile_is_not_said_to_leave_gaps():
    preprocessing = Preprocessing((16, 16), (18, 18), (0.5,) * 3, (0.5,) * 3, crop_mode="tiles")
    assert preprocessing.visible_share(16, 18) == 1
    assert preprocessing.visible_share(16, 16 * 20) < 1


def test_tiles_are_evenly_spread():
    lefts = [left for left, *_ in tile_boxes(100, 1050, (24, 24))]
    assert (lefts[0], lefts[-1], len(lefts)) == (0, 950, 11)
    assert set(np.diff(lefts)) == {95}
    tops = [top for _, top, *_ in tile_boxes(450, 100, (24, 24))]
    assert tops == [0, 88, 175, 262, 350]


def test_the_number_of_tiles_is_bounded():
    boxes = tile_boxes(2, 6400, (24, 24))
    assert len(boxes) == MAX_TILES
    assert (boxes[0][0], boxes[-1][2]) == (0, 6400)
