"""Every form of images gives the same pixels, on request only, and errors name the position."""

import pickle
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from sklearn_tl.images import Reading, as_images


@pytest.fixture
def pixels(make_images):
    return make_images(3, height=20, width=31)


def save(image, path):
    image.save(path)
    return path


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
    for image, expected in zip(images, pixels, strict=True):
        assert image.dtype == np.uint8
        assert image.flags.c_contiguous
        np.testing.assert_array_equal(image, expected)


def test_images_that_were_wrapped_already_are_returned_as_they_are(pixels):
    images = as_images(pixels)
    assert as_images(images) is images


def test_a_list_and_an_object_array_may_mix_all_forms(pixels, tmp_path):
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


def test_an_image_of_a_read_only_memory_map_is_a_writeable_copy(pixels, tmp_path):
    np.save(tmp_path / "x.npy", pixels)
    images = as_images(np.load(tmp_path / "x.npy", mmap_mode="r"))
    np.testing.assert_array_equal(images[2], pixels[2])
    assert images[2].flags.writeable  # as torch wants it; the file does not change


def test_a_torch_dataset_may_return_images_with_their_labels(pixels):
    class Dataset(torch.utils.data.Dataset):
        def __len__(self):
            return len(pixels)

        def __getitem__(self, i):
            return Image.fromarray(pixels[i]), i

    np.testing.assert_array_equal(as_images(Dataset())[2], pixels[2])
    subset = torch.utils.data.Subset(Dataset(), [2, 0])
    np.testing.assert_array_equal(as_images(subset)[0], pixels[2])


# --- laziness and digests -----------------------------------------------------------------------


def test_files_are_opened_on_request_only():
    images = as_images([f"/nowhere/{i}.jpg" for i in range(100_000)])
    assert len(images) == 100_000


def test_the_digest_of_a_file_follows_its_content_and_how_it_is_read(pixels, tmp_path):
    a = save(Image.fromarray(pixels[0]), tmp_path / "a.png")
    (tmp_path / "renamed.png").write_bytes(a.read_bytes())
    digests = [as_images([p]).open(0).digest for p in (a, tmp_path / "renamed.png")]
    assert digests[0] == digests[1]
    save(Image.fromarray(pixels[1]), a)
    assert as_images([a]).open(0).digest != digests[0]
    plain = as_images([a]).open(0).digest
    for how in ({"value_range": (0, 9)}, {"channels": (2, 1, 0)}, {"page": 0}):
        assert as_images([a], Reading(**how)).open(0).digest != plain


def test_the_digest_of_an_array_tells_shapes_apart():
    digests = {as_images(np.zeros((1, h, 12 // h), np.uint8)).open(0).digest for h in (2, 3, 4, 6)}
    assert len(digests) == 4


def test_digests_do_not_change_from_version_to_version(tmp_path):
    # Stored rows are found by them: if one has to change, raise ROWS_VERSION.
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert as_images([image]).open(0).digest.hex().startswith("aca99495e43dbb47")
    (tmp_path / "a").write_bytes(b"P6 1 1 255 abc")
    path = tmp_path / "a"
    assert as_images([path]).open(0).digest.hex().startswith("1b34f51b0d264d7d")
    ranged = as_images([path], Reading(value_range=(0, 9)))
    assert ranged.open(0).digest.hex().startswith("3f68aa4b076e5ce8")


def test_a_part_of_the_images_keeps_their_positions_and_pickles_only_itself(pixels):
    images = as_images([*np.zeros((50, 100, 100, 3), np.uint8), *pixels]).take([51, 1]).take([0])
    np.testing.assert_array_equal(images[0], pixels[1])
    assert len(pickle.dumps(images)) < 5_000
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(images))[0], pixels[1])
    with pytest.raises(FileNotFoundError, match=r"X\[3\]"):
        as_images([*pixels, "no.jpg"]).take([3])[0]
    tensor = torch.zeros(50, 3, 100, 100, dtype=torch.uint8)
    assert len(pickle.dumps(as_images(tensor).take([7]))) < 40_000


class Wrapped:
    """An array of another library."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.array, dtype=dtype)


def test_whatever_becomes_an_array_is_read(pixels):
    np.testing.assert_array_equal(as_images([Wrapped(pixels[1])])[0], pixels[1])
    np.testing.assert_array_equal(as_images(Wrapped(pixels))[2], pixels[2])


def test_a_dict_of_a_data_set_holds_an_image(pixels):
    items = [
        {"image": pixels[0], "label": 3},
        {"path": "nowhere.png", "image": Image.fromarray(pixels[1])},
        {"image": {"bytes": None, "image": pixels[2]}},
    ]
    for i, image in enumerate(as_images(items)):
        np.testing.assert_array_equal(image, pixels[i])


def test_a_url_without_fsspec_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(ValueError, match=r"X\[0\] \('s3://a/b.png'\) is a URL.*fsspec.*s3fs"):
        as_images(["s3://a/b.png"])[0]


def test_a_url_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(OSError, match=r"X\[0\] .*could not be read .FileNotFoundError"):
        as_images([f"file://{tmp_path}/no.png"])[0]


# --- errors -------------------------------------------------------------------------------------


def test_an_error_of_a_dataset_keeps_its_type_and_gets_the_position():
    class Broken(torch.utils.data.Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            raise OSError("tape ran out")

    with pytest.raises(OSError, match="tape ran out") as caught:
        as_images(Broken())[2]
    assert caught.value.__notes__ == ["while reading X[2]"]


def test_a_path_of_numpy_is_shown_as_plain_text():
    with pytest.raises(FileNotFoundError, match=r"X\[1\] \('tulip'\) does not exist"):
        as_images(np.array(["bluebell", "tulip"]), Reading()).open(1)
