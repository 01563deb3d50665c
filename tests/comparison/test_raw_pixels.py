"""Raw pixels as rows."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_tl.comparison import RawPixels
from sklearn_tl.embedding import TakesImages


def test_rows_are_pixels_from_0_to_1(make_images):
    X = make_images(3)
    rows = RawPixels().fit(X).transform(X)
    assert rows.shape == (3, 3072)
    assert rows.dtype == np.float32
    assert 0 <= rows.min() < rows.max() <= 1
    assert_array_equal(rows, RawPixels(cache=None).fit_transform([X[0], X[1], X[2]]))


def test_an_image_of_the_right_size_is_taken_as_it_is(make_images):
    X = make_images(2, 32, 32)
    assert_array_equal(RawPixels().transform(X), X.reshape(2, -1).astype(np.float32) / 255)


def test_flat_rows_are_read_in_their_shape_and_range(make_images):
    X = make_images(2, 32, 32)
    flat = RawPixels(image_shape=(32, 32, 3), value_range=(0, 4080))
    rows = flat.fit_transform(X.reshape(2, -1) * 16.0)
    np.testing.assert_allclose(rows, RawPixels().transform(X), atol=1e-6)
    nested = (X.reshape(2, -1) * 16.0).tolist()
    assert_array_equal(flat.transform(nested), rows)


def test_it_is_what_other_rooms_take_for_a_reader_of_images():
    assert isinstance(RawPixels(), TakesImages)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"image_shape": 28}, "image_shape"),
        ({"image_shape": "lines"}, "image_shape"),
        ({"value_range": 255}, "value_range"),
        ({"cache": 3}, "cache"),
    ],
)
def test_wrong_parameters_are_found_in_fit(parameters, match, make_images):
    with pytest.raises(ValueError, match=match):
        RawPixels(**parameters).fit(make_images(2))


def test_levels_of_16_bits_are_kept():
    deep = np.full((40, 20), 65535, np.uint16)
    deep[20:] = 300  # which is not a level of 8 bits
    rows = RawPixels().fit_transform([deep])
    assert rows.shape == (1, 3072)
    np.testing.assert_allclose(rows[0, [0, -1]], [1, 300 / 65535], rtol=1e-5)
