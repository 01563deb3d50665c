"""Patches of photographs: their form, their positions, and errors without the photographs."""

import socket
import sys
from itertools import combinations

import numpy as np
import pytest

from sklearn_tl.datasets import load_photo_patches, photographs


@pytest.fixture(scope="module")
def data():
    return load_photo_patches()


def shared_pixels(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


def test_there_are_18_patches_to_train_on_and_18_to_test_on_per_photograph(data):
    assert data.images.shape == (504, 96, 96, 3)
    assert data.images.dtype == np.uint8
    assert data.train.dtype == bool
    assert len(data.target_names) == 14
    for part in (data.train, ~data.train):
        np.testing.assert_array_equal(np.bincount(data.target[part]), [18] * 14)
    assert all(f"- {name}: " in data.DESCR for name in data.target_names)


def test_no_training_patch_shares_a_pixel_with_a_test_patch(data):
    for label in range(14):
        train = data.boxes[data.train & (data.target == label)]
        test = data.boxes[~data.train & (data.target == label)]
        assert train[:, 3].max() <= test[:, 1].min()  # bottom <= top
        assert not any(shared_pixels(a, b) for a in train for b in test)


def test_neighbours_overlap_by_a_quarter_at_most(data):
    for label in range(14):
        boxes = data.boxes[data.target == label]
        side = boxes[0, 2] - boxes[0, 0]
        assert (boxes[:, 2:] - boxes[:, :2] == side).all()
        assert boxes.min() == 0
        assert max(shared_pixels(a, b) for a, b in combinations(boxes, 2)) < 0.26 * side * side


def test_a_patch_shows_what_is_in_its_box(data):
    photograph = photographs._open(*photographs.PHOTOGRAPHS["retina"][:2])
    i = np.flatnonzero(data.target_names[data.target] == "retina")[-1]
    box = photograph.crop(tuple(data.boxes[i]))
    assert box.size[0] * 5 <= photograph.size[1]
    assert abs(np.asarray(box).mean() - data.images[i].mean()) < 1
    assert data.boxes[i, 3] == photograph.size[1]


def test_no_two_patches_are_equal(data):
    assert len({patch.tobytes() for patch in data.images}) == len(data.images)


def test_the_patches_are_the_same_every_time_and_need_no_network(data, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    images, target = load_photo_patches(return_X_y=True)
    np.testing.assert_array_equal(images, data.images)
    np.testing.assert_array_equal(target, data.target)


def test_the_error_without_scikit_image_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(ImportError, match=r"pip install scikit-image"):
        load_photo_patches()


def test_the_error_without_a_photograph_names_its_path(monkeypatch):
    monkeypatch.setitem(photographs.PHOTOGRAPHS, "camera", ("skimage", "data/nothing.png", ""))
    with pytest.raises(FileNotFoundError, match=r"nothing\.png.* pip install scikit-image"):
        load_photo_patches()
