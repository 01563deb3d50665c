"""What a row depends on, and rows that must not exist."""

import numpy as np
import pytest
import torch
from helpers.networks import NormNet
from numpy.testing import assert_array_equal
from torch import nn

from sklearn_tl import ConvFeatureExtractor
from sklearn_tl.embedding.frozen_pass import MAX_COMPILED


def test_images_of_8_and_of_more_bits_in_one_chunk(make_images):
    X = make_images(4, 64, 64)
    deep = [image / np.float32(255.5) for image in X]  # no 8-bit levels
    extractor = ConvFeatureExtractor(image_size=64, cache=None).fit(X)
    mixed = extractor.transform([X[0], deep[1], X[2], deep[3]])
    alone = np.concatenate([extractor.transform(X), extractor.transform(deep)])
    np.testing.assert_allclose(mixed, alone[[0, 5, 2, 7]], rtol=1e-5, atol=1e-5)


class Scaled(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor


class NotWhite(nn.Module):
    """Goes beyond all numbers at a white image."""

    def forward(self, x):
        return torch.where(x.amin((1, 2, 3), keepdim=True) > 2, torch.inf, x)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_row_of_infinity_is_an_error_and_is_not_cached(precision, make_images):
    X = make_images(6)
    network = nn.Sequential(NotWhite(), NormNet())
    extractor = ConvFeatureExtractor(network, image_size=16, precision=precision)
    rows = extractor.fit_transform(X)
    X[4] = 255
    for _ in range(2):
        with pytest.raises(
            ValueError, match=rf"X.4. contains NaN or infinity .Sequential, in {precision}"
        ):
            extractor.transform(X)
    assert_array_equal(extractor.transform(X[:4]), rows[:4])


def test_bfloat16_reaches_as_far_as_float32(make_images):
    X, rows = make_images(3), []
    for precision in ("float32", "bfloat16"):
        network = NormNet()
        network.stage1.append(Scaled(1e30))
        network.stage2.append(Scaled(1e-25))
        extractor = ConvFeatureExtractor(network, image_size=16, precision=precision)
        rows.append(extractor.fit_transform(X))
    np.testing.assert_allclose(rows[1], rows[0], atol=0.03 * rows[0].max())


def test_a_backbone_keeps_a_bounded_number_of_compiled_networks(make_images):
    extractor = ConvFeatureExtractor("mobilenet_v3_small", weights=None, cache=None)
    X = make_images(1, 32, 32)
    for size in range(32, 32 + 2 * (MAX_COMPILED + 2), 2):
        extractor.set_params(image_size=size).fit(X)
        rows = extractor.transform(X)
    kept = extractor.frozen_pass().backbone.kept
    assert sum(key[0] == "compiled" for key in kept) == MAX_COMPILED
    assert_array_equal(extractor.transform(X), rows)


def test_large_patches_are_few_tokens_so_that_more_images_run_at_once(make_images):
    def chunk_size(backbone):
        extractor = ConvFeatureExtractor(backbone, weights=None)
        return extractor.fit(make_images(1)).frozen_pass().chunk_size

    assert chunk_size("timm/vit_small_patch32_224") == 800 // 50
    assert chunk_size("timm/vit_tiny_patch16_224") == chunk_size("efficientnet_lite0") == 4
