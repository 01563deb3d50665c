"""Every format with every mode it can hold, by every way in: one right image, or a clear error."""

import contextlib
import io
from pathlib import Path

import imagecodecs
import numpy as np
import pillow_heif
import pytest
import tifffile
import torch
from PIL import Image

from sklearn_tl import LazyImages
from sklearn_tl.images import Reading, as_images

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (6, 8), dtype=np.uint8)
RGB = RANDOM.integers(0, 256, (6, 8, 3), dtype=np.uint8)
ALPHA = RANDOM.integers(0, 256, (6, 8, 1), dtype=np.uint8)
BITS = GREY > 127
DEEP_GREY = RANDOM.integers(0, 65536, (6, 8), dtype=np.uint16)
DEEP_RGB = RANDOM.integers(0, 65536, (6, 8, 3), dtype=np.uint16)
DEEP_ALPHA = RANDOM.integers(0, 65536, (6, 8, 1), dtype=np.uint16)
FLOATS = RANDOM.random((6, 8, 3), dtype=np.float32)


def pil(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(array, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def netpbm(magic, array, white):
    if magic in ("P5", "P6"):
        body = array.astype(">u2").tobytes()
    else:
        body = " ".join(map(str, array.ravel())).encode()
    return f"{magic}\n# made here\n8 6\n{white}\n".encode() + body


def grey(levels):
    return np.repeat(np.asarray(levels, dtype=np.float64)[..., None], 3, axis=2)


def on_white(colours, alpha):
    return colours * alpha + (1 - alpha)


def decoded(data):
    """Return what PIL makes of a lossy file."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) / 255


def modes_of_8_bits(kind, names, **options):
    """Yield (name, bytes, expected) for modes of PIL that `kind` keeps without loss."""
    palette = Image.fromarray(RGB).quantize(16)
    hidden = palette.copy()
    shown = np.asarray(palette.convert("RGB")) / 255
    first = np.asarray(palette)[..., None] == 0
    rgba = Image.fromarray(np.concatenate([RGB, ALPHA], axis=2))
    la = Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(ALPHA[..., 0])])
    images = {
        "1": (Image.fromarray(BITS), grey(BITS)),
        "L": (Image.fromarray(GREY), grey(GREY / 255)),
        "LA": (la, on_white(grey(GREY / 255), ALPHA / 255)),
        "P": (palette, shown),
        "P hidden": (hidden, np.where(first, 1, shown)),
        "RGB": (Image.fromarray(RGB), RGB / 255),
        "RGBA": (rgba, on_white(RGB / 255, ALPHA / 255)),
    }
    for name in names:
        image, expected = images[name]
        more = {"transparency": 0} if name == "P hidden" else {}
        yield f"{kind} {name}", pil(image, kind, **options, **more), expected


def cases():
    yield from modes_of_8_bits("PNG", ["1", "L", "LA", "P", "P hidden", "RGB", "RGBA"])
    yield from modes_of_8_bits("TIFF", ["1", "L", "LA", "P", "RGB", "RGBA"])
    yield from modes_of_8_bits("BMP", ["1", "L", "P", "RGB"])
    yield from modes_of_8_bits("GIF", ["P", "P hidden"])
    yield from modes_of_8_bits("WEBP", ["RGB", "RGBA"], lossless=True, exact=True)
    yield from modes_of_8_bits("PPM", ["1", "L", "RGB"])
    pillow_heif.register_heif_opener()  # so that PIL can write such files
    for kind in ("JPEG", "AVIF", "HEIF"):
        for image in (Image.fromarray(RGB), Image.fromarray(GREY)):
            data = pil(image, kind)
            yield f"{kind} {image.mode}", data, decoded(data)
    for kind, options in (("JPEG", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"})):
        data = pil(Image.fromarray(RGB).convert("CMYK"), kind, **options)
        yield f"{kind} CMYK {options}", data, decoded(data)
    data = pil(Image.fromarray(RGB).convert("YCbCr"), "TIFF", compression="jpeg")
    yield "TIFF YCbCr", data, decoded(data)

    deep, deep_grey, deep_alpha = DEEP_RGB / 65535, grey(DEEP_GREY / 65535), DEEP_ALPHA / 65535
    with_alpha = np.concatenate([DEEP_RGB, DEEP_ALPHA], axis=2)
    png = imagecodecs.png_encode
    yield "PNG 16 grey", pil(Image.fromarray(DEEP_GREY), "PNG"), deep_grey
    hidden = pil(Image.fromarray(DEEP_GREY), "PNG", transparency=int(DEEP_GREY[2, 3]))
    without = deep_grey.copy()
    without[2, 3] = 1
    yield "PNG 16 grey hidden", hidden, without
    grey_alpha = np.stack([DEEP_GREY, DEEP_ALPHA[..., 0]], axis=2)
    yield "PNG 16 LA", png(grey_alpha), on_white(deep_grey, deep_alpha)
    yield "PNG 16 RGB", png(DEEP_RGB), deep
    yield "PNG 16 RGBA", png(with_alpha), on_white(deep, deep_alpha)
    for compression in (None, "zlib", "lzw", "packbits"):
        data = tiff(DEEP_RGB, photometric="rgb", compression=compression)
        yield f"TIFF 16 RGB {compression}", data, deep
    yield "TIFF 16 big-endian", tiff(DEEP_RGB, photometric="rgb", byteorder=">"), deep
    yield "TIFF 16 BigTIFF", tiff(DEEP_RGB, photometric="rgb", bigtiff=True), deep
    planes = DEEP_RGB.transpose(2, 0, 1)
    yield "TIFF 16 planes", tiff(planes, photometric="rgb", planarconfig="separate"), deep
    yield "TIFF 16 tiles", tiff(DEEP_RGB, photometric="rgb", tile=(16, 16)), deep
    rgba = {"photometric": "rgb", "extrasamples": ["unassalpha"]}
    yield "TIFF 16 RGBA", tiff(with_alpha, **rgba), on_white(deep, deep_alpha)
    yield "TIFF 16 grey", tiff(DEEP_GREY), deep_grey
    inverted = tiff(DEEP_GREY, photometric="miniswhite")
    yield "TIFF 16 white is 0", inverted, 1 - deep_grey
    yield "TIFF 8 white is 0", tiff(GREY, photometric="miniswhite"), 1 - grey(GREY / 255)
    yield "TIFF float grey", tiff(FLOATS[..., 0]), grey(FLOATS[..., 0])
    yield "TIFF float RGB", tiff(FLOATS, photometric="rgb"), FLOATS
    for white in (1023, 65535):
        wide = np.minimum(DEEP_RGB, white)
        yield f"PPM P6 {white}", netpbm("P6", wide, white), wide / white
        yield f"PPM P3 {white}", netpbm("P3", wide, white), wide / white
        yield f"PPM P5 {white}", netpbm("P5", wide[..., 0], white), grey(wide[..., 0] / white)
        yield f"PPM P2 {white}", netpbm("P2", wide[..., 0], white), grey(wide[..., 0] / white)
    buffer = io.BytesIO()
    np.save(buffer, DEEP_RGB)
    yield "NPY", buffer.getvalue(), deep


CASES = {name: (data, expected) for name, data, expected in cases()}


class Dataset(torch.utils.data.Dataset):
    def __init__(self, open_item):
        self.open_item = open_item

    def __len__(self):
        return 1

    def __getitem__(self, i):
        return self.open_item(), 3


@pytest.fixture
def ways_in(tmp_path):
    """Return a function that returns every form in which an image can be passed, by name."""
    opened = []

    def open_pil():
        opened.append(Image.open(tmp_path / "image"))
        return opened[-1]

    def forms(data):
        path = str(tmp_path / "image")
        Path(path).write_bytes(data)
        ways = {
            "path": [path],
            "bytes": [data],
            "file object": [io.BytesIO(data)],
            "dict of bytes": [{"bytes": data, "path": None}],
            "dict of a path": [{"bytes": None, "path": path}],
            "URL": [f"file://{path}"],
            "dataset of paths": Dataset(lambda: path),
            "lazy": LazyImages(["", path])[np.array([1])],
        }
        with contextlib.suppress(Exception):  # PIL may not know it
            ways["PIL"] = [open_pil()]
            ways["dataset"] = Dataset(open_pil)
        return ways

    yield forms
    for image in opened:
        image.close()


@pytest.mark.parametrize("case", CASES)
def test_an_image_is_the_same_by_every_way_in(case, ways_in):
    data, expected = CASES[case]
    for name, X in ways_in(data).items():
        images = as_images(X)
        pixels = images[0]
        np.testing.assert_array_equal(images[0], pixels)  # it can be read again
        found = pixels / 255 if pixels.dtype == np.uint8 else pixels
        # Transparent pixels of 8 bits are rounded to a level.
        assert np.abs(found - expected).max() < 0.51 / 255, name
        if "16" in case or "float" in case or case == "NPY":
            assert np.abs(found - expected).max() < 1e-6, name


@pytest.mark.parametrize("white", [1023, 4095])
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "NPY"])
@pytest.mark.parametrize("colour", [True, False])
def test_a_range_of_10_or_12_bits_is_read_right_by_every_way_in(white, kind, colour, ways_in):
    levels = (DEEP_RGB if colour else DEEP_GREY) % (white + 1)
    buffer = io.BytesIO()
    np.save(buffer, levels)
    data = {
        "PNG": imagecodecs.png_encode(levels),
        "TIFF": tiff(levels, photometric="rgb" if colour else "minisblack"),
        "NPY": buffer.getvalue(),
    }[kind]
    expected = levels / white if colour else grey(levels / white)
    forms = ways_in(data) | {"array": levels[None]}
    for name, X in forms.items():
        pixels = as_images(X, Reading(value_range=(0, white)))[0]
        np.testing.assert_allclose(pixels, expected, atol=1e-6, err_msg=name)


BANDS = {"photometric": "minisblack", "planarconfig": "contig"}
FIVE = RANDOM.integers(0, 9, (6, 8, 5)).astype(np.uint8)
FOUR = np.concatenate([DEEP_RGB, DEEP_ALPHA], axis=2)
ERRORS = {
    "TIFF 5 bands": (tiff(FIVE, **BANDS), "channels="),
    "TIFF 2 bands": (tiff(DEEP_RGB[..., :2], **BANDS), "channels="),
    "TIFF int32": (tiff(np.full((6, 8), 329, dtype=np.int32)), "value_range"),
    "TIFF uint32": (tiff(np.full((6, 8), 2**32 - 1, dtype=np.uint32)), "4.29497e"),
    "TIFF 16 CMYK": (tiff(FOUR, photometric="separated"), "save the image as RGB"),
    "text": (b"not an image at all, but text", "unknown format"),
    "truncated PPM": (netpbm("P6", DEEP_RGB, 65535)[:100], "truncated"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_what_cannot_be_read_right_is_an_error(case, ways_in):
    data, message = ERRORS[case]
    for name, X in ways_in(data).items():
        images = as_images(X)
        with pytest.raises(ValueError, match=r"X\[0\].*" + message) as caught:
            images[0]
        has_path = name not in ("bytes", "file object", "dict of bytes")
        assert ("/image'" in str(caught.value)) == has_path, name
