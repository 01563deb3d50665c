"""Every form in which images come, and every way in which they are wrong."""

import io
import os
import pickle
import re
import tracemalloc
import warnings
import zlib

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image, ImageOps
from scipy import sparse

from sklearn_tl import ConvFeatureExtractor
from sklearn_tl.images.sequence import as_images


@pytest.fixture
def pixels(make_images):
    return make_images(3, height=20, width=31)


def save(image, path, **options):
    image.save(path, **options)
    return path


def jpeg_bytes(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG")
    return buffer.getvalue()


# --- forms --------------------------------------------------------------------------------------

FORMS = {
    "uint8": lambda x: x,
    "uint16": lambda x: x.astype(np.uint16) * 257,
    "float32": lambda x: x.astype(np.float32) / 255,
    "float64": lambda x: x / 255,
    "list": list,
    "tuple": tuple,
    "nested lists": lambda x: (x / 255).tolist(),
    "PIL": lambda x: [Image.fromarray(image) for image in x],
    "opaque alpha": lambda x: np.concatenate([x, np.full_like(x[..., :1], 255)], axis=3),
    "Fortran order": np.asfortranarray,
    "negative strides": lambda x: x[:, ::-1].copy()[:, ::-1],
    "torch uint8": lambda x: torch.from_numpy(x).permute(0, 3, 1, 2),
    "torch float": lambda x: torch.from_numpy(x).permute(0, 3, 1, 2) / 255,
    "list of tensors": lambda x: [torch.from_numpy(image).permute(2, 0, 1) for image in x],
    "pairs": lambda x: [(image, 7) for image in x],
    "series": lambda x: pd.Series(list(x), index=[5, 0, 2]),
    "table": lambda x: pd.DataFrame({"image": list(x)}, index=[5, 0, 2]),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_pixels(form, pixels):
    images = as_images(FORMS[form](pixels))
    assert len(images) == 3
    for image, wanted in zip(images, pixels, strict=True):
        assert image.dtype == np.uint8
        assert image.flags.c_contiguous
        np.testing.assert_array_equal(image, wanted)


def test_object_array_and_mixed_list(pixels, tmp_path):
    path = save(Image.fromarray(pixels[1]), tmp_path / "1.png")
    mixed = [pixels[0], path, str(path), Image.fromarray(pixels[2]), pixels[2][:7]]
    column = np.empty((5, 1), dtype=object)
    column[:, 0] = mixed
    for X in (mixed, column[:, 0], column):
        images = as_images(X)
        np.testing.assert_array_equal(images[1], pixels[1])
        np.testing.assert_array_equal(images[2], pixels[1])
        np.testing.assert_array_equal(images[3], pixels[2])
        assert images[4].shape == (7, 31, 3)


def test_arrays_that_stay_on_disk_are_checked_as_numpy_is(pixels):
    class OnDisk:  # as h5py and zarr have it
        def __init__(self, array):
            self.array, self.shape, self.dtype = array, array.shape, array.dtype

        def __len__(self):
            return len(self.array)

        def __getitem__(self, i):
            return self.array[i]

    np.testing.assert_array_equal(as_images(OnDisk(pixels))[2], pixels[2])
    with pytest.raises(ValueError, match="single colour image"):
        as_images(OnDisk(pixels[0]))
    with pytest.raises(ValueError, match="image_shape"):
        as_images(OnDisk(pixels.reshape(3, -1)))


def test_memory_map_and_read_only(pixels, tmp_path):
    np.save(tmp_path / "x.npy", pixels)
    images = as_images(np.load(tmp_path / "x.npy", mmap_mode="r"))
    np.testing.assert_array_equal(images[2], pixels[2])
    assert images[2].flags.writeable  # torch wants it so; the file is not touched


def test_datasets_and_other_sequences(pixels):
    class Dataset(torch.utils.data.Dataset):
        def __len__(self):
            return len(pixels)

        def __getitem__(self, i):
            return Image.fromarray(pixels[i]), i

    np.testing.assert_array_equal(as_images(Dataset())[2], pixels[2])
    subset = torch.utils.data.Subset(Dataset(), [2, 0])
    np.testing.assert_array_equal(as_images(subset)[0], pixels[2])


def test_grey_and_flat_rows(pixels):
    grey = pixels[..., 0]
    wanted = np.repeat(grey[..., None], 3, axis=3)
    flat = grey.reshape(3, -1)
    np.testing.assert_array_equal(list(as_images(grey)), wanted)
    np.testing.assert_array_equal(list(as_images(grey[..., None])), wanted)
    np.testing.assert_array_equal(list(as_images(flat, image_shape=(20, 31))), wanted)
    colour = pixels.reshape(3, -1)
    np.testing.assert_array_equal(list(as_images(colour, image_shape=(20, 31, 3))), pixels)
    strip = as_images(flat, image_shape="strip")
    assert strip[0].shape == (1, 620, 3)
    np.testing.assert_array_equal(strip[0][0, :, 1], flat[0])


def test_bool_is_black_and_white():
    image = as_images(np.eye(4, dtype=bool)[None])[0]
    np.testing.assert_array_equal(image[..., 0], np.eye(4) * 255)


def test_more_than_8_bits_are_kept():
    ramp = np.arange(0, 65536, 16, dtype=np.uint16).reshape(1, 64, 64)
    image = as_images(ramp)[0]
    assert image.dtype == np.float32
    np.testing.assert_allclose(image[..., 0], ramp[0] / 65535, atol=1e-7)


def test_value_range_is_a_linear_map():
    X = np.array([[[100.0, 150.0], [200.0, 250.0]]])
    np.testing.assert_allclose(
        as_images(X, value_range=(100, 200))[0][..., 0], [[0, 0.5], [1, 1.5]], atol=1e-6
    )
    # The same image as integers 0..255 goes the same way as uint8.
    levels = np.arange(64).reshape(1, 8, 8)
    np.testing.assert_array_equal(
        as_images(levels, value_range=(0, 255))[0], as_images(levels.astype(np.uint8))[0]
    )


# --- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp", "gif"])
def test_lossless_formats(suffix, pixels, tmp_path):
    image = Image.fromarray(pixels[0])
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(image, tmp_path / f"a.{suffix}", **options)
    got = as_images([path])[0]
    assert got.shape == (20, 31, 3)
    if suffix != "gif":  # which has 256 colours
        np.testing.assert_array_equal(got, pixels[0])


def test_jpeg_is_read_as_pil_reads_it(pixels, tmp_path):
    path = save(Image.fromarray(pixels[0]), tmp_path / "a.jpg")
    with Image.open(path) as image:
        from_path, from_pil = as_images([path])[0], as_images([image])[0]
        np.testing.assert_array_equal(from_path, np.asarray(image))
        np.testing.assert_array_equal(from_path, from_pil)


def test_cmyk_jpeg(tmp_path):
    path = save(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), tmp_path / "a.jpg")
    red = as_images([path])[0][4, 4]
    assert red[0] > 200
    assert max(red[1:]) < 60


def test_transparency_lies_on_white(tmp_path):
    rgba = np.zeros((4, 4, 4), dtype=np.uint8)
    rgba[:2, :, 3] = 255
    rgba[2, :, 3] = 128
    path = save(Image.fromarray(rgba), tmp_path / "a.png")
    for form in ([path], rgba[None], rgba[None] / 255):
        image = as_images(form)[0]
        assert image[0].max() == 0
        assert (image[2] == 127).all()
        assert image[3].min() == 255


def test_large_images_are_worked_on_in_pieces():
    rng = np.random.default_rng(0)
    rgba = rng.integers(0, 256, (700, 900, 4), dtype=np.uint8)
    rgb, alpha = rgba[..., :3].astype(float), rgba[..., 3:] / 255
    expected = np.rint(rgb * alpha + 255 * (1 - alpha))
    for form in (rgba, rgba / 255):
        np.testing.assert_array_equal(as_images([form])[0], expected)
    grey = 257 * rng.integers(0, 256, (900, 900), dtype=np.uint16)
    np.testing.assert_array_equal(as_images([grey])[0][..., 1], grey // 257)
    grey[-1, -1] = 1  # so that it is no image of 8 bits, which only the last piece shows
    np.testing.assert_allclose(as_images([grey])[0][..., 2], grey / 65535, atol=1e-7)
    for shape in (rgba.shape, (1, -1, 4), (-1, 1, 4)):
        tracemalloc.start()
        as_images([rgba.reshape(shape)])[0]
        assert tracemalloc.get_traced_memory()[1] < 4 * rgba.nbytes
        tracemalloc.stop()


def test_palette_with_transparent_colour(tmp_path):
    image = Image.new("P", (2, 1), 0)
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.putpixel((1, 0), 1)
    path = save(image, tmp_path / "a.png", transparency=0)
    np.testing.assert_array_equal(as_images([path])[0], [[[255, 255, 255], [200, 0, 0]]])


def test_16_bit_png_and_float_tiff(tmp_path):
    ramp = np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16)
    png = save(Image.fromarray(ramp), tmp_path / "a.png")
    np.testing.assert_allclose(as_images([png])[0][..., 0], ramp / 65535, atol=1e-6)
    # A camera of 12 bits in a 16-bit file
    np.testing.assert_allclose(
        as_images([png], value_range=(0, 4095))[0][..., 0], ramp / 4095, rtol=1e-6
    )
    tiff = save(Image.fromarray(ramp.astype(np.float32) / 65536), tmp_path / "a.tiff")
    np.testing.assert_allclose(as_images([tiff])[0][..., 2], ramp / 65536, atol=1e-6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation, tmp_path):
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


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "blue")]
    path = save(frames[0], tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert tuple(as_images([path])[0][0, 0]) == (255, 0, 0)


def test_one_pixel():
    assert as_images(np.zeros((1, 1, 1, 3), dtype=np.uint8))[0].shape == (1, 1, 3)


# --- laziness and digests -----------------------------------------------------------------------


def test_files_are_opened_only_when_asked_for():
    images = as_images([f"/nowhere/{i}.jpg" for i in range(100_000)])
    assert len(images) == 100_000


def test_digest_follows_the_content(pixels, tmp_path):
    a = save(Image.fromarray(pixels[0]), tmp_path / "a.png")
    (tmp_path / "renamed.png").write_bytes(a.read_bytes())
    digests = [as_images([p]).open(0).digest for p in (a, tmp_path / "renamed.png")]
    assert digests[0] == digests[1]
    save(Image.fromarray(pixels[1]), a)
    assert as_images([a]).open(0).digest != digests[0]
    assert as_images([a], value_range=(0, 9)).open(0).digest != as_images([a]).open(0).digest


def test_digest_tells_shapes_apart():
    digests = {as_images(np.zeros((1, h, 12 // h), np.uint8)).open(0).digest for h in (2, 3, 4, 6)}
    assert len(digests) == 4


def test_take_keeps_positions_and_pickles_little(pixels):
    images = as_images([*np.zeros((50, 100, 100, 3), np.uint8), *pixels]).take([51, 1]).take([0])
    np.testing.assert_array_equal(images[0], pixels[1])
    assert len(pickle.dumps(images)) < 5_000
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(images))[0], pixels[1])
    with pytest.raises(FileNotFoundError, match=r"X\[3\]"):
        as_images([*pixels, "no.jpg"]).take([3])[0]
    tensor = torch.zeros(50, 3, 100, 100, dtype=torch.uint8)
    assert len(pickle.dumps(as_images(tensor).take([7]))) < 40_000


# --- errors -------------------------------------------------------------------------------------

BAD_CONTAINERS = {
    "empty list": ([], ValueError, "no image"),
    "empty array": (np.zeros((0, 4, 4)), ValueError, "no image"),
    "a path": ("flower.jpg", TypeError, r"single path.*\[path\]"),
    "an image": (Image.new("RGB", (2, 2)), TypeError, r"single image.*\[image\]"),
    "generator": ((i for i in range(3)), TypeError, r"generator.*list\(X\)"),
    "dict": ({0: 1}, TypeError, "dict"),
    "number": (3, TypeError, "int"),
    "None": (None, TypeError, "NoneType"),
    "sparse": (sparse.csr_matrix(np.eye(4)), TypeError, r"sparse.*toarray\(\)"),
    "complex": (np.zeros((2, 4, 4), complex), ValueError, "Complex data not supported"),
    "dates": (np.zeros((2, 4, 4), "M8[s]"), TypeError, "datetime64"),
    "1-D": (np.zeros(5), ValueError, r"shape \(5,\)"),
    "2-D square": (np.zeros((2, 784)), ValueError, r"image_shape.*784.*\(28, 28\).*strip"),
    "2-D colour": (np.zeros((2, 48)), ValueError, r"\(4, 4, 3\)"),
    "2-D objects": (np.full((2, 3), "a.jpg", object), ValueError, "one dimension or one column"),
    "single colour image": (np.zeros((8, 8, 3)), ValueError, r"X\[None\]"),
    "2 channels": (np.zeros((1, 8, 8, 2)), ValueError, "2 channels"),
    "5 channels": (np.zeros((1, 8, 8, 5)), ValueError, "5 channels"),
    "channels first": (np.zeros((1, 3, 8, 8)), ValueError, r"transpose\(0, 2, 3, 1\)"),
    "tensor channels last": (torch.zeros(1, 8, 8, 3), ValueError, r"permute\(0, 3, 1, 2\)"),
    "tensor without channels": (torch.zeros(2, 8, 8), ValueError, r"X\[:, None\]"),
    "stacked objects": (np.zeros((2, 4, 4), object), ValueError, r"np.stack\(images\)"),
    "empty table": (pd.DataFrame(), ValueError, "no image"),
    "wide table": (pd.DataFrame({"a": [1], "b": [2]}), ValueError, r"2 columns.*X\['a'\]"),
}


@pytest.mark.parametrize("case", BAD_CONTAINERS)
def test_bad_containers(case):
    X, error, message = BAD_CONTAINERS[case]
    with pytest.raises(error, match=re.compile(message, re.DOTALL)):
        as_images(X)


def test_image_shape_that_does_not_fit():
    with pytest.raises(ValueError, match=r"64 features.*needs 63.*\(8, 8\)"):
        as_images(np.zeros((2, 64)), image_shape=(7, 9))
    with pytest.raises(ValueError, match="Leave image_shape out"):
        as_images(np.zeros((2, 8, 8)), image_shape=(8, 8))


def nan_image():
    image = np.zeros((4, 4))
    image[1, 2] = np.nan
    return image


BAD_ITEMS = {
    "None": (None, TypeError, "None, which is a missing value"),
    "bytes": (b"a.jpg", TypeError, "no image"),
    "number": (7, TypeError, "is 7, which is no image and no path.*right column"),
    "missing value": (float("nan"), TypeError, "nan, which is a missing value"),
    "NaN": (nan_image(), ValueError, "NaN or infinity"),
    "infinity": (np.full((4, 4), np.inf), ValueError, "NaN or infinity"),
    "above 1": (np.full((4, 4), 200.0), ValueError, r"200 to 200.*value_range.*\(0, 255\)"),
    "below 0": (np.full((4, 4), -0.5), ValueError, r"-0\.5.*value_range"),
    "int64": (np.full((4, 4), 3), ValueError, "int64.*value_range"),
    "complex": (np.zeros((4, 4), complex), ValueError, "Complex"),
    "strings": (np.full((4, 4), "a"), TypeError, "no number"),
    "objects": (np.array([[object(), 1]]), TypeError, "no number"),
    "missing in a table": (pd.NA, TypeError, "<NA>, which is a missing value"),
    "ragged": ([[1, 2], [3]], ValueError, "inhomogeneous"),
    "2 channels": (np.zeros((4, 4, 2)), ValueError, r"\(4, 4, 2\).*1, 3 or 4"),
    "channels first": (np.zeros((3, 4, 4 + 1)), ValueError, r"transpose\(1, 2, 0\)"),
    "tensor of 5 channels": (torch.zeros(5, 4, 4), ValueError, r"\(5, 4, 4\)"),
    "no pixel": (np.zeros((0, 5)), ValueError, "no pixel"),
}


@pytest.mark.parametrize("case", BAD_ITEMS)
def test_bad_items_name_their_index(case):
    item, error, message = BAD_ITEMS[case]
    images = as_images([np.zeros((4, 4)), item])
    with pytest.raises(error, match=re.compile(rf"X\[1\].*{message}", re.DOTALL)):
        images[1]


def text_file(path):
    path.write_text("not a photograph")


def truncated(path):
    data = jpeg_bytes(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path.write_bytes(data[: len(data) // 2])


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
    "text": (text_file, ValueError, "no image that can be read"),
    "truncated": (truncated, ValueError, "truncated"),
    "bomb": (bomb, ValueError, "refused before decoding"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_name_index_and_path(case, pixels, tmp_path):
    make, error, message = BAD_FILES[case]
    path = tmp_path / "bad.jpg"
    make(path)
    images = as_images([pixels[0], str(path)])
    with pytest.raises(error, match=message) as caught:
        images[1]
    assert "X[1]" in str(caught.value)
    assert "bad.jpg" in str(caught.value)


def test_pil_images_that_cannot_be_read(tmp_path):
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


def test_errors_of_a_dataset_keep_their_type_and_get_the_position():
    class Broken(torch.utils.data.Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            raise OSError("tape ran out")

    with pytest.raises(OSError, match="tape ran out") as caught:
        as_images(Broken())[2]
    assert caught.value.__notes__ == ["while reading X[2]"]


def test_patterns_and_folders_get_a_hint(tmp_path):
    for X in ([tmp_path / "*.jpg"], [tmp_path]):
        with pytest.raises(OSError, match=r"glob\('\*\*/\*\.jpg'\)") as caught:
            as_images(X)[0]
        assert "Errno" not in str(caught.value)


def test_bomb_is_refused_whatever_the_warning_filter(tmp_path):
    bomb(tmp_path / "bomb.png")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match="MAX_IMAGE_PIXELS"):
            as_images([tmp_path / "bomb.png"])[0]


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root reads all")
def test_unreadable_file(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(PermissionError, match=r"X\[0\]"):
        as_images([path])[0]


# --- decoding at a reduced scale -----------------------------------------------------------------


def test_large_jpeg_files_are_decoded_smaller_but_not_too_small(tmp_path, make_images):
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
def test_draft_moves_rows_a_little_and_turns_off(tmp_path, make_images, orientation):
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
