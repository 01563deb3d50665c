"""TIFF files: pages, pyramids, tiles that are read one at a time, and damage."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from sklearn_tl.images import ImageWarning, Reading, as_images, decoding, tiff

RANDOM = np.random.default_rng(0)


def written(*pages, byteorder="<", **options):
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, byteorder=byteorder) as writer:
        for page in pages:
            writer.write(page, **options)
    return buffer.getvalue()


def blocks(array, factor):
    """Return the means of squares of `factor` pixels, the plain way."""
    height, width = array.shape[:2]
    return np.array(
        [
            [
                array[y : y + factor, x : x + factor].mean(axis=(0, 1))
                for x in range(0, width, factor)
            ]
            for y in range(0, height, factor)
        ]
    )


@pytest.mark.parametrize(
    "options",
    [
        {"photometric": "rgb"},
        {"photometric": "rgb", "rowsperstrip": 7},
        {"photometric": "rgb", "tile": (16, 32), "compression": "zlib"},
        {"photometric": "rgb", "tile": (48, 16), "compression": "lzw", "predictor": True},
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_page_that_is_read_in_parts_has_the_means_of_its_squares(options, dtype):
    array = (255 * RANDOM.random((61, 83, 3))).astype(dtype)
    data = written(array, **options)
    (page,), _ = tiff.read_pages(data)
    reduced = tiff.read_deep(data, page, 15, tifffile)  # 61 // 15 = 4
    assert reduced.dtype == dtype
    assert reduced.shape == (16, 21, 3)
    tolerance = 1e-4 if dtype == np.float32 else 0.5
    np.testing.assert_allclose(reduced, blocks(array, 4), atol=tolerance)


def test_planes_of_one_channel_each_are_read_in_parts():
    array = RANDOM.integers(0, 65536, (3, 40, 50), dtype=np.uint16)
    data = written(array, photometric="rgb", planarconfig="separate", tile=(16, 16))
    (page,), _ = tiff.read_pages(data)
    reduced = tiff.read_deep(data, page, 20, tifffile)
    np.testing.assert_allclose(reduced, blocks(array.transpose(1, 2, 0), 2), atol=0.5)


def test_a_large_file_is_read_in_parts_if_max_pixels_allows_it(monkeypatch):
    monkeypatch.setattr(decoding, "MAX_PIXELS", 60 * 80)
    array = RANDOM.integers(0, 256, (61, 83, 3), dtype=np.uint8)
    data = written(array, photometric="rgb", tile=(16, 16))
    with pytest.raises(
        ValueError, match=r"61 pixels are more than max_pixels=4800.*set max_pixels"
    ):
        as_images([data], Reading(max_pixels=4800)).open(0).decode(20)
    image = as_images([data], Reading(max_pixels=None)).open(0)
    np.testing.assert_allclose(image.decode(20), blocks(array, 3), atol=0.5)
    np.testing.assert_array_equal(image.decode(), array)
    monkeypatch.setattr(decoding, "MAX_PIXELS", 61 * 83)
    np.testing.assert_array_equal(image.decode(20), array)


def test_the_smallest_level_of_a_pyramid_that_is_large_enough_is_read(monkeypatch):
    monkeypatch.setattr(decoding, "MAX_PIXELS", 1000)
    levels = [np.full((64 // n, 96 // n, 3), 10 * n, dtype=np.uint8) for n in (1, 2, 4)]
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(levels[0], photometric="rgb", tile=(16, 16), subifds=2)
        for level in levels[1:]:
            writer.write(level, photometric="rgb", tile=(16, 16), subfiletype=1)
    images = as_images([buffer.getvalue()], Reading(max_pixels=None))
    assert images.open(0).decode(30).mean() == 20
    assert images.open(0).decode(16).mean() == 40
    assert images.open(0).decode().mean() == 10


PAGES = RANDOM.integers(0, 65536, (3, 6, 8), dtype=np.uint16)


@pytest.mark.parametrize("options", [{}, {"compression": "lzw"}])
@pytest.mark.parametrize("colour", [True, False])
def test_a_page_or_the_mean_or_the_maximum_of_all_pages_is_read(options, colour):
    pages = np.stack([PAGES] * 3, axis=3) if colour else PAGES
    kind = "rgb" if colour else "minisblack"
    data = written(*pages, photometric=kind, **options)
    expected = {i: pages[i] for i in range(3)}
    expected |= {None: pages[0], "mean": np.rint(pages.mean(axis=0)), "max": pages.max(axis=0)}
    for page, levels in expected.items():
        pixels = as_images([data], Reading(page=page))[0]
        colours = levels if colour else np.repeat(levels[..., None], 3, axis=2)
        np.testing.assert_allclose(pixels, colours / 65535, atol=1e-6)
    with pytest.raises(ValueError, match=r"page=3 was asked for, but it has 3"):
        as_images([data], Reading(page=3))[0]


def test_pages_of_several_sizes_have_no_mean():
    data = written(PAGES[0], PAGES[1][:4])
    with pytest.raises(ValueError, match=r'page="mean" needs pages of one shape.*\(4, 8\)'):
        as_images([data], Reading(page="mean"))[0]


def test_thumbnails_are_not_pages():
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(PAGES[0])
        writer.write(PAGES[0, ::2, ::2], subfiletype=1)
    images = as_images([buffer.getvalue()])
    images[0]
    assert len(tiff.read_pages(buffer.getvalue())[0]) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_at_full_depth(orientation):
    array = RANDOM.integers(0, 65536, (5, 7, 3), dtype=np.uint16)
    tag = (274, "H", 1, orientation, True)
    data = written(array, photometric="rgb", extratags=[tag])
    of_8_bits = written((array // 257).astype(np.uint8), photometric="rgb", extratags=[tag])
    deep, plain = as_images([data])[0], as_images([of_8_bits])[0]
    assert deep.shape == plain.shape
    assert np.abs(deep - plain / 255).max() < 1 / 255


def test_colours_that_were_multiplied_by_alpha_are_restored():
    array = np.array([[[10000, 20000, 30000, 32768], [0, 0, 0, 0]]], dtype=np.uint16)
    data = written(array, photometric="rgb", extrasamples=["assocalpha"])
    expected = [[np.array([10000, 20000, 30000]) / 65535 + 32767 / 65535, [1, 1, 1]]]
    np.testing.assert_allclose(as_images([data])[0], expected, atol=1e-4)


def test_tags_without_pixels_are_an_error_and_not_black():
    array = RANDOM.integers(0, 65536, (5, 7, 3), dtype=np.uint16)
    data = bytearray(written(array, photometric="rgb"))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        offset = file.pages[0].tags["StripByteCounts"].valueoffset
    data[offset : offset + 4] = bytes(4)
    with pytest.raises(ValueError, match=r"X\[0\] .*"):
        as_images([bytes(data)])[0]


def test_without_the_library_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tifffile", None)
    monkeypatch.setitem(__import__("sys").modules, "imagecodecs", None)
    array = RANDOM.integers(0, 65536, (5, 7, 3), dtype=np.uint16)
    data = written(array, photometric="rgb")
    with pytest.raises(ValueError, match=r"X\[0\] is a TIFF.*pip install imagecodecs tifffile"):
        as_images([data])[0]


def packed_12_bits(levels):
    """Return a TIFF file in which two numbers take three bytes."""
    height, width, n_channels = levels.shape
    pairs = levels.reshape(-1, 2).astype(np.uint32)
    packed = pairs[:, 0] << 12 | pairs[:, 1]
    data = np.stack([packed >> 16, packed >> 8, packed], axis=1).astype(np.uint8).tobytes()
    tags = {256: width, 257: height, 258: 12, 259: 1, 262: 1 if n_channels == 1 else 2, 273: 0}
    tags |= {277: n_channels, 278: height, 279: len(data), 284: 1}
    bits_at = 8 + 2 + 12 * len(tags) + 4
    tags[273] = bits_at + 6
    entries = [
        struct.pack("<HHII", tag, 3, n_channels, bits_at)
        if tag == 258 and n_channels == 3
        else struct.pack("<HHII", tag, 4 if tag in (273, 279) else 3, 1, value)
        for tag, value in tags.items()
    ]
    directory = struct.pack("<H", len(tags)) + b"".join(entries) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<3H", 12, 12, 12) + data


@pytest.mark.parametrize("n_channels", [1, 3])
def test_a_file_that_says_it_has_12_bits_is_read_in_their_range(n_channels):
    levels = RANDOM.integers(0, 4096, (6, 8, n_channels))
    pixels = as_images([packed_12_bits(levels)])[0]
    np.testing.assert_allclose(pixels, np.broadcast_to(levels / 4095, (6, 8, 3)), atol=1e-6)


@pytest.mark.parametrize("compression", [None, "deflate", "lzw"])
@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("kind", ["f4", "f8", "i2", "u2", "u4"])
def test_the_order_of_bytes_makes_no_difference(compression, predictor, kind):
    numbers = RANDOM.random((20, 30)) * (1 if kind[0] == "f" else 30000)
    reading = Reading(value_range=(0, 30000) if kind in ("i2", "u4", "u2") else None)
    options = {"compression": compression, "predictor": predictor and compression is not None}
    found = [
        as_images([written(numbers.astype(kind), byteorder=order, **options)], reading)[0]
        for order in "<>"
    ]
    np.testing.assert_array_equal(*found)
    expected = numbers.astype(kind) / (1 if kind[0] == "f" else 30000)
    np.testing.assert_allclose(found[0][..., 1], expected, atol=1e-6)


@pytest.mark.parametrize("n_channels", [2, 5, 6])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("extra", ["unspecified", "unassalpha"])
def test_all_bands_are_read_or_the_file_is_an_error(n_channels, dtype, planar, extra):
    levels = RANDOM.integers(0, np.iinfo(dtype).max, (20, 30, n_channels), dtype=dtype)
    photometric, n_colours = ("minisblack", 1) if n_channels == 2 else ("rgb", 3)
    stored = levels if planar == "contig" else levels.transpose(2, 0, 1)
    extras = [extra] + ["unspecified"] * (n_channels - n_colours - 1)
    data = written(stored, photometric=photometric, planarconfig=planar, extrasamples=extras)
    chosen = tuple(range(n_channels))[::-1]
    pixels = as_images([data], Reading(channels=chosen))[0]
    white = np.iinfo(dtype).max
    found = pixels / 255 if pixels.dtype == np.uint8 else pixels
    np.testing.assert_allclose(found, levels[..., ::-1] / white, atol=1e-6)
    if not (n_channels == 2 and extra == "unassalpha"):
        with pytest.raises(ValueError, match=r"X\[0\].*channels="):
            as_images([data])[0]


def test_signed_numbers_of_8_bits_are_no_levels():
    data = written(np.array([[-1, 5]], dtype=np.int8))
    with pytest.raises(ValueError, match="int8 and values from -1 to 5.*value_range"):
        as_images([data])[0]
    pixels = as_images([data], Reading(value_range=(-5, 5)))[0]
    np.testing.assert_array_equal(pixels[0, :, 0], [102, 255])


def test_the_maximum_of_pages_in_which_white_is_0_is_the_brightest():
    data = written(*PAGES, photometric="miniswhite")
    pixels = as_images([data], Reading(page="max"))[0]
    np.testing.assert_allclose(pixels[..., 0], 1 - PAGES.min(axis=0) / 65535, atol=1e-6)


def test_pages_of_several_types_have_no_mean():
    data = written(PAGES[0], (PAGES[1] // 257).astype(np.uint8))
    with pytest.raises(ValueError, match="of one shape and type, but page 1 is uint8"):
        as_images([data], Reading(page="mean"))[0]


def test_a_damaged_stack_has_a_first_page_and_no_mean():
    data = bytearray(written(*PAGES))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        offset = file.pages[2].offset
    data[offset : offset + 200] = b"\xff" * min(200, len(data) - offset)
    np.testing.assert_allclose(as_images([bytes(data)])[0][..., 0], PAGES[0] / 65535, atol=1e-6)
    with pytest.raises(ValueError, match="tags of its page 2 are damaged"):
        as_images([bytes(data)], Reading(page="mean"))[0]


def test_pages_of_a_pil_image_are_those_of_its_file():
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(PAGES[0])
        writer.write(PAGES[0, ::2, ::2], subfiletype=1)
        writer.write(PAGES[1])
        writer.write(PAGES[2])
    buffer.seek(0)
    for page, levels in {1: PAGES[1], 2: PAGES[2], "max": PAGES.max(axis=0)}.items():
        pixels = as_images([Image.open(buffer)], Reading(page=page))[0]
        np.testing.assert_allclose(pixels[..., 0], levels / 65535, atol=1e-6)
    for frame, levels in {2: PAGES[1], 3: PAGES[2], 1: PAGES[0, ::2, ::2]}.items():
        image = Image.open(buffer)
        image.seek(frame)
        np.testing.assert_allclose(as_images([image])[0][..., 0], levels / 65535, atol=1e-6)


def test_a_camera_raw_file_is_an_error_and_not_its_preview():
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        preview = np.zeros((16, 16, 3), dtype=np.uint8)
        writer.write(preview, photometric="rgb", subfiletype=1, subifds=1)
        writer.write(PAGES[0], photometric="minisblack")
    with pytest.raises(ValueError, match="camera raw file.*loader"):
        as_images([buffer.getvalue()])[0]


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_are_not_averaged_as_they_are(bits, monkeypatch):
    monkeypatch.setattr(decoding, "MAX_PIXELS", 100)
    image = Image.fromarray(RANDOM.integers(0, 2, (30, 40)).astype(bool))
    buffer = io.BytesIO()
    image.convert("1").save(buffer, "TIFF")
    images = as_images([buffer.getvalue()], Reading(max_pixels=None))
    np.testing.assert_array_equal(images.open(0).decode(5), images[0])


def test_a_stack_in_one_page_is_said_or_refused():
    buffer = io.BytesIO()
    description = "ImageJ=1.53\nimages=3\nslices=3\n"  # as in files of over 4 GB
    tifffile.imwrite(buffer, PAGES[0], description=description, metadata=None)
    images = as_images([buffer.getvalue()], Reading(page="max"))
    with pytest.raises(ValueError, match="only the first of its 3 planes can be read"):
        images[0]
    images = as_images([buffer.getvalue()])
    np.testing.assert_allclose(images[0][..., 0], PAGES[0] / 65535, atol=1e-6)
    with pytest.warns(ImageWarning, match="more than one page"):
        images.notices.warn()


def test_a_volume_is_refused():
    data = written(PAGES, photometric="minisblack", volumetric=True, tile=(1, 16, 16))
    with pytest.raises(ValueError, match="axes ZYX"):
        as_images([data])[0]


def test_transparent_pages_of_12_bits_are_laid_over_their_own_white():
    page = np.array([[[100, 200, 300, 65535], [9, 9, 9, 0]]], dtype=np.uint16)
    data = written(page, page, photometric="rgb", extrasamples=["unassalpha"])
    pixels = as_images([data], Reading(page="mean", value_range=(0, 4095)))[0]
    expected = [[np.array([100, 200, 300]) / 4095, [1, 1, 1]]]
    np.testing.assert_allclose(pixels, expected, atol=1e-6)
