"""Series of images, and links between neighbours in them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_tl.duplicates.search import unit_rows
from sklearn_tl.duplicates.sequences import find_links, series_of


def as_lists(series):
    return sorted(positions.tolist() for positions in series)


def test_images_are_in_natural_order():
    names = ["a/img10.png", "a/img2.png", "a/img1.png"]
    assert as_lists(series_of(names, None, 3)) == [[2, 1, 0]]


def test_a_series_has_one_folder_one_pattern_and_one_label():
    names = ["a/x1", "b/x2", "a/x2", "a/y3", "b/x3", "a/x3", "a/y4"]
    assert as_lists(series_of(names, None, 7)) == [[0, 2, 5], [1, 4], [3, 6]]
    y = np.array([0, 0, 0, 0, 0, 1, 0])
    assert as_lists(series_of(names, y, 7)) == [[0, 2], [1, 4], [3, 6]]


def test_without_names_labels_make_series():
    assert as_lists(series_of(None, np.array([1, 0, 1, 0]), 4)) == [[0, 2], [1, 3]]
    assert series_of(None, None, 4) == []


@pytest.fixture
def frames():
    """Return rows of 30 scenes of 4 frames each."""
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.normal(size=(30, 64)), 4, axis=0)
    return unit_rows(rows + 0.2 * rng.normal(size=rows.shape))


def test_frames_of_a_scene_are_linked(frames):
    pairs, similarity = find_links(frames, [np.arange(120)])
    is_within = pairs[:, 0] // 4 == pairs[:, 1] // 4
    assert is_within.sum() == 90
    assert (~is_within).sum() <= 0.2 * 29
    assert_array_equal(pairs[:, 1] - pairs[:, 0], 1)
    assert similarity[is_within].min() > similarity[~is_within].max(initial=0)


def test_in_random_order_nothing_is_linked(frames):
    series = [np.random.default_rng(1).permutation(120)]
    assert len(find_links(frames, series)[0]) == 0


def test_a_few_images_are_not_evidence(frames):
    assert len(find_links(frames, [np.arange(16)])[0]) == 0
    assert len(find_links(frames, [np.arange(n, n + 2) for n in range(0, 120, 2)])[0]) == 0
    pairs, similarity = find_links(frames, [])
    assert pairs.shape == (0, 2)
    assert similarity.shape == (0,)
