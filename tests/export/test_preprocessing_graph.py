"""The graph and the module resize and crop as the package does, whatever the size of the image."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sklearn_tl.export.geometry import TensorPreprocessing
from sklearn_tl.export.preprocessing_graph import preprocessing_graph
from sklearn_tl.images import IMAGENET, Preprocessing, Reading

SMALL = replace(IMAGENET, crop=(32, 32), resize=(36, 36))
WIDE = replace(IMAGENET, crop=(24, 40), resize=(27, 45))
# Larger, smaller, square, of odd sizes, very long, a line, a column, a pixel.
SIZES = [(50, 70), (71, 40), (36, 36), (32, 32), (20, 21), (7, 500), (301, 3), (1, 40), (40, 1)]
SIZES += [(1, 1), (33, 38), (33, 400)]


def expected(preprocessing, pixels):
    tiles = [preprocessing.levels(tile).numpy() for tile in preprocessing.tiles(pixels)]
    levels = np.stack(tiles).transpose(0, 3, 1, 2).astype(np.float32)
    return levels[None] if preprocessing.crop_mode == "tiles" else levels


@pytest.mark.parametrize("mode", ["crop", "pad", "squash", "tiles"])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("base", [SMALL, WIDE], ids=["square", "wide"])
def test_levels_of_all_sizes_are_those_of_the_package(
    make_images, opened, base, interpolation, mode
):
    preprocessing = replace(base, interpolation=interpolation).resized_by(mode)
    run = opened(preprocessing_graph(preprocessing, Reading()))
    for size in SIZES:
        (pixels,) = make_images(1, *size)
        levels, wanted = run(pixels[None])["levels"], expected(preprocessing, pixels)
        assert levels.shape == wanted.shape, size
        assert np.array_equal(levels, wanted), size


def test_several_images_of_one_size_keep_their_order(make_images, opened):
    images = make_images(3, 50, 70)
    for mode in ("crop", "tiles"):
        preprocessing = SMALL.resized_by(mode)
        levels = opened(preprocessing_graph(preprocessing, Reading()))(images)["levels"]
        each = np.concatenate([expected(preprocessing, image) for image in images])
        assert np.array_equal(levels, each)


@pytest.mark.parametrize(
    "preprocessing",
    [
        pytest.param(replace(SMALL, resize=(20, 20)), id="on black"),
        pytest.param(replace(SMALL, crop_mode="border"), id="border of timm"),
        pytest.param(replace(SMALL, resize=(20, 24), crop_mode="border"), id="small border"),
        pytest.param(replace(SMALL, crop=None), id="native"),
    ],
)
def test_other_ways_to_fill_the_input(make_images, opened, preprocessing):
    run = opened(preprocessing_graph(preprocessing, Reading()))
    for size in [(50, 70), (71, 40), (20, 21)]:
        (pixels,) = make_images(1, *size)
        levels, wanted = run(pixels[None])["levels"], expected(preprocessing, pixels)
        assert levels.shape == wanted.shape
        assert np.array_equal(levels, wanted)


def test_chosen_channels_of_images_with_more(make_images, opened):
    preprocessing = SMALL.of_channels(2)
    run = opened(preprocessing_graph(preprocessing, Reading(channels=(3, 0))))
    pixels = np.concatenate([make_images(1, 50, 70), make_images(1, 50, 70, seed=1)], axis=3)[0]
    levels = run(pixels[None])["levels"]
    assert np.array_equal(levels, expected(preprocessing, pixels[..., [3, 0]]))


@pytest.mark.parametrize("mode", ["crop", "pad"])
def test_value_range_makes_floats_of_any_unit(make_images, opened, mode):
    preprocessing = replace(SMALL, interpolation="bicubic").resized_by(mode)
    run = opened(preprocessing_graph(preprocessing, Reading(value_range=(100, 1100))))
    (pixels,) = make_images(1, 50, 70)
    shares = (pixels / np.float32(257)).astype(np.float32)
    levels = run(100 + 1000 * shares[None])["levels"]
    assert np.abs(levels - expected(preprocessing, shares)).max() < 1e-2


@pytest.mark.parametrize("mode", ["crop", "pad", "squash", "tiles"])
def test_tensors_give_the_same_bits_as_arrays(make_images, mode):
    plain = SMALL.resized_by(mode)
    preprocessing = TensorPreprocessing.of(plain)
    for size in SIZES:
        (pixels,) = make_images(1, *size)
        boxes = preprocessing.boxes(*size)
        tiles = [torch.from_numpy(pixels[None, t:b, left:r]) for t, b, left, r in boxes]
        levels = torch.cat([preprocessing.levels(tile) for tile in tiles])
        wanted = torch.stack([plain.levels(tile) for tile in plain.tiles(pixels)])
        assert torch.equal(levels, wanted), size


def test_preprocessing_of_another_network_is_kept():
    preprocessing = Preprocessing((8, 9), (10, 11), (0.5,), (0.2,), "bicubic", True, "border")
    assert TensorPreprocessing.of(preprocessing) == TensorPreprocessing(
        (8, 9), (10, 11), (0.5,), (0.2,), "bicubic", True, "border"
    )
