"""Pixels become network input, and every part of an image arrives where it should."""

from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
import torchvision
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

from sklearn_tl._utils import release_all
from sklearn_tl.images import (
    IMAGENET,
    Preprocessing,
    timm_preprocessing,
    torchvision_preprocessing,
    transformers_preprocessing,
)
from sklearn_tl.images.preprocessing import _line
from sklearn_tl.images.presets import PRESET_ATTRIBUTES

SQUARE = Preprocessing((24, 24), (28, 28), (0, 0, 0), (1, 1, 1))
OBLONG = Preprocessing((20, 30), (26, 39), (0, 0, 0), (1, 1, 1), interpolation="bicubic")
LARGE = Preprocessing((224, 224), (256, 256), (0, 0, 0), (1, 1, 1))
SQUASHED = replace(OBLONG, crop_mode="squash")
ALL_KINDS = pytest.mark.parametrize("preprocessing", [SQUARE, OBLONG, LARGE, SQUASHED])


def seen(preprocessing, image):
    """Return what the network gets of a grey image, as one channel of numbers."""
    return preprocessing(np.repeat(image[..., None], 3, axis=2).astype(np.float32))[0].numpy()


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((28, 28), (2, 2, 26, 26)),  # the crop alone
        ((56, 56), (4, 4, 52, 52)),  # at half the size
        ((28, 112), (44, 2, 68, 26)),
        ((112, 28), (2, 44, 26, 68)),
        ((56, 6000), (2976, 4, 3024, 52)),  # whose ends are cut off before the resize
        ((6000, 56), (4, 2976, 52, 3024)),
    ],
)
def test_the_visible_box_is_the_centre_that_is_left_after_the_crop(size, box):
    assert SQUARE.visible_box(*size) == box
    assert all(isinstance(edge, float) for edge in SQUARE.visible_box(*size))


def test_the_visible_box_is_the_whole_image_if_nothing_is_cropped():
    assert SQUARE.at("native", draft=False).visible_box(40, 70) == (0, 0, 70, 40)
    assert SQUARE.visible_box(1, 700) == (0, 0, 700, 1)  # one line of pixels is stretched


def test_the_visible_box_of_a_crop_that_is_larger_than_the_image_reaches_into_the_padding():
    padded = Preprocessing((32, 32), (28, 28), (0, 0, 0), (1, 1, 1))
    assert padded.visible_box(28, 28) == (-2, -2, 30, 30)
    image = np.zeros((28, 28))
    image[0] = 1
    np.testing.assert_array_equal(np.flatnonzero(seen(padded, image).any(axis=1)), 2)


@ALL_KINDS
@pytest.mark.parametrize("width", [57, 400, 3001])
@pytest.mark.parametrize("turned", [False, True])
def test_a_bright_column_arrives_where_the_visible_box_says(preprocessing, width, turned):
    height = 57
    size = (width, height) if turned else (height, width)
    left, top, right, bottom = preprocessing.visible_box(*size)
    start, end = (top, bottom) if turned else (left, right)
    length = preprocessing.crop[0 if turned else 1]
    for share in (0.2, 0.47, 0.8):
        column = int(start + share * (end - start))
        image = np.zeros((height, width))
        image[:, column - 1 : column + 2] = 1
        profile = seen(preprocessing, image.T if turned else image).mean(axis=1 if turned else 0)
        arrived = (profile * (np.arange(length) + 0.5)).sum() / profile.sum()
        expected = (column + 0.5 - start) / (end - start) * length
        assert arrived == pytest.approx(expected, abs=0.1)


@ALL_KINDS
@pytest.mark.parametrize(
    "size",
    [
        (28, 28),
        (31, 33),
        (40, 52),
        (53, 41),
        (401, 100),
        (1000, 1501),
        (2, 6000),
        (999, 3),
        (1, 77),
    ],
)
def test_every_pixel_of_the_input_comes_from_its_place_in_the_visible_box(preprocessing, size):
    left, top, right, bottom = preprocessing.visible_box(*size)
    for axis, start, end in ((0, top, bottom), (1, left, right)):
        length, n = preprocessing.crop[axis], size[axis]
        # In an image whose pixels say where they are, ...
        ramp = np.arange(n) + 0.5
        image = np.broadcast_to(ramp[:, None] if axis == 0 else ramp, size)
        got = seen(preprocessing, image / n).mean(axis=1 - axis) * n
        # ... each pixel of the input says where it came from; beyond the edges nothing changes.
        wanted = start + (np.arange(length) + 0.5) * (end - start) / length
        wanted = wanted.clip(0.5, n - 0.5)
        np.testing.assert_allclose(got, wanted, atol=0.1 * max(1, (end - start) / length))


@pytest.mark.parametrize("size", [(60, 90), (56, 6000), (6000, 56)])
def test_pixels_outside_the_visible_box_have_no_influence_and_those_at_its_edge_have(size):
    left, top, right, bottom = SQUARE.visible_box(*size)
    reach = min(size) / 28  # of the filter, beyond the edge of a pixel
    nothing = seen(SQUARE, np.zeros(size))
    for axis, start, end in ((0, top, bottom), (1, left, right)):
        outside, edge = np.zeros(size), np.zeros(size)
        lines = np.moveaxis(outside, axis, 0)
        lines[: max(int(start - reach), 0)] = lines[int(np.ceil(end + reach)) :] = 1
        assert outside.any()
        np.testing.assert_array_equal(seen(SQUARE, outside), nothing)
        np.moveaxis(edge, axis, 0)[int(start)] = np.moveaxis(edge, axis, 0)[int(end) - 1] = 1
        got = np.moveaxis(seen(SQUARE, edge), axis - 2, 0)
        assert got[0].min() > 0
        assert got[-1].min() > 0
        assert not got[3:-3].any()


def test_torchvisions_presets_have_the_attributes_that_are_read():
    preset = torchvision.models.ResNet18_Weights.DEFAULT.transforms()
    missing = [name for name in PRESET_ATTRIBUTES if not hasattr(preset, name)]
    assert not missing, (
        f"The presets of torchvision {torchvision.__version__} have no {missing}. Adapt "
        "PRESET_ATTRIBUTES and torchvision_preprocessing in sklearn_tl/images/presets.py."
    )


def test_the_preprocessing_of_torchvisions_weights_gives_what_torchvision_gives(make_images):
    preset = torchvision.models.ResNet18_Weights.IMAGENET1K_V1.transforms()
    preprocessing = torchvision_preprocessing(preset)
    for image in (*make_images(2, 300, 401), *make_images(1, 90, 57)):
        image = image.astype(np.float32) / 255  # levels of 8 bits would be rounded differently
        expected = preset(torch.from_numpy(image).movedim(-1, 0))
        torch.testing.assert_close(preprocessing(image), expected, rtol=0, atol=1e-5)


def test_another_input_size_keeps_the_share_of_the_image():
    preprocessing = LARGE.at(112, draft=True)
    assert (preprocessing.crop, preprocessing.resize) == ((112, 112), (128, 128))
    assert preprocessing.at_least == 256
    assert LARGE.at((112, 56), draft=False).resize == (128, 64)
    assert LARGE.at(np.int64(112), draft=True) == preprocessing
    assert repr(LARGE.at(np.int64(112), draft=True)) == repr(preprocessing)
    assert LARGE.at(None, draft=False) is LARGE
    assert LARGE.at("native", draft=True).at_least is None


def test_the_text_of_a_preprocessing_does_not_change_from_version_to_version():
    # Stored rows are found by it: if it has to change, raise ROWS_VERSION.
    assert repr(SQUARE) == (
        "Preprocessing(crop=(24, 24), resize=(28, 28), mean=(0, 0, 0), std=(1, 1, 1), "
        "interpolation='bilinear', draft=False, crop_mode='center')"
    )


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("shape", [(), (1,), (3,)])
def test_images_are_scaled_and_cropped_to_the_bits_of_torchvision(interpolation, dtype, shape):
    rng = np.random.default_rng(0)
    preprocessing = Preprocessing((40, 30), (44, 33), (0, 0, 0), (1, 1, 1), interpolation)
    for size in [(44, 33), (43, 90), (150, 31), (5, 3), (300, 301), (44, 34)]:
        pixels = rng.integers(0, 256, (*shape, *size, 3)).astype(dtype)
        image = torch.from_numpy(pixels).movedim(-1, -3)
        got = preprocessing.scale(pixels)
        options = {"interpolation": InterpolationMode(interpolation), "antialias": True}
        wanted = F.resize(image, list(got.shape[-2:]), **options)
        assert torch.equal(got, wanted)
        assert got.stride() == wanted.stride()
        wanted = F.center_crop(wanted, [40, 30]).movedim(-3, -1)
        scale = 1 if dtype == "uint8" else 255
        assert torch.equal(preprocessing.levels(pixels), wanted * scale)


def test_a_crop_of_a_smaller_image_is_padded_as_by_torchvision():
    pixels = np.random.default_rng(0).integers(0, 256, (25, 31, 3), dtype=np.uint8)
    for crop in [(30, 20), (28, 40), (29, 36), (20, 21)]:
        preprocessing = Preprocessing(crop, (25, 31), (0, 0, 0), (1, 1, 1))
        wanted = F.center_crop(torch.from_numpy(pixels).movedim(-1, 0), list(crop))
        assert torch.equal(preprocessing.levels(pixels), wanted.movedim(0, -1))


def test_the_preprocessing_of_imagenet_is_that_of_torchvision():
    preset = torchvision.models.ResNet18_Weights.IMAGENET1K_V1.transforms()
    assert torchvision_preprocessing(preset) == IMAGENET


def test_the_factors_of_the_normalisation_are_freed_with_everything_else():
    SQUARE(np.zeros((30, 30, 3), dtype=np.uint8))
    assert _line.cache_info().currsize > 0
    release_all()
    assert _line.cache_info().currsize == 0


@pytest.mark.parametrize("crop_mode", ["center", "squash", "border"])
@pytest.mark.parametrize("share", [0.9, 1.0])
@pytest.mark.parametrize("size", [(427, 640), (640, 427), (200, 200), (60, 90)])
def test_images_are_cropped_as_timm_crops_them(crop_mode, share, size, make_images):
    config = {
        "input_size": (3, 224, 224),
        "crop_pct": share,
        "crop_mode": crop_mode,
        "interpolation": "bicubic",
        "mean": (0.48, 0.3, 0.41),
        "std": (0.26, 0.27, 0.28),
    }
    (pixels,) = make_images(1, *size)
    wanted = timm.data.create_transform(**config)(Image.fromarray(pixels))
    preprocessing = timm_preprocessing(config)
    for image, tolerance in ((pixels, 2.01), (pixels / 255, 2.6)):  # PIL works on 8 bits
        got = preprocessing(image.astype(image.dtype if image.dtype == np.uint8 else np.float32))
        assert (got - wanted).abs().max() < tolerance / 255 / 0.26
    assert not torch.allclose(
        preprocessing(pixels),
        timm_preprocessing(config | {"crop_mode": "center" if crop_mode != "center" else "squash"})(
            pixels
        ),
        atol=0.5,
    ) or size == (200, 200)


def test_the_visible_box_with_a_border_reaches_beyond_the_image():
    bordered = replace(SQUARE, crop_mode="border")
    assert bordered.visible_box(28, 56) == (4, -10, 52, 38)


class Processor:
    """An image processor of the transformers library, as far as it is read."""

    image_mean, image_std, resample, rescale_factor = [0.5] * 3, [0.25] * 3, 3, 1 / 255
    do_center_crop, crop_size = True, {"height": 224, "width": 224}

    def __init__(self, size, **others):
        vars(self).update(others, size=size)


@pytest.mark.parametrize(
    ("processor", "crop", "resize", "mode"),
    [
        (Processor({"shortest_edge": 256}), 224, 256, "center"),
        (Processor({"height": 384, "width": 384}, do_center_crop=False), 384, 384, "squash"),
        (
            Processor({"shortest_edge": 224}, do_center_crop=False, crop_pct=0.875),
            224,
            256,
            "center",
        ),
    ],
)
def test_image_processors_of_transformers_are_known(processor, crop, resize, mode):
    got = transformers_preprocessing(processor)
    assert (got.crop, got.resize, got.crop_mode) == ((crop,) * 2, (resize,) * 2, mode)
    assert (got.mean, got.std, got.interpolation) == ((0.5,) * 3, (0.25,) * 3, "bicubic")


def test_an_image_processor_that_does_more_is_refused():
    with pytest.raises(ValueError, match="rescale_factor=1"):
        transformers_preprocessing(Processor({"shortest_edge": 256}, rescale_factor=1.0))


def test_crop_leaves_the_preprocessing_as_it_is():
    assert SQUARE.resized_by("crop") is SQUARE  # it is a part of the key of cached rows
    assert SQUASHED.resized_by("crop") is SQUASHED


def test_pad_shows_the_whole_image_on_the_mean_colour():
    padded = replace(OBLONG, mean=(0.2, 0.4, 0.6)).resized_by("pad")
    for size, box in (((40, 30), (7, 0, 22, 20)), ((10, 60), (0, 7, 30, 12))):
        levels = padded.levels(np.full((*size, 3), 255, dtype=np.uint8))
        left, top, right, bottom = box
        rows, columns = np.nonzero((levels == 255).all(dim=2).numpy())
        assert (columns.min(), columns.max() + 1) == (left, right)
        assert (rows.min(), rows.max() + 1) == (top, bottom)
        assert levels[0, 0].tolist() == [51, 102, 153]
        assert padded.visible_share(*size) == 1
        # What augmentation gets is what the network sees.
        assert padded.scale(np.zeros((*size, 3), dtype=np.uint8)).shape == (3, 20, 30)


def test_squash_stretches_the_whole_image():
    image = np.zeros((40, 400))
    image[:, :40], image[:, -40:] = 1, 1
    for mode, ends in (("squash", 1), ("crop", 0)):
        got = seen(SQUARE.resized_by(mode), image)
        assert round(got[12, 0]) == round(got[12, -1]) == ends
    assert SQUARE.resized_by("squash").visible_box(40, 400) == (0, 0, 400, 40)


def test_tiles_are_inputs_without_a_margin(make_images):
    tiled = SQUARE.resized_by("tiles")
    (pixels,) = make_images(1, 24, 60)
    wanted = [pixels[:, :24], pixels[:, 18:42], pixels[:, 36:]]
    for tile, part in zip(tiled.tiles(pixels), wanted, strict=True):
        np.testing.assert_array_equal(tile, part)
        np.testing.assert_array_equal(tiled.levels(tile), part)
    (line,) = tiled.tiles(pixels[:1])  # one line of pixels is stretched
    assert line.shape == (1, 60, 3)
    assert len(SQUARE.tiles(pixels)) == 1
    with pytest.raises(ValueError, match='tiles" there are no activation maps.*"pad"'):
        tiled(pixels)


def test_the_visible_share_is_what_is_left_of_the_area():
    assert SQUARE.visible_share(28, 28) == pytest.approx((24 / 28) ** 2)
    assert SQUARE.visible_share(280, 560) == pytest.approx((24 / 28) ** 2 / 2)
    assert SQUARE.visible_share(1, 700) == 1
    padded = Preprocessing((32, 32), (28, 28), (0, 0, 0), (1, 1, 1))
    assert padded.visible_share(28, 28) == 1  # which is not more than all
    tiled = SQUARE.resized_by("tiles")
    assert tiled.visible_share(1, 700) == tiled.visible_share(30, 450) == 1
    assert tiled.visible_share(10, 320) == 0.5  # in 16 tiles
    assert tiled.visible_box(10, 320) == (0, 0, 320, 10)
