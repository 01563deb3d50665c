"""Labels and small pictures fit into their place."""

import numpy as np
import pytest

from sklearn_tl.inspection.drawing import colour, marker, short_path, shortened, thumbnail


def test_a_long_label_ends_in_an_ellipsis():
    assert shortened("short") == "short"
    long = shortened("a label with far more words than there is room for")
    assert long.endswith("…")
    assert len(long) <= 28


def test_a_label_that_is_one_long_word_keeps_its_beginning():
    assert shortened("hubble_deep_field_" * 3) == "hubble_deep_field_hubble_de…"
    assert shortened("the " + "x" * 100) == "the " + "x" * 23 + "…"


def test_a_long_name_of_a_file_keeps_both_ends():
    assert short_path("photos/cat/1.jpg") == "1.jpg"
    assert short_path("https://a.org/photos/") == "https://a.org/photos/"
    names = [short_path(f"a/holiday by the sea in the summer of 2026 {i}.jpg", 20) for i in (1, 2)]
    assert names == ["holiday b…2026 1.jpg", "holiday b…2026 2.jpg"]
    assert len(names[0]) == 20


@pytest.mark.usefixtures("no_screen")
@pytest.mark.parametrize("name", ["from $5 to $6", "$5", "no dollar"])
def test_a_label_with_dollars_is_not_a_formula(name):
    import matplotlib.pyplot as plt

    figure = plt.figure()
    drawn = figure.text(0, 0, shortened(name))
    as_it_is = figure.text(0, 0, name, parse_math=False)
    assert drawn.get_window_extent().width == as_it_is.get_window_extent().width


def test_looks_repeat_only_after_77_classes():
    assert len({(colour(i), marker(i)) for i in range(77)}) == 77


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((100, 400), (14, 56)),
        ((400, 100), (56, 14)),
        ((1000, 2), (56, 1)),
        ((20, 30), (20, 30)),
        ((1, 200), (14, 56)),  # a line of pixels
        ((1, 40), (10, 40)),
        ((1, 1), (1, 1)),
    ],
)
def test_a_thumbnail_keeps_the_proportions(shape, expected):
    assert thumbnail(np.zeros((*shape, 3), dtype=np.uint8), 56).shape == (*expected, 3)


def test_a_line_of_pixels_keeps_their_order():
    line = np.repeat(np.arange(40, dtype=np.uint8)[None, :, None], 3, axis=2)
    band = thumbnail(line, 56)
    np.testing.assert_array_equal(band, np.repeat(line, 10, axis=0))


def test_floats_become_8_bit_levels():
    picture = thumbnail(np.full((4, 4, 3), 0.5, dtype=np.float32), 56)
    assert picture.dtype == np.uint8
    assert (picture == 128).all()
