"""`check_images` lists what every image is, and what is wrong with it."""

import numpy as np
import pandas as pd
import pytest
from helpers.networks import TinyNet
from PIL import Image

from sklearn_tl import ConvFeatureExtractor, ImageWarning, check_images


@pytest.fixture
def mixed(tmp_path, make_images):
    Image.fromarray(make_images(1, 20, 30)[0]).save(tmp_path / "rgb.png")
    Image.fromarray(np.full((7, 9), 300, dtype=np.uint16)).save(tmp_path / "deep.png")
    (tmp_path / "text.jpg").write_text("not an image")
    return [
        tmp_path / "rgb.png",
        tmp_path / "missing.png",
        np.array([[0.25, 0.75]]),
        tmp_path / "text.jpg",
        None,
        tmp_path / "deep.png",
    ]


def test_every_image_has_a_line_and_every_fault_a_sentence(mixed):
    table = check_images(mixed)
    assert table["position"].tolist() == list(range(6))
    assert table["path"].tolist() == [
        str(item) if hasattr(item, "suffix") else None for item in mixed
    ]
    assert table["mode"].tolist() == ["uint8 RGB", None, "float64 grey", None, None, "uint16 grey"]
    assert table["height"].tolist() == [20, None, 1, None, None, 7]
    assert table["width"].tolist() == [30, None, 2, None, None, 9]
    assert table["low"].tolist()[2] == 0.25
    assert table["high"].tolist()[5] == 300
    for i, fault in {1: "does not exist", 3: "unknown format", 4: "is a missing value"}.items():
        assert table["problem"][i].startswith(f"X[{i}]")
        assert fault in table["problem"][i]
    assert sum(problem is not None for problem in table["problem"]) == 3
    assert len(pd.DataFrame(table)) == 6


def test_what_the_images_have_in_common_is_a_warning():
    with pytest.warns(ImageWarning, match=r"value_range=\(0, 1023\)"):
        check_images(np.full((2, 4, 4), 1000, dtype=np.uint16))
    check_images(np.full((2, 4, 4), 1000, dtype=np.uint16), value_range=(0, 1023))


def test_wrong_parameters_are_an_error():
    with pytest.raises(ValueError, match="value_range"):
        check_images([np.zeros((2, 2))], value_range=(1, 1))


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_an_error_names_the_first_bad_image_and_counts_the_others(mixed, n_jobs, make_images):
    X = [*make_images(40), *mixed]
    extractor = ConvFeatureExtractor(TinyNet, image_size=16, n_jobs=n_jobs).fit(X)
    match = r"X\[41\].* does not exist.* 2 more cannot be read: check_images\(X\) lists them all\."
    with pytest.raises(OSError, match=match):
        extractor.transform(X)
    with pytest.raises(TypeError, match=r"X\[44\] is None") as caught:
        extractor.transform([*make_images(44), *mixed[4:]])
    assert "more cannot" not in str(caught.value)
    X[41] = X[40]
    with pytest.raises(ValueError, match=r"X\[43\].*unknown format.* 1 more cannot be read"):
        extractor.transform(X)


def test_counting_others_ends_after_some_time(mixed, monkeypatch):
    monkeypatch.setattr("sklearn_tl.embedding.rows.COUNT_SECONDS", 0)
    with pytest.raises(OSError, match=r"X\[1\]") as caught:
        ConvFeatureExtractor(TinyNet, image_size=16).fit_transform(mixed)
    assert "more cannot" not in str(caught.value)


def test_errors_of_a_loader_of_any_type_are_listed():
    def load(item):
        raise RuntimeError("no such scan")

    table = check_images(["a", "b"], loader=load)
    assert table["problem"].tolist() == [
        f"X[{i}] cannot be read (RuntimeError: no such scan)." for i in range(2)
    ]
    assert table["path"].tolist() == ["a", "b"]
