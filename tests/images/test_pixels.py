"""The numbers of one image become pixels."""

import io
import re
import tracemalloc

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from sklearn_tl.images import ImageWarning, Reading, as_images, to_uint8


def test_grey_becomes_rgb(make_images):
    grey = make_images(3)[..., 0]
    expected = np.repeat(grey[..., None], 3, axis=3)
    np.testing.assert_array_equal(list(as_images(grey)), expected)
    np.testing.assert_array_equal(list(as_images(grey[..., None])), expected)


def test_an_image_may_be_one_pixel():
    assert as_images(np.zeros((1, 1, 1, 3), dtype=np.uint8))[0].shape == (1, 1, 3)


def test_false_is_black_and_true_is_white():
    image = as_images(np.eye(4, dtype=bool)[None])[0]
    np.testing.assert_array_equal(image[..., 0], np.eye(4) * 255)


def test_more_than_8_bits_are_kept_as_floats():
    ramp = np.arange(0, 65536, 16, dtype=np.uint16).reshape(1, 64, 64)
    image = as_images(ramp)[0]
    assert image.dtype == np.float32
    np.testing.assert_allclose(image[..., 0], ramp[0] / 65535, atol=1e-7)


def test_value_range_is_a_linear_map():
    X = np.array([[[100.0, 150.0], [200.0, 250.0]]])
    np.testing.assert_allclose(
        as_images(X, Reading(value_range=(100, 200)))[0][..., 0], [[0, 0.5], [1, 1.5]], atol=1e-6
    )


def test_integers_with_a_value_range_of_8_bits_become_uint8():
    levels = np.arange(64).reshape(1, 8, 8)
    image = as_images(levels, Reading(value_range=(0, 255)))[0]
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, as_images(levels.astype(np.uint8))[0])


def test_transparent_pixels_are_laid_over_white():
    rgba = np.zeros((4, 4, 4), dtype=np.uint8)
    rgba[:2, :, 3] = 255
    rgba[2, :, 3] = 128
    for form in (rgba[None], rgba[None] / 255):
        image = as_images(form)[0]
        assert image[0].max() == 0
        assert (image[2] == 127).all()
        assert image[3].min() == 255


def test_a_large_image_is_worked_on_in_pieces_that_agree_with_the_whole():
    rng = np.random.default_rng(0)
    rgba = rng.integers(0, 256, (700, 900, 4), dtype=np.uint8)
    rgb, alpha = rgba[..., :3].astype(float), rgba[..., 3:] / 255
    expected = np.rint(rgb * alpha + 255 * (1 - alpha))
    for form in (rgba, rgba / 255):
        np.testing.assert_array_equal(as_images([form])[0], expected)
    grey = 257 * rng.integers(0, 256, (900, 900), dtype=np.uint16)
    np.testing.assert_array_equal(as_images([grey])[0][..., 1], grey // 257)
    grey[-1, -1] = 1  # is not a level of 8 bits, which only the last piece shows
    np.testing.assert_allclose(as_images([grey])[0][..., 2], grey / 65535, atol=1e-7)


@pytest.mark.parametrize("shape", [(700, 900, 4), (1, -1, 4), (-1, 1, 4)])
def test_a_large_image_takes_little_memory_while_it_is_worked_on(shape):
    rgba = np.random.default_rng(0).integers(0, 256, (700, 900, 4), dtype=np.uint8)
    tracemalloc.start()
    try:
        as_images([rgba.reshape(shape)])[0]
        assert tracemalloc.get_traced_memory()[1] < 4 * rgba.nbytes
    finally:
        tracemalloc.stop()


def test_pixels_that_are_uint8_already_are_returned_as_they_are():
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert to_uint8(pixels) is pixels


def test_float_pixels_become_the_nearest_level_and_are_clipped():
    pixels = np.array([[[-1.0, 0.0, 0.4 / 255], [0.6 / 255, 1.0, 1.5]]], dtype=np.float32)
    levels = to_uint8(pixels)
    assert levels.dtype == np.uint8
    np.testing.assert_array_equal(levels, [[[0, 0, 0], [1, 255, 255]]])


def nan_image():
    image = np.zeros((4, 4))
    image[1, 2] = np.nan
    return image


BAD_NUMBERS = {
    "NaN": (nan_image(), ValueError, "NaN or infinity"),
    "infinity": (np.full((4, 4), np.inf), ValueError, "NaN or infinity"),
    "above 1": (np.full((4, 4), 200.0), ValueError, r"200 to 200.*value_range=\(0, 255\)"),
    "below 0": (np.full((4, 4), -0.5), ValueError, r"-0\.5.*value_range"),
    "int64": (np.full((4, 4), 3), ValueError, "int64.*value_range"),
    "complex": (np.zeros((4, 4), complex), ValueError, "Complex"),
    "strings": (np.full((4, 4), "a"), TypeError, "expected numbers"),
    "2 channels": (np.zeros((4, 4, 2)), ValueError, r"\(4, 4, 2\).*1, 3 or 4"),
    "channels first": (np.zeros((3, 4, 4 + 1)), ValueError, r"transpose\(1, 2, 0\)"),
    "no pixel": (np.zeros((0, 5)), ValueError, r"is empty: its shape is \(0, 5\)"),
}


@pytest.mark.parametrize("case", BAD_NUMBERS)
def test_numbers_that_are_not_an_image_are_refused_with_the_index(case):
    item, error, message = BAD_NUMBERS[case]
    images = as_images([np.zeros((4, 4)), item])
    with pytest.raises(error, match=re.compile(rf"X\[1\].*{message}", re.DOTALL)):
        images[1]


def test_a_normalised_image_gets_the_advice_to_leave_normalize_out():
    with pytest.raises(
        ValueError, match=r"leave that step \(Normalize\) out.*value_range=\(-2, 2\)"
    ):
        as_images(np.array([[[-2.0, 2.0]]]))[0]
    with pytest.raises(ValueError, match=r"from 0 to 1\. Set value_range"):
        as_images(np.array([[[0.0, 2.0]]]))[0]


def test_channels_that_seem_to_come_first_are_an_error():
    bands = np.zeros((5, 64, 60), dtype=np.uint16)
    reading = Reading(channels=(3, 2, 1))
    for X in ([bands], np.stack([bands] * 2)):
        with pytest.raises(ValueError, match=r"channels seem to come first.*transpose\(1, 2, 0\)"):
            as_images(X, reading)[0]
    with pytest.raises(ValueError, match=r"channels seem to come last.*permute\(2, 0, 1\)"):
        as_images(torch.zeros(2, 64, 60, 5), reading)[0]


@pytest.mark.parametrize("opaque", [4095, 65535])
@pytest.mark.parametrize("kind", ["array", "PNG", "TIFF"])
def test_alpha_has_the_range_that_it_fills(opaque, kind):
    rgba = np.random.default_rng(0).integers(0, 4096, (6, 8, 4)).astype(np.uint16)
    rgba[..., 3] = opaque
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, rgba, photometric="rgb", extrasamples=["unassalpha"])
    item = {"array": rgba, "PNG": imagecodecs.png_encode(rgba), "TIFF": buffer.getvalue()}[kind]
    pixels = as_images([item], Reading(value_range=(0, 4095)))[0]
    np.testing.assert_allclose(pixels, rgba[..., :3] / 4095, atol=1e-6)
    chosen = as_images([item], Reading(value_range=(0, 4095), channels=(0, 3)))[0]
    np.testing.assert_allclose(chosen, rgba[..., [0, 3]] / 4095, atol=1e-5)


def test_grey_and_alpha_are_two_channels():
    la = Image.merge("LA", [Image.new("L", (3, 2), 50), Image.new("L", (3, 2), 200)])
    buffer = io.BytesIO()
    la.save(buffer, "PNG")
    for item in (la, buffer.getvalue()):
        assert as_images([item], Reading(channels=(0, 1)))[0][0, 0].tolist() == [50, 200]


def test_frames_are_laid_over_white_before_they_are_averaged():
    frames = [Image.new("RGBA", (4, 4), colour) for colour in ((255, 0, 0, 255), (0, 0, 0, 0))]
    buffer = io.BytesIO()
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:], disposal=1, blend=0)
    found = {p: as_images([buffer.getvalue()], Reading(page=p))[0][0, 0].tolist() for p in
             (0, 1, "mean", "max")}  # fmt: skip
    assert found == {
        0: [255, 0, 0], 1: [255, 255, 255], "mean": [255, 128, 128], "max": [255, 255, 255],
    }  # fmt: skip


@pytest.mark.parametrize("order", "<>")
def test_dark_images_are_recognised_in_both_orders_of_bytes(order):
    images = as_images(np.full((2, 4, 4), 4000, dtype=f"{order}u2"))
    images[0], images[1]
    with pytest.warns(ImageWarning, match=r"value_range=\(0, 4095\)"):
        images.notices.warn()
    images[0]
    images.notices.warn(all_were_read=False)  # the others may be bright
