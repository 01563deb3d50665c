"""Image files and PIL images become pixels, and every broken file is named."""

import io
import os
import re
import warnings
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageOps

import sklearn_tl.images
from sklearn_tl import ConvFeatureExtractor
from sklearn_tl.images import FORMAT_NAMES, FORMATS, Reading, as_images
from sklearn_tl.images.refusals import unreadable


@pytest.fixture
def pixels(make_images):
    return make_images(3, height=20, width=31)


def save(image, path, **options):
    image.save(path, **options)
    return path


# --- formats ------------------------------------------------------------------------------------

pillow_heif.register_heif_opener()  # so that PIL can write such files
SUFFIXES = [suffix for suffixes in FORMATS.values() for suffix in suffixes]
LOSSLESS = {
    ".webp": {"lossless": True},
    ".heic": {"quality": -1, "chroma": 444, "matrix_coefficients": 0},
    ".heif": {"quality": -1, "chroma": 444, "matrix_coefficients": 0},
}
LOSES_COLOURS = (".jpg", ".jpeg", ".jfif", ".gif", ".pgm", ".pbm", ".avif")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_that_is_listed_is_read(suffix, pixels, tmp_path):
    image = Image.fromarray(pixels[0])
    path = save(image, tmp_path / f"a{suffix}", **LOSSLESS.get(suffix, {}))
    with Image.open(path) as file:
        assert file.format in FORMATS
        np.testing.assert_array_equal(as_images([path])[0], np.asarray(file.convert("RGB")))
    if suffix not in LOSES_COLOURS:
        np.testing.assert_array_equal(as_images([path])[0], pixels[0])


def test_the_endings_are_those_that_pil_gives_to_the_formats():
    Image.init()
    assert {suffix: Image.EXTENSION[suffix] for suffix in SUFFIXES} == {
        suffix: name for name, suffixes in FORMATS.items() for suffix in suffixes
    }


def test_the_error_and_the_manual_list_the_formats_that_are_read():
    listed = f"{', '.join(list(FORMATS)[:-1])} and {list(FORMATS)[-1]}"
    assert listed == FORMAT_NAMES
    assert f"are {listed}." in str(unreadable(OSError(), "X[0]"))
    manual = Path(sklearn_tl.images.__file__).with_name("README.md").read_text(encoding="utf-8")
    counts = re.findall(r"(\w+) formats", manual)
    assert {"Nine": 9}[counts[0]] == len(FORMATS)
    assert manual.count(listed) >= 1


# --- what is in a file --------------------------------------------------------------------------


def test_a_jpeg_file_is_read_as_pil_reads_it(pixels, tmp_path):
    path = save(Image.fromarray(pixels[0]), tmp_path / "a.jpg")
    with Image.open(path) as image:
        from_path, from_pil = as_images([path])[0], as_images([image])[0]
        np.testing.assert_array_equal(from_path, np.asarray(image))
        np.testing.assert_array_equal(from_path, from_pil)


def test_a_cmyk_file_becomes_rgb(tmp_path):
    path = save(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), tmp_path / "a.jpg")
    red = as_images([path])[0][4, 4]
    assert red[0] > 200
    assert max(red[1:]) < 60


def test_transparent_pixels_of_a_file_are_laid_over_white(tmp_path):
    rgba = np.zeros((3, 4, 4), dtype=np.uint8)
    rgba[0, :, 3] = 255
    rgba[1, :, 3] = 128
    image = as_images([save(Image.fromarray(rgba), tmp_path / "a.png")])[0]
    assert image[0].max() == 0
    assert (image[1] == 127).all()
    assert image[2].min() == 255


def test_a_transparent_colour_of_a_palette_becomes_white(tmp_path):
    image = Image.new("P", (2, 1), 0)
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.putpixel((1, 0), 1)
    path = save(image, tmp_path / "a.png", transparency=0)
    np.testing.assert_array_equal(as_images([path])[0], [[[255, 255, 255], [200, 0, 0]]])


def test_files_of_more_than_8_bits_keep_them(tmp_path):
    ramp = np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16)
    png = save(Image.fromarray(ramp), tmp_path / "a.png")
    np.testing.assert_allclose(as_images([png])[0][..., 0], ramp / 65535, atol=1e-6)
    # A camera of 12 bits writes files of 16 bits.
    np.testing.assert_allclose(
        as_images([png], Reading(value_range=(0, 4095)))[0][..., 0], ramp / 4095, rtol=1e-6
    )
    tiff = save(Image.fromarray(ramp.astype(np.float32) / 65536), tmp_path / "a.tiff")
    np.testing.assert_allclose(as_images([tiff])[0][..., 2], ramp / 65536, atol=1e-6)


def test_value_range_does_not_apply_to_files_of_8_bits(pixels, tmp_path):
    path = save(Image.fromarray(pixels[0]), tmp_path / "a.png")
    np.testing.assert_array_equal(as_images([path], Reading(value_range=(0, 4095)))[0], pixels[0])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation, tmp_path):
    upright = np.zeros((16, 24, 3), dtype=np.uint8)
    upright[:8, :12] = 255  # the top left corner
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    turned = Image.fromarray(upright)
    if undo is not None:
        turned = turned.transpose(Image.Transpose(undo))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(turned, tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(as_images([path])[0], upright)
    with Image.open(path) as image:
        np.testing.assert_array_equal(as_images([image])[0], upright)


def test_the_first_frame_of_an_animation_is_read(tmp_path):
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "blue")]
    path = save(frames[0], tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert tuple(as_images([path])[0][0, 0]) == (255, 0, 0)


# --- decoding at a reduced size -----------------------------------------------------------------


def test_a_large_jpeg_file_is_decoded_smaller_but_not_too_small(tmp_path, make_images):
    Image.fromarray(make_images(1, 900, 1300)[0]).save(tmp_path / "a.jpg", quality=95)
    Image.fromarray(make_images(1, 900, 1300)[0]).save(tmp_path / "a.png")
    jpeg, png = (as_images([tmp_path / name]).open(0) for name in ("a.jpg", "a.png"))
    sizes = {n: jpeg.decode(n).shape for n in (None, 1000, 451, 450, 225, 100, 10)}
    assert sizes[None] == sizes[1000] == sizes[451] == (900, 1300, 3)
    assert sizes[450] == (450, 650, 3)
    assert sizes[225] == (225, 325, 3)
    assert sizes[100] == sizes[10] == (113, 163, 3)
    assert png.decode(100).shape == (900, 1300, 3)


@pytest.mark.parametrize("orientation", [1, 6])
def test_draft_moves_rows_a_little_and_can_be_turned_off(tmp_path, make_images, orientation):
    X = make_images(3, 1200, 1600)
    exif = Image.Exif()
    exif[0x0112] = orientation
    paths = [tmp_path / f"{i}.jpg" for i in range(len(X))]
    for image, path in zip(X, paths, strict=True):
        Image.fromarray(image).save(path, quality=95, exif=exif)
    arrays = [np.asarray(ImageOps.exif_transpose(Image.open(path))) for path in paths]
    exact, draft, from_arrays = (
        ConvFeatureExtractor(image_size=64, draft=draft).fit_transform(some)
        for draft, some in ((False, paths), (True, paths), (True, arrays))
    )
    np.testing.assert_array_equal(exact, from_arrays)
    assert not np.array_equal(exact, draft)
    cosine = (exact * draft).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(draft, axis=1)
    assert cosine.min() > 0.99


# --- files that cannot be read ------------------------------------------------------------------


def text_file(path):
    path.write_text("not a photograph")


def truncated(path):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG")
    path.write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])


def bomb(path):
    # A header of 60000 x 60000 pixels and no data: refused from the header.
    Image.new("1", (4, 4)).save(path, format="PNG")
    data = bytearray(path.read_bytes())
    data[16:24] = (60000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    path.write_bytes(data)


BAD_FILES = {
    "missing": (lambda path: None, FileNotFoundError, "does not exist.*absolute"),
    "directory": (lambda path: path.mkdir(), IsADirectoryError, "is a directory"),
    "empty": (lambda path: path.touch(), ValueError, "0 bytes"),
    "text": (text_file, ValueError, r"not an image that can be read \(.*: unknown format\)"),
    "truncated": (truncated, ValueError, "truncated"),
    "bomb": (bomb, ValueError, "refused before decoding"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_file_that_cannot_be_read_is_named_by_index_and_path(case, pixels, tmp_path):
    make, error, message = BAD_FILES[case]
    path = tmp_path / "bad.jpg"
    make(path)
    images = as_images([pixels[0], str(path)])
    with pytest.raises(error, match=message) as caught:
        images[1]
    assert "X[1]" in str(caught.value)
    assert "bad.jpg" in str(caught.value)


def test_a_path_with_a_zero_byte_is_refused():
    with pytest.raises(ValueError, match=r"X\[0\] .* is not a file path"):
        as_images(["a\0b.jpg"])[0]


def test_a_pil_image_that_cannot_be_read_is_named(tmp_path):
    truncated(tmp_path / "half.jpg")
    with (
        Image.open(tmp_path / "half.jpg") as half,
        pytest.raises(ValueError, match="read") as caught,
    ):
        as_images([half])[0]
    assert "X[0]" in str(caught.value)
    assert "half.jpg" in str(caught.value)
    with pytest.raises(ValueError, match=r"X\[0\]"):
        as_images([half])[0]  # closed


def test_patterns_and_folders_get_advice_on_how_to_list_files(tmp_path):
    for X in ([tmp_path / "*.jpg"], [tmp_path]):
        with pytest.raises(OSError, match=r"glob\('\*\*/\*\.jpg'\)") as caught:
            as_images(X)[0]
        assert "Errno" not in str(caught.value)


def test_a_bomb_is_refused_even_if_pils_warning_is_ignored(tmp_path):
    bomb(tmp_path / "bomb.png")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match="max_pixels=3600000000"):
            as_images([tmp_path / "bomb.png"])[0]


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root reads all")
def test_a_file_without_permission_is_named(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(PermissionError, match=r"X\[0\]"):
        as_images([path])[0]
