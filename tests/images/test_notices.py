"""What is guessed or left out is said once per call, with what to type instead."""

import io

import numpy as np
import pytest
import tifffile
from helpers.networks import TinyNet
from PIL import Image

from sklearn_tl import ConvFeatureExtractor, ImageWarning
from sklearn_tl.comparison import RawPixels

LEVELS = np.random.default_rng(0).integers(0, 256, (3, 6, 8, 4), dtype=np.uint8)


def rows(X, **parameters):
    return ConvFeatureExtractor(TinyNet, image_size=16, **parameters).fit_transform(X)


def stack(*pages, **options):
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        for page in pages:
            writer.write(page, **options)
    return buffer.getvalue()


def gif(n):
    buffer = io.BytesIO()
    frames = [Image.new("RGB", (5, 4), (60 * i, 9, 9)) for i in range(n)]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


DARK = [(1023, "10"), (4095, "12"), (16383, "14"), (200, "8")]


@pytest.mark.parametrize(("peak", "bits"), DARK)
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_images_that_stay_below_a_quarter_of_their_range_are_said_once(peak, bits, n_jobs):
    X = [np.full((6, 8), level, dtype=np.uint16) for level in range(peak - 39, peak + 1)]
    files = [stack(image) for image in X]
    match = rf"any of the 40 images is above {peak}.*have {bits} bits, set value_range=\(0, "
    for form in (X, files):
        with pytest.warns(ImageWarning, match=match) as caught:
            rows(form, n_jobs=n_jobs, cache=None)
        assert len(caught) == 1


def test_one_image_that_uses_its_range_is_enough():
    rows([np.full((6, 8), level, dtype=np.uint16) for level in (100, 16384)])
    rows([np.full((6, 8), 4095, dtype=np.uint16)], value_range=(0, 4095))
    rows([np.zeros((6, 8), dtype=np.uint16)])  # black, of which nothing can be said


def test_floats_that_stay_below_a_quarter_are_said():
    with pytest.warns(ImageWarning, match=r"do not reach 1, set value_range=\(0, 0.0625\)"):
        rows([np.full((6, 8), 0.0625)])


def test_a_fourth_channel_of_an_array_is_said_to_be_taken_for_alpha():
    match = r"3 images \(X\[0\] is the first\) have 4 channels.*channels=\(0, 1, 2, 3\)"
    with pytest.warns(ImageWarning, match=match):
        guessed = rows(LEVELS)
    opaque = np.concatenate([LEVELS[..., :3], np.full_like(LEVELS[..., 3:], 255)], axis=3)
    left_out = rows(LEVELS, channels=(0, 1, 2))  # no warning
    np.testing.assert_array_equal(rows(opaque), left_out)  # nor here, as nothing is transparent
    assert not np.array_equal(guessed, left_out)


def test_a_fourth_band_of_a_file_that_is_not_alpha_is_left_out_aloud():
    data = stack(LEVELS[0], photometric="rgb", extrasamples=["unspecified"])
    with pytest.warns(ImageWarning, match="has channels beyond RGB, which are left out"):
        found = rows([data])
    np.testing.assert_array_equal(found, rows([LEVELS[0, ..., :3]]))
    np.testing.assert_array_equal(found, rows([data], channels=(0, 1, 2)))
    infrared = rows([data], channels=(3, 3, 3))
    np.testing.assert_array_equal(infrared, rows([LEVELS[0, ..., 3]]))


@pytest.mark.parametrize("data", [stack(*LEVELS[..., 0]), gif(3)], ids=["TIFF", "GIF"])
def test_pages_that_are_not_read_are_said(data):
    with pytest.warns(ImageWarning, match=r"X\[1\] has more than one page, .*page=0"):
        first = rows([LEVELS[0, ..., :3], data])
    np.testing.assert_array_equal(rows([LEVELS[0, ..., :3], data], page=0), first)


def test_a_value_range_that_is_not_applied_is_said(tmp_path):
    Image.fromarray(LEVELS[0, ..., :3]).save(tmp_path / "a.png")
    with pytest.warns(ImageWarning, match=r"X\[0\] \('.*a.png'\) has 8 bits, and value_range"):
        rows([tmp_path / "a.png"], value_range=(0, 4095))


def test_pils_limit_is_said_not_to_apply(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.warns(ImageWarning, match=r"PIL.Image.MAX_IMAGE_PIXELS=10 .*max_pixels=10"):
        rows(LEVELS[..., :3])
    with pytest.raises(ValueError, match="5 x 4 pixels are more than max_pixels=10"):
        rows([gif(1)], max_pixels=10)


def wide(n, width=100):
    return list(np.random.default_rng(1).integers(0, 256, (n, 20, width, 3), dtype=np.uint8))


CROPPED = r"lose more than half of their area.*resize_mode=\"pad\".*\"squash\".*\"tiles\""


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_images_that_lose_more_than_half_are_said_once(n_jobs, tmp_path):
    X = [*wide(40), *wide(40, 20)]
    match = rf"^40 images \(X\[0\] is the first\) {CROPPED}"
    with pytest.warns(ImageWarning, match=match) as caught:
        rows(X, n_jobs=n_jobs)
    assert len(caught) == 1
    if n_jobs is None:
        rows(X)  # they come from the cache, and all was said
    for mode in ("pad", "squash", "tiles"):
        rows(X, n_jobs=n_jobs, resize_mode=mode)


def test_few_cropped_images_and_lines_of_pixels_are_not_said():
    rows(wide(4))
    rows([*wide(10), *wide(30, 20)])
    rows(np.random.default_rng(0).random((9, 70)), image_shape="strip")
    rows(wide(9, 25))  # 4 : 5


def test_the_path_of_a_cropped_image_is_said(tmp_path):
    for i, image in enumerate(wide(5)):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    with pytest.warns(ImageWarning, match=rf"5 images \(X\[0\] \('.*0.png'\) is.*{CROPPED}"):
        rows(sorted(tmp_path.iterdir()))


def test_gaps_between_tiles_are_said():
    match = r"^X\[1\] has more parts than the 16 tiles.*gaps.*resize_mode=\"squash\""
    with pytest.warns(ImageWarning, match=match):
        rows([*wide(1), *wide(1, 400)], resize_mode="tiles")


def test_raw_pixels_say_nothing_of_a_parameter_that_they_do_not_have():
    RawPixels().fit_transform(wide(8))
