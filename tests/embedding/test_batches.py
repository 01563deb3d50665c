"""How images are divided into batches does not change their rows."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from helpers.networks import TinyNet
from numpy.testing import assert_array_equal

from sklearn_tl import ConvFeatureExtractor


@pytest.mark.parametrize("size", [64, 160, "native"])
def test_the_bits_of_a_row_depend_on_its_image_alone(size, make_images):
    X = make_images(40 if size == 64 else 9, 64, 64)

    def rows(X, **parameters):
        extractor = ConvFeatureExtractor(image_size=size, cache=None, **parameters)
        return extractor.fit_transform(X)

    wanted = rows(X)
    order = [7, 2, 8, 0]
    assert_array_equal(rows(X[order]), wanted[order])
    assert_array_equal(rows(X[:1]), wanted[:1])
    assert_array_equal(rows(X, batch_size=200), wanted)
    for batch_size in (1, 3):
        few = rows(X, batch_size=batch_size)
        np.testing.assert_allclose(few, wanted, rtol=0, atol=1e-5 * wanted.max())
    n_threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert_array_equal(rows(X), wanted)
    finally:
        torch.set_num_threads(n_threads)
    # Not below what a CPU takes at once, which is 32 images at 64 pixels and 7 at 160.
    assert_array_equal(rows(X, n_jobs=2, batch_size=32 if size == 64 else 8), wanted)


def test_a_transform_leaves_the_number_of_threads_as_it_was(make_images):
    before = torch.get_num_threads()
    ConvFeatureExtractor(TinyNet).fit_transform(make_images(40))
    assert torch.get_num_threads() == before
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == before
