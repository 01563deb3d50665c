"""Copies and sequences among rows and pixels."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits

from sklearn_tl.comparison import RawPixels
from sklearn_tl.duplicates import duplicates_in


@pytest.fixture
def arrays(make_images):
    """Return rows and pixels of 12 images that have nothing in common."""
    pixels = make_images(12, 32, 32).reshape(12, -1).astype(np.float32) / 255
    return np.random.default_rng(0).normal(size=(12, 64)), pixels


def test_images_that_differ_have_no_pairs(arrays):
    found = duplicates_in(*arrays)
    assert found.pairs.shape == (0, 2)
    assert len(found.copies) == 0
    assert_array_equal(found.groups, np.arange(12))


def test_copies_are_found_and_sorted_and_grouped(arrays):
    rows, pixels = arrays
    rows[7], pixels[7] = rows[2] * 1.1, 0.9 * pixels[2] + 0.01 * pixels[3]
    rows[5], pixels[5] = rows[4], pixels[4]
    found = duplicates_in(rows, pixels)
    assert_array_equal(found.pairs, [[4, 5], [2, 7]])
    assert_array_equal(found.kinds, ["copy", "copy"])
    assert found.similarity[0] == 1 > found.similarity[1] > 0.88
    assert found.groups[5] == found.groups[4] != found.groups[2] == found.groups[7]
    assert len(np.unique(found.groups)) == 10
    assert_array_equal(found.copies, [5, 7])


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_grey_copy_is_found_though_its_embedding_is_far(arrays, mirrored):
    rows, pixels = arrays
    shaped = pixels.reshape(12, 32, 32, 3)
    grey = (shaped[3] @ [0.299, 0.587, 0.114])[..., None].repeat(3, axis=2)
    shaped[9] = grey[:, ::-1] if mirrored else grey
    assert_array_equal(duplicates_in(rows, pixels).pairs, [[3, 9]])


def test_the_threshold_decides(arrays):
    rows, pixels = arrays
    rows[7], pixels[7] = rows[2], 0.8 * pixels[2] + 0.2 * pixels[3]
    score = duplicates_in(rows, pixels, threshold=0.5).similarity[0]
    assert len(duplicates_in(rows, pixels, threshold=score + 0.001).pairs) == 0


def test_blank_images_are_copies_only_if_they_are_equal(arrays):
    rows, pixels = arrays
    rows[:6], pixels[:3], pixels[3:5], pixels[5] = 0, 0, 1, 0.5
    found = duplicates_in(rows, pixels)
    assert_array_equal(found.pairs, [[0, 1], [0, 2], [3, 4]])
    assert_array_equal(found.similarity, [1, 1, 1])


def test_many_equal_images_are_one_group(arrays):
    rows, pixels = (np.repeat(array[:2], 40, axis=0) for array in arrays)
    found = duplicates_in(rows, pixels)
    assert len(found.pairs) == 78
    assert_array_equal(found.groups, np.repeat([0, 1], 40))


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_images_are_enough(arrays, n):
    rows, pixels = (array[:n] for array in arrays)
    assert_array_equal(duplicates_in(rows, pixels, y=["a"] * n).groups, np.arange(n))


def test_copies_with_different_labels_are_conflicts(arrays):
    rows, pixels = (np.repeat(array[:4], 2, axis=0) for array in arrays)
    y = np.array(["a", "a", "a", "b", None, "b", "c", "c"], dtype=object)
    assert_array_equal(duplicates_in(rows, pixels, y=y).conflicts, [[2, 3]])
    assert duplicates_in(rows, pixels).conflicts.shape == (0, 2)


@pytest.mark.parametrize("sequences", ["auto", True])
def test_a_video_is_linked_and_can_be_left_alone(sequences):
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.normal(size=(20, 64)), 5, axis=0) + 0.1 * rng.normal(size=(100, 64))
    pixels, names = rng.random((100, 1024)), [f"video/{n}.png" for n in range(100)]
    found = duplicates_in(rows, pixels, names=names, sequences=sequences)
    assert_array_equal(np.unique(found.kinds), ["sequence"])
    within = np.all(found.pairs // 5 == found.pairs[:, :1] // 5, axis=1)
    assert within.sum() == 80
    assert len(found.copies) == 0
    assert len(duplicates_in(rows, pixels, names=names, sequences=False).pairs) == 0


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"threshold": 0}, "threshold=0 must be"),
        ({"threshold": "0.9"}, "threshold='0.9' must be"),
        ({"sequences": "yes"}, "sequences='yes' must be one of"),
        ({"pixels": np.ones((12, 1000))}, r"1024 \* n_channels"),
        ({"pixels": np.ones((11, 1024))}, "Found 11 rows of pixels and 12 rows"),
        ({"rows": np.full((12, 3), np.nan)}, "rows contains NaN"),
        ({"names": ["a"]}, "Found 1 names and 12 rows"),
        ({"y": ["a"] * 5}, "Found 5 labels in y and 12 rows"),
        ({"y": np.ones((12, 2))}, r"one label per image, got \(12, 2\)"),
    ],
)
def test_wrong_input_is_named(arrays, changed, match):
    with pytest.raises(ValueError, match=match):
        duplicates_in(**({"rows": arrays[0], "pixels": arrays[1]} | changed))


def test_images_that_are_all_alike_must_agree_better():
    digits = load_digits().images[:400] / 16
    pixels = RawPixels(cache=None).fit_transform(digits)
    found = duplicates_in(pixels, pixels)
    assert len(found.copies) == 0
    assert len(duplicates_in(pixels, pixels, threshold=0.88).copies) > 300
    pixels[399] = pixels[7]  # a real copy is found all the same
    assert duplicates_in(pixels, pixels).pairs.tolist() == [[7, 399]]
