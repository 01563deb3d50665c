"""Limits and switches hold in every process that reads images."""

import io

import numpy as np
import pytest
from helpers.networks import TinyNet
from PIL import Image, ImageFile
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline

from sklearn_tl import ConvFeatureExtractor, ImageWarning


def files(make_images, n, kind="PNG"):
    for image in make_images(n, 30, 40):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, kind)
        yield buffer.getvalue()


def test_a_higher_limit_reaches_all_processes(make_images, monkeypatch):
    X = list(files(make_images, 40))
    extractor = ConvFeatureExtractor(TinyNet, image_size=16, cache=None, max_pixels=99)
    with pytest.raises(ValueError, match="40 x 30 pixels are more than max_pixels=99"):
        extractor.fit_transform(X)
    extractor.set_params(max_pixels=40 * 30, n_jobs=2)
    assert extractor.fit_transform(X).shape == (40, 6)


def test_a_limit_of_pil_is_said_not_to_travel(make_images, monkeypatch):
    extractor = ConvFeatureExtractor(TinyNet, image_size=16)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 99)
    with pytest.warns(ImageWarning, match="max_pixels=99"):
        extractor.__getstate__()


def test_half_a_file_is_read_in_all_processes_if_pil_is_told_to(make_images, monkeypatch):
    X = [data[:-100] for data in files(make_images, 40, "JPEG")]
    extractor = ConvFeatureExtractor(TinyNet, image_size=16, cache=None)
    with pytest.raises(ValueError, match="(?i)truncated"):
        extractor.fit_transform(X)
    extractor.set_params(n_jobs=2)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert np.isfinite(extractor.fit_transform(X)).all()


def test_a_lower_limit_reaches_the_processes_of_a_search(make_images):
    X, y = list(files(make_images, 8)), [0, 1] * 4
    extractor = ConvFeatureExtractor(TinyNet, image_size=16, max_pixels=99)
    model = make_pipeline(extractor, LogisticRegression())
    with pytest.raises(ValueError, match="more than max_pixels=99"):
        cross_validate(model, X, y, cv=2, n_jobs=2, error_score="raise")
