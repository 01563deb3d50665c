"""The agreement of two pictures, for each change that a copy may have gone through."""

import numpy as np
import pytest
from PIL import Image

from sklearn_tl.duplicates.alignment import agreement, to_grey

FLOAT = np.float32


def shrunk(pixels):
    """Return 32 x 32 grey levels from 0 to 1 of a picture of 8 bits."""
    return np.asarray(Image.fromarray(pixels).convert("L").resize((32, 32), Image.BOX)) / FLOAT(255)


@pytest.fixture
def picture():
    """Return a picture with detail everywhere."""
    coarse = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((320, 320), Image.BICUBIC))


def captioned(picture):
    changed = picture.copy()
    changed[290:] = 0
    return changed


CHANGES = {
    "none": lambda p: p,
    "mirrored": lambda p: p[:, ::-1],
    "cropped": lambda p: p[7:295, 20:308],
    "cropped and mirrored": lambda p: p[7:295, 20:308][:, ::-1],
    "cropped to four fifths": lambda p: p[64:, 10:266],
    "darker": lambda p: (p * 0.6).astype(np.uint8),
    "captioned": captioned,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_copy_agrees_in_both_directions(picture, change):
    grey = np.stack([shrunk(picture), shrunk(CHANGES[change](picture))])
    scores = agreement(grey, np.array([[0, 1], [1, 0]]))
    assert scores.min() > 0.88
    assert scores[0] == pytest.approx(scores[1])


def test_the_same_picture_agrees_fully_even_if_most_of_it_is_flat(picture):
    grey = np.stack([shrunk(picture)] * 2)
    flat = np.full_like(grey, 0.9)
    flat[:, 10:20, 12:22] = grey[:, 10:20, 12:22]
    pair = np.array([[0, 1]])
    np.testing.assert_allclose([agreement(grey, pair), agreement(flat, pair)], 1, atol=1e-5)


def test_different_pictures_do_not_agree(make_images):
    grey = np.stack([shrunk(image) for image in make_images(8, 320, 320)])
    pairs = np.argwhere(np.triu(np.ones((8, 8)), 1))
    assert agreement(grey, pairs).max() < 0.8


def test_blank_pictures_agree_with_nothing(picture):
    grey = np.stack([np.zeros((32, 32), FLOAT), np.ones((32, 32), FLOAT), shrunk(picture)])
    scores = agreement(grey, np.array([[0, 1], [0, 2], [1, 2]]))
    assert np.isfinite(scores).all()
    assert scores.max() < 0.5


def test_pixels_become_grey_for_any_number_of_channels():
    for n in (1, 2, 3):
        white = np.ones((2, 1024 * n), FLOAT)
        np.testing.assert_allclose(to_grey(white), np.ones((2, 32, 32)), rtol=1e-6)
    red = np.tile(np.array([1, 0, 0], FLOAT), (1, 1024))
    np.testing.assert_allclose(to_grey(red), np.full((1, 32, 32), 0.299), rtol=1e-5)
