"""The numbers of one image become pixels."""

import numpy as np

from sklearn_tl.images import to_uint8


def test_pixels_that_are_uint8_already_are_returned_as_they_are():
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert to_uint8(pixels) is pixels


def test_float_pixels_become_the_nearest_level_and_are_clipped():
    pixels = np.array([[[-1.0, 0.0, 0.4 / 255], [0.6 / 255, 1.0, 1.5]]], dtype=np.float32)
    levels = to_uint8(pixels)
    assert levels.dtype == np.uint8
    np.testing.assert_array_equal(levels, [[[0, 0, 0], [1, 255, 255]]])
