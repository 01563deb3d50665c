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


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_lower_and_a_higher_limit_reach_all_processes(n_jobs, make_images, monkeypatch):
    X = list(files(make_images, 40))
    strict = ConvFeatureExtractor(TinyNet, image_size=16, n_jobs=n_jobs, cache=None, max_pixels=99)
    with pytest.raises(ValueError, match="40 x 30 pixels are more than max_pixels=99"):
        strict.fit_transform(X)
    monkeypatch.setattr("sklearn_tl.images.decoding.MAX_PIXELS", 99)  # of this process alone
    loose = strict.set_params(max_pixels=None)
    assert loose.fit_transform(X).shape == (40, 6)


def test_the_limit_of_an_estimator_reaches_the_processes_of_a_search(make_images):
    X, y = list(files(make_images, 8)), [0, 1] * 4
    extractor = ConvFeatureExtractor(TinyNet, image_size=16, max_pixels=99)
    model = make_pipeline(extractor, LogisticRegression())
    with pytest.raises(ValueError, match="more than max_pixels=99"):
        cross_validate(model, X, y, cv=2, n_jobs=2, error_score="raise")


def test_a_limit_of_pil_is_said_not_to_travel(make_images, monkeypatch):
    extractor = ConvFeatureExtractor(TinyNet, image_size=16)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 99)
    with pytest.warns(ImageWarning, match="max_pixels=99"):
        extractor.__getstate__()


def test_half_a_file_is_read_in_all_processes_if_pil_is_told_to(make_images, monkeypatch):
    X = [data[:-100] for data in files(make_images, 40, "JPEG")]
    extractor = ConvFeatureExtractor(TinyNet, image_size=16, n_jobs=2, cache=None)
    with pytest.raises(ValueError, match="(?i)truncated"):
        extractor.fit_transform(X)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert np.isfinite(extractor.fit_transform(X)).all()
