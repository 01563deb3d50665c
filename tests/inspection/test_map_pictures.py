"""Pictures that need no matplotlib: an image as a model reads it, and its map in colours."""

import numpy as np
import pytest
from helpers.inspection import squares
from helpers.networks import NormNet
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_tl import ConvFeatureExtractor, class_activation_maps
from sklearn_tl.comparison import RawPixels
from sklearn_tl.inspection import map_picture, picture_of


def fit(**parameters):
    X, y, _ = squares(3, 12)
    extractor = ConvFeatureExtractor(NormNet, image_size=48, **parameters)
    return make_pipeline(extractor, LogisticRegression(max_iter=1000)).fit(X, y)


def test_the_colours_are_light_where_the_map_is_high():
    model = fit(resize_mode="squash")  # the network sees the whole image
    X, *_ = squares(1, 1)
    lit = map_picture(model, X[0], 0, 48).astype(float).mean(axis=2)
    (values,) = class_activation_maps(model, X, [0])
    side = 48 // len(values)
    means = lit.reshape(len(values), side, len(values), side).mean((1, 3))
    assert np.corrcoef(means.ravel(), values.ravel())[0, 1] > 0.9
    assert np.ptp(means) > 100


def test_what_the_network_does_not_see_is_pale_and_grey():
    model = fit()
    wide = np.zeros((48, 144, 3), np.uint8)
    wide[..., 0] = 240
    lit = map_picture(model, wide, 1, 144)
    assert lit.shape == (48, 144, 3)
    assert (lit[:, :40] == 194).all()  # 65 % of white, and 35 % of the mean of the three colours
    assert (lit[4:44, 60:84, 0] != lit[4:44, 60:84, 2]).all()


def test_a_picture_is_read_as_the_model_reads_it(tmp_path):
    path = tmp_path / "deep.tif"
    Image.fromarray(np.full((40, 80), 1023, np.int32)).save(path)
    X = np.random.default_rng(0).integers(0, 256, (6, 40, 44, 3), dtype=np.uint8)
    extractor = ConvFeatureExtractor(NormNet, image_size=48, value_range=(0, 1023))
    model = make_pipeline(extractor, LogisticRegression()).fit(X, [0, 1] * 3)
    picture = picture_of(model, str(path), 20)
    assert picture.shape == (10, 20, 3)
    assert picture.min() == 255


def test_a_model_without_maps_says_so():
    X, *_ = squares(2, 12)
    model = make_pipeline(RawPixels(), LogisticRegression()).fit(X, [0, 1] * 6)
    assert picture_of(model, X[0], 48).shape == (48, 48, 3)
    with pytest.raises(TypeError, match="have no maps"):
        map_picture(model, X[0], 0, 48)
