"""Broken files, odd arrays and headers that lie are refused; every form gives the same row."""

import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.networks import TinyNet
from hypothesis import HealthCheck, given, settings, strategies as st
from numpy.testing import assert_array_equal
from PIL import Image

from sklearn_tl import ConvFeatureExtractor
from sklearn_tl.images import FORMATS


def test_mutated_files_and_arrays_end_in_a_row_or_in_an_error_of_ours(benchmark):
    table = benchmark("fuzz", "--cases", 400)["table"]
    assert sum(row["cases"] for row in table) == 400
    assert all(row["our errors"] > 0 for row in table)
    assert all(row["rows"] > 0 for row in table)


def png(width, height):
    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99))


def with_size(kind, width, height):
    """Return a small file whose header claims another size, of a format in `FORMATS`."""
    if kind == "PNG":
        return png(width, height)
    buffer = io.BytesIO()
    Image.new("RGB", (6, 7)).save(buffer, kind)
    data = buffer.getvalue()
    if kind == "BMP":
        return data[:18] + struct.pack("<ii", width, height) + data[26:]
    if kind == "GIF":
        return data[:6] + struct.pack("<HH", width, height) + data[10:]
    if kind == "PPM":
        return data.replace(b"6 7", b"%d %d" % (width, height))
    if kind == "WEBP":  # 14 bits each
        return data[:26] + struct.pack("<HH", min(width, 16383), min(height, 16383)) + data[30:]
    if kind == "TIFF":
        for tag, old, new in ((256, 6, width), (257, 7, height)):
            data = data.replace(
                struct.pack("<HHII", tag, 4, 1, old), struct.pack("<HHII", tag, 4, 1, new)
            )
        return data
    at = data.index(b"\xff\xc0") + 5  # JPEG
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind not in ("AVIF", "HEIF")])
def test_a_bomb_is_refused_from_its_header(kind, tmp_path, make_images):
    extractor = ConvFeatureExtractor(TinyNet, image_size=32).fit(make_images(1))
    path = tmp_path / "bomb"
    path.write_bytes(with_size(kind, 60_000, 60_000))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"X\[1\] \('.*bomb'\) was refused before decoding"):
            extractor.transform([make_images(1)[0], path])
        assert tracemalloc.get_traced_memory()[1] < 10e6
    finally:
        tracemalloc.stop()


def test_a_photograph_over_the_limit_is_read_if_it_is_decoded_smaller(tmp_path):
    extractor = ConvFeatureExtractor(TinyNet, image_size=32, cache=None).fit([np.ones((9, 9))])
    path, side = tmp_path / "image", 9_500
    for kind in ("PNG", "JPEG"):
        path.write_bytes(with_size(kind, side, side))
        with pytest.raises(
            ValueError, match="9500 x 9500 pixels are more than max_pixels=89478485"
        ):
            extractor.set_params(draft=False).fit_transform([path])
    Image.new("L", (side, side), 77).save(path, "JPEG")
    rows = extractor.set_params(draft=True).fit_transform([path])
    assert_array_equal(rows, extractor.transform([np.full((9, 9), 77, dtype=np.uint8)]))


@pytest.mark.parametrize("kind", ["EPS", "ICO", "TGA", "JPEG2000"])
def test_a_file_of_another_format_reaches_no_parser(kind, tmp_path, make_images):
    path = tmp_path / "image"
    Image.fromarray(make_images(1)[0]).save(path, kind)
    with pytest.raises(ValueError, match=r"X\[0\] .*unknown format.* JPEG, PNG, GIF"):
        ConvFeatureExtractor(TinyNet, image_size=32).fit_transform([path])


def test_an_image_of_one_line_may_be_a_reversed_view():
    X = np.arange(12, dtype=np.uint8).reshape(1, 4, 3)
    extractor = ConvFeatureExtractor(TinyNet, image_size=32, cache=None).fit([X])
    assert_array_equal(extractor.transform([X[::-1]]), extractor.transform([X]))


class Pairs(torch.utils.data.Dataset):
    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return Image.fromarray(self.images[i]), 7


SIDES = st.integers(1, 50)
EXAMPLES = settings(
    max_examples=24,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture
    ],  # every example writes the files again
)


@EXAMPLES
@given(SIDES, SIDES, st.sampled_from([1, 3, 4]), st.integers(0, 2**32 - 1))
def test_every_form_gives_the_same_row(tmp_path, height, width, channels, seed):
    X = np.random.default_rng(seed).integers(0, 256, (3, height, width, channels), dtype=np.uint8)
    if channels == 4:
        X[..., 3] = 255
    plain = X[..., :3] if channels == 4 else X
    pil = [Image.fromarray(image[..., 0] if channels == 1 else image) for image in X]
    paths = [str(tmp_path / f"{i}.png") for i in range(3)]
    for image, path in zip(pil, paths, strict=True):
        image.save(path)
    mapped = np.memmap(tmp_path / "map", dtype=np.uint8, mode="w+", shape=X.shape)
    mapped[:] = X
    objects = np.empty(3, dtype=object)
    objects[:] = [image.astype(np.float64) / 255 for image in X]
    forms = {
        "paths": paths,
        "paths as objects": [Path(path) for path in paths],
        "a column": pd.DataFrame({"photo": paths}),
        "a series": pd.Series(paths, index=[9, 8, 7]),
        "strings": np.array(paths),
        "PIL": pil,
        "a list": list(X),
        "mixed": [paths[0], pil[1], X[2]],
        "floats": X.astype(np.float32) / np.float32(255),
        "16 bits": X.astype(np.uint16) * 257,
        "big-endian": (X.astype(np.uint16) * 257).astype(">u2"),
        "objects": objects,
        "mapped": mapped,
        "Fortran": np.asfortranarray(X),
        "backwards": X[:, ::-1, ::-1].copy()[:, ::-1, ::-1],
        "tensor": torch.from_numpy(X.transpose(0, 3, 1, 2).copy()),
        "tensors": [torch.from_numpy(image.transpose(2, 0, 1).copy()) for image in X],
        "opaque or not": plain,
    }
    if channels == 1:
        forms |= {"grey": X[..., 0], "RGB": np.repeat(X, 3, axis=3)}
    if channels == 3:
        forms |= {"dataset": Pairs(X)}
    extractor = ConvFeatureExtractor(TinyNet, image_size=32, cache=None).fit(X)
    rows = extractor.transform(X)
    for name, form in forms.items():
        assert_array_equal(extractor.transform(form), rows, err_msg=name)
    flat = ConvFeatureExtractor(TinyNet, image_size=32, image_shape=X.shape[1:], cache=None)
    assert_array_equal(flat.fit_transform(X.reshape(3, -1)), rows)
