"""What a user asks of the result."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_tl.duplicates import Duplicates


@pytest.fixture
def make():
    """Return a function that makes a result for 8 images."""

    def result(copies=((0, 1), (1, 2), (5, 6)), links=((3, 4), (6, 5)), **parts):
        copies, links = (np.array(p, dtype=int).reshape(-1, 2) for p in (copies, links))
        parts = {"names": None, "codes": None} | parts
        scores, cosines = np.linspace(1, 0.9, len(copies)), np.linspace(0.95, 0.9, len(links))
        return Duplicates.of(copies, scores, links, cosines, n_images=8, **parts)

    return result


def test_pairs_are_sorted_and_a_copy_is_not_listed_again(make):
    found = make()
    assert_array_equal(found.pairs, [[0, 1], [1, 2], [3, 4], [5, 6]])
    assert_array_equal(found.kinds, ["copy", "copy", "sequence", "copy"])
    assert_array_equal(found.groups, [0, 0, 0, 1, 1, 2, 2, 3])
    assert_array_equal(found.copies, [1, 2, 6])


def test_across_names_each_image_of_the_test_part_once(make):
    found = make()
    assert_array_equal(found.across([0, 1, 3], [2, 4, 5]), [[1, 2], [3, 4]])
    # 0 and 2 are linked by an image that is in neither part.
    assert_array_equal(found.across([0], [2, 7]), [[0, 2]])
    mask = np.arange(8) < 6
    assert_array_equal(found.across(mask, ~mask), [[5, 6]])
    assert found.across([0, 1, 2], [3, 7]).shape == (0, 2)


def test_across_takes_the_most_similar_partner(make):
    found = make(copies=((2, 7), (0, 7)), links=())
    assert_array_equal(found.across([0, 2], [7]), [[2, 7]])


def test_the_summary_says_how_many_and_names_examples(make):
    names = [f"photos/{n}.jpg" for n in range(8)]
    codes = np.array([0, 0, 1, 0, 0, -1, 0, 0])
    text = make(codes=codes, names=names).summary()
    assert "3 of 8 images are copies of another image." in text
    assert "X[0] ('photos/0.jpg') and X[1] ('photos/1.jpg') (1.00)" in text
    assert "1 pair of copies has different labels." in text
    assert "2 of 8 images follow each other in sequences" in text
    assert "groups=duplicates.groups" in text


def test_the_summary_of_nothing_and_of_many(make):
    assert make((), ()).summary() == "Found no copies among 8 images."
    text = make([(0, n) for n in range(1, 6)], ()).summary()
    assert text.count(" and X[") == 3
    assert ", and 2 other pairs" in text
    assert "sequences" not in text
    assert "labels" not in text
