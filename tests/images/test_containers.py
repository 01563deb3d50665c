"""The container X and its items are checked, and errors say what to pass instead."""

import io
import re

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy import sparse

from sklearn_tl.images import Reading, as_images


def test_arrays_that_stay_on_disk_are_checked_like_numpys(make_images):
    class OnDisk:  # with the interface of h5py's and zarr's arrays
        def __init__(self, array):
            self.array, self.shape, self.dtype = array, array.shape, array.dtype

        def __len__(self):
            return len(self.array)

        def __getitem__(self, i):
            return self.array[i]

    X = make_images(3)
    np.testing.assert_array_equal(as_images(OnDisk(X))[2], X[2])
    with pytest.raises(ValueError, match="single colour image"):
        as_images(OnDisk(X[0]))
    with pytest.raises(ValueError, match="image_shape"):
        as_images(OnDisk(X.reshape(3, -1)))


def test_image_shape_reads_flat_rows_as_images(make_images):
    X = make_images(3, height=20, width=31)
    grey = X[..., 0]
    flat = grey.reshape(3, -1)
    expected = np.repeat(grey[..., None], 3, axis=3)
    np.testing.assert_array_equal(list(as_images(flat, Reading(image_shape=(20, 31)))), expected)
    colour = X.reshape(3, -1)
    np.testing.assert_array_equal(list(as_images(colour, Reading(image_shape=(20, 31, 3)))), X)
    strip = as_images(flat, Reading(image_shape="strip"))
    assert strip[0].shape == (1, 620, 3)
    np.testing.assert_array_equal(strip[0][0, :, 1], flat[0])


BAD_CONTAINERS = {
    "empty list": ([], ValueError, "X is empty: found 0 samples"),
    "empty array": (np.zeros((0, 4, 4)), ValueError, "X is empty"),
    "a path": ("flower.jpg", TypeError, r"single path.*\[path\].*glob"),
    "an image": (Image.new("RGB", (2, 2)), TypeError, r"single image.*\[image\]"),
    "generator": ((i for i in range(3)), TypeError, r"generator.*list\(X\)"),
    "dict": ({0: 1}, TypeError, "got a dict instead"),
    "number": (3, TypeError, "got an int instead"),
    "None": (None, TypeError, "got a NoneType instead"),
    "sparse": (sparse.csr_matrix(np.eye(4)), TypeError, r"sparse.*toarray\(\)"),
    "complex": (np.zeros((2, 4, 4), complex), ValueError, "Complex data not supported"),
    "dates": (np.zeros((2, 4, 4), "M8[s]"), TypeError, "datetime64"),
    "1-D": (np.zeros(5), ValueError, r"shape \(5,\)"),
    "2-D square": (np.zeros((2, 784)), ValueError, r"image_shape.*784.*\(28, 28\).*strip"),
    "2-D colour": (np.zeros((2, 48)), ValueError, r"\(4, 4, 3\)"),
    "2-D objects": (np.full((2, 3), "a.jpg", object), ValueError, "one dimension or one column"),
    "single colour image": (np.zeros((8, 8, 3)), ValueError, r"X\[None\]"),
    "2 channels": (np.zeros((1, 8, 8, 2)), ValueError, "2 channels.*channels="),
    "5 channels": (np.zeros((1, 8, 8, 5)), ValueError, "5 channels"),
    "channels first": (np.zeros((1, 3, 8, 8)), ValueError, r"transpose\(0, 2, 3, 1\)"),
    "tensor channels last": (torch.zeros(1, 8, 8, 3), ValueError, r"permute\(0, 3, 1, 2\)"),
    "tensor without channels": (torch.zeros(2, 8, 8), ValueError, r"X\[:, None\]"),
    "flat tensor": (torch.zeros(2, 64), ValueError, r"X.numpy\(\) and set image_shape"),
    "stacked objects": (np.zeros((2, 4, 4), object), ValueError, r"np.stack\(images\)"),
    "empty table": (pd.DataFrame(), ValueError, "X is empty"),
    "wide table": (pd.DataFrame({"a": [1], "b": [2]}), ValueError, r"2 columns.*X\['a'\]"),
}


@pytest.mark.parametrize("case", BAD_CONTAINERS)
def test_a_container_that_is_not_of_images_is_refused_with_advice(case):
    X, error, message = BAD_CONTAINERS[case]
    with pytest.raises(error, match=re.compile(message, re.DOTALL)):
        as_images(X)


@pytest.mark.parametrize("X", [{0: 1}, np.zeros((2, 4, 4), "M8[s]")])
def test_the_error_for_something_else_than_images_lists_the_forms_that_are_read(X):
    with pytest.raises(
        TypeError, match="file paths, PIL images, arrays or bytes of files; .* torch tensor"
    ):
        as_images(X)


def test_an_image_shape_that_does_not_fit_is_refused_with_shapes_that_do():
    with pytest.raises(ValueError, match=r"64 features.*needs 63.*\(8, 8\)"):
        as_images(np.zeros((2, 64)), Reading(image_shape=(7, 9)))
    with pytest.raises(ValueError, match="Leave image_shape out"):
        as_images(np.zeros((2, 8, 8)), Reading(image_shape=(8, 8)))


BAD_ITEMS = {
    "None": (None, TypeError, "None, which is a missing value"),
    "bytes": (b"a.jpg", ValueError, "not an image that can be read"),
    "dict": ({"label": 3}, TypeError, "keys .'label'.*'bytes', 'image', 'path'"),
    "text file": (io.StringIO("a"), ValueError, "a file of text"),
    "number": (7, TypeError, "is 7, which is not an image and not a path.*right column"),
    "missing value": (float("nan"), TypeError, "nan, which is a missing value"),
    "missing in a table": (pd.NA, TypeError, "<NA>, which is a missing value"),
    "objects": (np.array([[object(), 1]]), TypeError, "expected numbers"),
    "ragged objects": (np.array([[1, 2], [3]], object), TypeError, "objects that are not numbers"),
    "ragged": ([[1, 2], [3]], ValueError, "inhomogeneous"),
    "tensor of 5 channels": (torch.zeros(5, 4, 4), ValueError, r"\(5, 4, 4\)"),
}


@pytest.mark.parametrize("case", BAD_ITEMS)
def test_an_item_that_is_not_an_image_is_refused_with_its_index(case):
    item, error, message = BAD_ITEMS[case]
    images = as_images([np.zeros((4, 4)), item])
    with pytest.raises(error, match=re.compile(rf"X\[1\].*{message}", re.DOTALL)):
        images[1]
