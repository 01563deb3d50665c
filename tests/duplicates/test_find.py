"""The way from images to pairs."""

import numpy as np
import pytest
from helpers.pictures import save_all
from numpy.testing import assert_array_equal
from PIL import Image
from torch import nn

from sklearn_tl.duplicates import find_duplicates


@pytest.fixture
def paths(make_images, tmp_path):
    """Return the files of 6 images, of which 4 and 5 are copies of 1 and 2."""
    X = make_images(6, 96, 128)
    paths = save_all(X, tmp_path)
    with Image.open(paths[1]) as image:
        image.resize((64, 48)).convert("L").save(paths[4])
    with Image.open(paths[2]) as image:
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by 90 degrees when it is shown
        image.rotate(90, expand=True).save(paths[5].with_suffix(".jpg"), exif=exif, quality=40)
    return [*paths[:5], paths[5].with_suffix(".jpg")]


def test_copies_among_files_are_found_and_named(paths, tiny):
    found = find_duplicates(paths, list("aabbab"), backbone=tiny)
    assert_array_equal(np.sort(found.pairs, axis=0), [[1, 4], [2, 5]])
    assert found.conflicts.shape == (0, 2)
    assert found.names == [str(path) for path in paths]
    assert str(paths[4]) in found.summary()


def test_labels_of_copies_are_compared_but_not_numbers_or_several_labels(paths, tiny):
    def conflicts(y):
        return find_duplicates(paths, y, backbone=tiny).conflicts.tolist()

    assert conflicts(np.array([0, 0, 1, 1, 1, 1])) == [[1, 4]]
    assert conflicts([[0], [0], [1], [1], [1], [1]]) == [[1, 4]]
    assert conflicts(np.array([0.5, 1.5, 2.5, 3.5, 4.5, 5.5])) == []
    assert conflicts(np.eye(6, 2, dtype=int)) == []


def test_arrays_are_read_as_the_parameters_say(make_images, tiny):
    X = make_images(5, 32, 32)
    X[3] = X[0]
    flat = X.reshape(5, -1) * 16.0
    found = find_duplicates(flat, backbone=tiny, image_shape=(32, 32, 3), value_range=(0, 4080))
    assert_array_equal(found.pairs, [[0, 3]])
    assert found.names is None
    found = find_duplicates(X[..., :2], backbone=lambda: tiny_of(2), channels=(0, 1))
    assert_array_equal(found.pairs, [[0, 3]])


def tiny_of(n_channels):
    return nn.Sequential(nn.Conv2d(n_channels, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def test_wrong_parameters_are_found_before_an_image_is_read(tiny):
    with pytest.raises(ValueError, match="threshold=2 must be"):
        find_duplicates(["missing.png"], backbone=tiny, threshold=2)
    with pytest.raises(ValueError, match="X has 1 images and y has 2 labels"):
        find_duplicates(["missing.png"], [0, 1], backbone=tiny)
    with pytest.raises(ValueError, match="cache"):
        find_duplicates(["missing.png"], backbone=tiny, cache=3)
    with pytest.raises(OSError, match="does not exist"):
        find_duplicates(["missing.png"], backbone=tiny)
