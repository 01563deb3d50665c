"""Wide and tall images as tiles: one row per image, in every way that rows are computed."""

import pickle

import numpy as np
import pytest
from helpers.estimators import make, make_regressor
from helpers.networks import NormNet, TinyNet
from helpers.pictures import save_all, study
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_tl import ConvFeatureExtractor, ImageWarning, class_activation_maps
from sklearn_tl.embedding import FrozenPass

SIZES = [(20, 70), (40, 40), (64, 20), (30, 40), (33, 200), (1, 90)]


@pytest.fixture
def images(make_images):
    return [make_images(1, *size, seed=i)[0] for i, size in enumerate(SIZES * 3)]


def tiled(network=TinyNet, **parameters):
    parameters = {"image_size": 16, "cache": None} | parameters
    return ConvFeatureExtractor(network, resize_mode="tiles", **parameters)


def test_a_row_is_the_mean_of_the_rows_of_the_tiles(images):
    extractor = tiled().fit(images)
    rows, tiles = extractor.transform(images), extractor._preprocessing.tiles
    counts = [4, 1, 4, 2, 7, 1]
    assert [len(tiles(image)) for image in images] == counts * 3
    wanted = [extractor.transform(tiles(image)).mean(axis=0) for image in images]
    assert_array_equal(rows, wanted)


@pytest.mark.parametrize("on_cpu", [True, False])
@pytest.mark.parametrize("parameters", [{}, {"n_jobs": 2}, {"batch_size": 3}])
def test_rows_do_not_depend_on_how_they_are_computed(on_cpu, parameters, images, monkeypatch):
    wanted = tiled().fit_transform(images)
    if "n_jobs" not in parameters:  # other processes know nothing of it
        monkeypatch.setattr(FrozenPass, "on_cpu", on_cpu)
    got = tiled(**parameters).fit_transform(images)
    assert_allclose(got, wanted, rtol=0, atol=1e-5 * wanted.max())


def test_the_bits_of_a_row_depend_on_its_image_alone(images, make_images):
    images = images[:6]
    extractor = tiled("efficientnet_lite0", image_size=64).fit(images)
    rows, order = extractor.transform(images), [4, 2, 0]
    assert_array_equal(extractor.transform([images[i] for i in order]), rows[order])
    square = tiled("efficientnet_lite0", image_size=64).fit_transform(make_images(3, 64, 64))
    squash = extractor.set_params(resize_mode="squash").fit_transform(make_images(3, 64, 64))
    assert_array_equal(square, squash)


def test_no_batch_has_more_tiles_than_a_chunk(images, network_images):
    tiled("efficientnet_lite0", image_size=224).fit_transform(images[:6])
    assert sum(network_images) == 19
    assert max(network_images) <= 4


def test_files_and_arrays_have_the_same_rows(images, tmp_path):
    images = [np.repeat(np.repeat(image, 3, axis=0), 3, axis=1) for image in images[:5]]
    rows = tiled().fit_transform(images)
    for suffix in ("png", "tiff"):
        assert_array_equal(tiled().fit_transform(save_all(images, tmp_path, suffix)), rows)
    deep = [image.astype(np.uint16) * 257 for image in images]
    assert_allclose(tiled().fit_transform(deep), rows, atol=0.02)


def test_each_mode_has_its_own_rows_in_a_cache(images, network_images):
    modes, rows = ("crop", "pad", "squash", "tiles"), []
    for mode in modes * 2:
        n_before = len(network_images)
        extractor = ConvFeatureExtractor(TinyNet, image_size=16, resize_mode=mode)
        rows.append(extractor.fit_transform(images[:4]))
        assert (len(network_images) > n_before) == (len(rows) <= 4)
    assert all(not np.allclose(rows[i], rows[j]) for i in range(4) for j in range(i))
    for first, again in zip(rows[:4], rows[4:], strict=True):
        assert_array_equal(first, again)


def test_a_line_of_pixels_is_stretched_whatever_the_mode():
    X, rows = np.random.default_rng(0).random((7, 90)), []
    for mode in ("crop", "pad", "squash", "tiles"):
        extractor = ConvFeatureExtractor(
            TinyNet, image_size=16, image_shape="strip", resize_mode=mode
        )
        rows.append(extractor.fit_transform(X))
    for others in rows[1:]:
        assert_array_equal(others, rows[0])


def test_an_object_at_one_end_is_found():
    rng = np.random.default_rng(0)
    X, y = rng.integers(90, 110, (40, 24, 96, 3)).astype(np.uint8), np.arange(40) % 2
    for image, label in zip(X, y, strict=True):
        image[:, :24, label] = 250

    def score(mode):
        rows = ConvFeatureExtractor(TinyNet, image_size=16, resize_mode=mode).fit_transform(X)
        model = LogisticRegression(C=1000, max_iter=10_000).fit(rows[:20], y[:20])
        return model.score(rows[20:], y[20:])

    with pytest.warns(ImageWarning, match="40 images .* lose more than half"):
        assert score("crop") < 0.8
    assert score("pad") == score("squash") == score("tiles") == 1


@pytest.mark.parametrize("mode", ["pad", "squash", "tiles"])
def test_native_sizes_leave_nothing_to_fill(mode, images):
    extractor = ConvFeatureExtractor(TinyNet, image_size="native", resize_mode=mode)
    with pytest.raises(ValueError, match=f'resize_mode="{mode}" needs an image_size.*"native"'):
        extractor.fit(images)


def test_an_unknown_mode_is_refused(images):
    with pytest.raises(ValueError, match=r"'resize_mode' parameter .*'tiles'.*Got 'fit' instead"):
        ConvFeatureExtractor(TinyNet, resize_mode="fit").fit(images)


@pytest.mark.parametrize("kind", [make, make_regressor])
@pytest.mark.parametrize("unfreeze", [1, "all"])
def test_layers_are_not_trained_on_tiles(kind, unfreeze):
    X, y = study()
    match = rf'no layers can be trained.*unfreeze={unfreeze!r}.*"pad" or "squash", or unfreeze=None'
    with pytest.raises(ValueError, match=match):
        kind(unfreeze, resize_mode="tiles").fit(X, y)


@pytest.mark.parametrize(
    ("mode", "unfreeze", "augment"),
    [
        ("tiles", None, None),
        *((mode, unfreeze, None) for mode in ("pad", "squash") for unfreeze in (None, 1)),
        *((mode, "all", "standard") for mode in ("pad", "squash")),
    ],
)
def test_fine_tuning_sees_what_prediction_sees(mode, unfreeze, augment):
    X, y = study(2, 24)
    X = np.concatenate([np.full((24, 24, 60, 3), 100, dtype=np.uint8), X], axis=2)  # at one end
    model = make(unfreeze, resize_mode=mode, augment=augment).fit(X, y)
    assert model.score(X, y) == 1
    regressor = make_regressor(unfreeze, resize_mode=mode, augment=augment, max_epochs=1)
    assert np.isfinite(regressor.fit(X, y.astype(float)).predict(X)).all()


def test_what_keeps_positions_is_refused():
    X, y = study(2, 12)
    with pytest.raises(ValueError, match=r'tiles" .*no pooling="flatten".*"pad" or "squash"'):
        tiled(NormNet, pooling="flatten").fit(X)
    pipeline = make_pipeline(tiled(NormNet), LogisticRegression(max_iter=1000)).fit(X, y)
    for model in (pipeline, make(None, resize_mode="tiles").fit(X, y)):
        with pytest.raises(ValueError, match='tiles" there are no activation maps.*"pad"'):
            class_activation_maps(model, X)
    pipeline.set_params(convfeatureextractor__resize_mode="pad").fit(X, y)
    assert class_activation_maps(pipeline, X).shape[0] == 12


def test_a_pickle_that_is_older_than_the_parameter_crops(images):
    extractor = ConvFeatureExtractor(TinyNet, image_size=16).fit(images[:4])
    rows = extractor.transform(images[:4])
    del extractor.__dict__["resize_mode"]
    old = pickle.loads(pickle.dumps(extractor))
    assert old.get_params()["resize_mode"] == clone(old).resize_mode == "crop"
    assert_array_equal(old.transform(images[:4]), rows)
