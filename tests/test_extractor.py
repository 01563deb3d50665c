"""`ConvFeatureExtractor` as its users meet it."""

import inspect
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from helpers.networks import NormNet, TinyNet
from helpers.pictures import save_all, study
from helpers.processes import elsewhere
from PIL import Image
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sklearn_tl import ConvFeatureExtractor, save
from sklearn_tl._utils import progress
from sklearn_tl.backbones import load_backbone
from sklearn_tl.cache import MEMORY
from sklearn_tl.embedding import FrozenPass
from sklearn_tl.embedding.batches import compute
from sklearn_tl.images.sequence import as_images


@pytest.fixture
def extractor():
    return ConvFeatureExtractor(TinyNet, image_size=32)


# --- a transformer of scikit-learn ---------------------------------------------------------------


def test_rows_are_float32_and_contiguous(extractor, make_images):
    X = make_images()
    rows = extractor.fit_transform(X)
    assert rows.shape == (6, 6)
    assert rows.dtype == np.float32
    assert rows.flags.c_contiguous
    assert np.isfinite(rows).all()
    assert len(np.unique(rows, axis=0)) == 6


def test_feature_names_tables_and_repr_are_those_of_scikit_learn(extractor, make_images):
    extractor.set_output(transform="pandas")
    frame = extractor.fit_transform(make_images())
    names = [f"convfeatureextractor{i}" for i in range(6)]
    assert list(frame.columns) == list(extractor.get_feature_names_out()) == names
    assert "ConvFeatureExtractor" in extractor._repr_html_()
    assert "ConvFeatureExtractor" in repr(extractor)


def test_clones_have_the_same_parameters(make_images):
    pipeline = Pipeline([("conv", ConvFeatureExtractor(TinyNet)), ("clf", LogisticRegression())])
    pipeline.set_params(conv__layer="stem", conv__image_size=32)
    copy = clone(pipeline)
    assert copy["conv"].layer == "stem"
    assert copy["conv"].fit_transform(make_images()).shape == (6, 4)
    # set_params takes effect at the next fit
    copy["conv"].set_params(layer=["stem", "stage"], pooling="avgmax")
    assert copy["conv"].fit_transform(make_images()).shape == (6, 20)


def test_an_unfitted_extractor_says_so(extractor, make_images):
    with pytest.raises(NotFittedError):
        extractor.transform(make_images())


def test_tags_follow_image_shape(extractor):
    assert not extractor.__sklearn_tags__().input_tags.two_d_array
    assert extractor.set_params(image_shape="strip").__sklearn_tags__().input_tags.two_d_array


def test_fit_reads_no_pixels(extractor):
    extractor.fit(["/nowhere/1.jpg"])  # the file is missed only when it is needed
    with pytest.raises(FileNotFoundError, match=r"X\[0\].*nowhere"):
        extractor.transform(["/nowhere/1.jpg"])


def test_input_and_parameters_are_not_changed(make_images):
    module, X = TinyNet().train(), make_images()
    state = {k: v.clone() for k, v in module.state_dict().items()}
    before = X.copy()
    extractor = ConvFeatureExtractor(module, image_size=32, layer=["stem"])
    extractor.fit_transform(X)
    np.testing.assert_array_equal(X, before)
    assert extractor.backbone is module
    assert module.training
    assert all(p.requires_grad for p in module.parameters())
    assert all(torch.equal(v, state[k]) for k, v in module.state_dict().items())


# --- forms of input -----------------------------------------------------------------------------


def test_the_same_image_gives_the_same_row_in_every_form(extractor, make_images, tmp_path):
    X = make_images(4, 50, 37)
    paths = save_all(X, tmp_path)
    reference = extractor.fit_transform(X)
    images = [Image.fromarray(image) for image in X]
    column = pd.DataFrame({"photo": [str(path) for path in paths], "weight": 1.0})
    forms = {
        "paths": paths,
        "strings": [str(path) for path in paths],
        "PIL": images,
        "mixed": [X[0], paths[1], images[2], str(paths[3])],
        "floats": X / 255,
        "float32": (X / 255).astype(np.float32),
        "uint16": X.astype(np.uint16) * 257,
        "tensor": torch.from_numpy(X).permute(0, 3, 1, 2),
        "series": column["photo"],
        "table": column[["photo"]],
        "string array": np.array([str(path) for path in paths]),
        "object column": column[["photo"]].to_numpy(),
        "pairs": [(image, 0) for image in images],
        "integers": X.astype(int),
        "flat": X.reshape(4, -1),
    }
    options = {"integers": {"value_range": (0, 255)}, "flat": {"image_shape": (50, 37, 3)}}
    for form, given in forms.items():
        extractor = ConvFeatureExtractor(TinyNet, image_size=32, cache=None)
        rows = extractor.set_params(**options.get(form, {})).fit_transform(given)
        np.testing.assert_allclose(rows, reference, atol=1e-5, err_msg=form)


def test_jpeg_by_path_and_by_pil_is_exactly_the_same(make_images, tmp_path):
    paths = save_all(make_images(3, 90, 70), tmp_path, "jpg")
    extractor = ConvFeatureExtractor(image_size=64, cache=None).fit(paths)
    np.testing.assert_array_equal(
        extractor.transform(paths), extractor.transform([Image.open(path) for path in paths])
    )


def test_a_column_transformer_passes_one_column(make_images, tmp_path):
    table = pd.DataFrame({"photo": save_all(make_images(), tmp_path), "weight": range(6)})
    table.index = table.index[::-1]
    for column in ("photo", ["photo"]):
        both = ColumnTransformer(
            [("conv", ConvFeatureExtractor(TinyNet, image_size=32), column)],
            remainder="passthrough",
        )
        rows = both.fit_transform(table)
        assert rows.shape == (6, 7)
        np.testing.assert_allclose(rows[:, -1], range(6))
    assert list(both["conv"].feature_names_in_) == ["photo"]
    with pytest.raises(ValueError, match="feature names"):
        both["conv"].transform(table[["photo"]].rename(columns={"photo": "picture"}))


def test_a_dataset_of_torchvision_is_read(make_images, tmp_path):
    from torchvision.datasets import ImageFolder

    (tmp_path / "a").mkdir()
    paths = save_all(make_images(3), tmp_path / "a")
    extractor = ConvFeatureExtractor(TinyNet, image_size=32, cache=None).fit(paths)
    np.testing.assert_array_equal(
        extractor.transform(ImageFolder(tmp_path)), extractor.transform(paths)
    )


def test_order_and_subset_make_no_difference(make_images):
    X = make_images(9)
    extractor = ConvFeatureExtractor(image_size=64, cache=None, batch_size=4).fit(X)
    rows = extractor.transform(X)
    scale = np.abs(rows).max()
    np.testing.assert_allclose(extractor.transform(X[::-1])[::-1], rows, atol=1e-5 * scale)
    np.testing.assert_allclose(extractor.transform(X[3:5]), rows[3:5], atol=1e-5 * scale)


def test_image_sizes_change_the_input(make_images):
    X = [*make_images(2, 40, 52), *make_images(2, 33, 90, seed=1), make_images(1, 200, 41)[0]]
    for size in (32, np.int64(32), (24, 48), "native", None):
        rows = ConvFeatureExtractor(TinyNet, image_size=size).fit_transform(X)
        assert rows.shape == (5, 6)
    native = ConvFeatureExtractor(TinyNet, image_size="native", cache=None).fit(X)
    alone = np.concatenate([native.transform([image]) for image in X])
    np.testing.assert_allclose(native.transform(X), alone, atol=1e-6)
    flat = ConvFeatureExtractor(TinyNet, image_size=(24, 48), pooling="flatten", layer="stem")
    assert flat.fit_transform(X).shape == (5, 4 * 12 * 24)


def test_images_of_many_sizes_do_not_pile_up():
    """Of 40 shapes none fills a batch; all the same no more than four batches may wait."""
    rng = np.random.default_rng(0)
    X = [rng.integers(0, 256, (10 + i, 12, 3), dtype=np.uint8) for i in range(40)]
    read = []

    class Watched(list):
        def __getitem__(self, i):
            read.append(i)
            return super().__getitem__(i)

    extractor = ConvFeatureExtractor(TinyNet, image_size="native", batch_size=2).fit(X)
    batches = compute(as_images(Watched(X)), [range(40)], extractor.frozen_pass(), True, 1)
    first = next(batches)
    assert len(read) <= 4 * 2 + 2 * 2 + 1  # waiting for their like, and read ahead
    order = [*first[0], *(i for indices, _, _ in batches for i in indices)]
    assert sorted(order) == list(range(40))
    np.testing.assert_allclose(extractor.transform(X)[7], extractor.transform(X[7:8])[0], atol=1e-6)


def test_the_whole_strip_reaches_the_network():
    """The ends of a spectrum count as much as its middle."""
    X = np.zeros((3, 100))
    X[1, :5] = X[2, -5:] = 1
    rows = ConvFeatureExtractor(TinyNet, image_shape="strip", image_size=50).fit_transform(X)
    assert np.abs(rows[1] - rows[0]).max() > 1e-4
    assert np.abs(rows[2] - rows[0]).max() > 1e-4


def test_very_long_images_take_little_memory():
    """Scaled whole they would be (3, 256, 768000)."""
    preprocessing = load_backbone("efficientnet_lite0").preprocessing
    pixels = np.zeros((2, 6000, 3), dtype=np.uint8)
    pixels[:, 2990:3010] = 200  # the middle is what the centre crop keeps
    assert preprocessing(pixels).min() > 0
    assert preprocessing(pixels.transpose(1, 0, 2).copy()).min() > 0


def test_parameters_that_decide_what_is_computed_wait_for_the_next_fit(extractor, make_images):
    X = make_images()
    expected = extractor.fit(X).transform(X)
    at_once = {"cache": None, "batch_size": 2, "device": "cpu", "n_jobs": 1, "verbose": 0}
    at_once |= {"max_pixels": 10**6}
    later = {
        "backbone": NormNet,
        "weights": None,
        "layer": "stem",
        "pooling": "max",
        "normalization": "l2",
        "image_size": 20,
        "resize_mode": "squash",
        "image_shape": "strip",
        "value_range": (0, 100),
        "channels": (0,),
        "page": 0,
        "loader": str,
        "draft": False,
        "precision": "bfloat16",
    }
    assert {*at_once, *later, "engine"} == set(extractor.get_params())
    extractor.set_params(**at_once, **later)
    np.testing.assert_allclose(extractor.transform(X), expected, rtol=1e-5)
    loaded = pickle.loads(pickle.dumps(extractor))
    np.testing.assert_allclose(loaded.transform(X), expected, rtol=1e-5)
    now = {"image_shape": None, "channels": None, "loader": None}
    changed = extractor.set_params(**now).fit(X).transform(X)
    assert changed.shape != expected.shape


def test_poolings_reduce_activations(make_images):
    X = make_images(3)
    rows = {
        pooling: ConvFeatureExtractor(TinyNet, image_size=32, pooling=pooling).fit_transform(X)
        for pooling in ("avg", "max", "avgmax", "flatten")
    }
    flat = rows["flatten"].reshape(3, 6, -1)
    np.testing.assert_allclose(rows["avg"], flat.mean(2), atol=1e-6)
    np.testing.assert_allclose(rows["max"], flat.max(2), atol=1e-6)
    np.testing.assert_array_equal(rows["avgmax"], np.hstack([rows["avg"], rows["max"]]))


def test_several_layers_are_put_side_by_side(make_images):
    X = make_images(3)
    both = ConvFeatureExtractor(TinyNet, image_size=32, layer=("stage", "stem")).fit_transform(X)
    single = [
        ConvFeatureExtractor(TinyNet, image_size=32, layer=layer).fit_transform(X)
        for layer in ("stage", "stem")
    ]
    np.testing.assert_allclose(both, np.hstack(single), atol=1e-6)


def test_bfloat16_is_close(make_images):
    X = make_images(3)
    rows, coarse = (
        ConvFeatureExtractor(image_size=64, precision=precision).fit_transform(X)
        for precision in ("float32", "bfloat16")
    )
    assert coarse.dtype == np.float32
    assert 0 < np.abs(rows - coarse).max() < 0.1 * np.abs(rows).max()


# --- the cache ----------------------------------------------------------------------------------


def grid(cache, X):
    pipeline = make_pipeline(
        ConvFeatureExtractor(TinyNet, image_size=32, cache=cache, batch_size=8),
        StandardScaler(),
        LogisticRegression(),
    )
    candidates = {"logisticregression__C": np.logspace(-3, 2, 6)}
    return GridSearchCV(pipeline, candidates, cv=5, error_score="raise")


def test_grid_search_runs_each_image_once(network_images):
    X, y = study(n=25)
    search = grid("memory", X).fit(X, y)
    assert sum(network_images) == len(X)
    search.score(X, y)
    assert sum(network_images) == len(X)
    assert search.best_score_ > 0.9


def second_search(path):
    count, rows = [], FrozenPass.compute_rows
    FrozenPass.compute_rows = lambda self, batch: (count.append(batch.any()), rows(self, batch))[1]
    X, y = study(n=25)
    score = grid(path, X).fit(X, y).best_score_
    return sum(count), score


def test_a_cache_file_serves_a_new_process(network_images, tmp_path):
    X, y = study(n=25)
    path = tmp_path / "rows.sqlite"
    score = grid(path, X).fit(X, y).best_score_
    assert sum(network_images) == len(X)
    assert elsewhere(second_search, path) == (0, score)


def test_a_study_goes_on_if_the_cache_is_a_foreign_file(tmp_path):
    X, _ = study(n=10)
    (tmp_path / "rows.sqlite").write_text("not a cache\n" * 500)
    extractor = ConvFeatureExtractor(TinyNet, image_size=32, cache=tmp_path / "rows.sqlite")
    with pytest.warns(UserWarning, match="set aside"):
        rows = extractor.fit_transform(X)
    np.testing.assert_array_equal(rows, extractor.set_params(cache=None).fit_transform(X))


@pytest.mark.parametrize("cache", ["memory", None])
def test_duplicates_are_computed_once(cache, make_images, network_images):
    X = make_images(3)
    extractor = ConvFeatureExtractor(TinyNet, image_size=32, cache=cache)
    rows = extractor.fit_transform(X[[0, 1, 0, 2, 2, 0]])
    assert sum(network_images) == 3
    np.testing.assert_array_equal(rows[0], rows[2])
    np.testing.assert_array_equal(rows[3], rows[4])
    np.testing.assert_allclose(rows[[0, 1, 3]], extractor.transform(X), atol=1e-6)


def test_one_lazy_pil_image_can_come_many_times(make_images, tmp_path):
    """PIL decodes an open file at first use, and bears only one thread then."""
    (path,) = save_all(make_images(1, 300, 400), tmp_path, "jpg")
    with Image.open(path) as image:
        rows = ConvFeatureExtractor(TinyNet, image_size=32).fit_transform([image] * 300)
    assert np.ptp(rows, axis=0).max() == 0


def test_an_image_of_one_pixel_has_a_row():
    rows = ConvFeatureExtractor(image_size=64).fit_transform(np.zeros((1, 1, 1, 3), np.uint8))
    assert np.isfinite(rows).all()


CHANGES = {
    "resize_mode": "pad",
    "backbone": lambda: TinyNet(seed=1),
    "weights": None,  # set in the test: a file
    "layer": "stem",
    "pooling": "max",
    "image_size": 48,
    "value_range": (0, 200),
    "channels": (0, 0, 1),
    "loader": lambda image: 255 - image,
    "precision": "bfloat16",
}
SAME_ROWS = {
    "batch_size": 2,
    "device": "cpu",
    "cache": "memory",
    "n_jobs": 1,
    "verbose": 0,
}


def test_every_parameter_that_changes_rows_changes_the_key(network_images, tmp_path):
    X, _ = study(n=4)
    torch.save(TinyNet(seed=2).state_dict(), tmp_path / "tiny.pth")
    changes = CHANGES | {"weights": tmp_path / "tiny.pth"}
    parameters = set(inspect.signature(ConvFeatureExtractor).parameters)
    # In other tests. Rows are normalised after the cache.
    elsewhere = {"image_shape", "draft", "page", "max_pixels", "engine", "normalization"}
    assert parameters == {*changes, *SAME_ROWS, *elsewhere}

    base = ConvFeatureExtractor(TinyNet, image_size=32)
    reference = base.fit_transform(X)
    assert sum(network_images) == 4
    for name, value in changes.items():
        network_images.clear()
        changed = clone(base).set_params(**{name: value})
        rows = changed.fit_transform(X)
        assert sum(network_images) == 4, name
        assert rows.shape != reference.shape or not np.array_equal(rows, reference), name
        uncached = changed.set_params(cache=None).fit_transform(X)
        np.testing.assert_allclose(rows, uncached, atol=1e-6, err_msg=name)
    network_images.clear()
    for name, value in SAME_ROWS.items():
        clone(base).set_params(**{name: value}).fit_transform(X)
        assert not network_images, name


def test_image_shape_changes_the_key(network_images):
    X = np.random.default_rng(0).random((4, 48))
    reference = ConvFeatureExtractor(TinyNet, image_size=32, image_shape=(6, 8)).fit_transform(X)
    for shape in [(8, 6), (4, 4, 3), "strip"]:
        network_images.clear()
        rows = ConvFeatureExtractor(TinyNet, image_size=32, image_shape=shape).fit_transform(X)
        assert sum(network_images) == 4
        assert not np.allclose(rows, reference)


def test_a_changed_file_is_computed_again(make_images, network_images, tmp_path):
    X = make_images(2)
    (path,) = save_all(X[:1], tmp_path)
    extractor = ConvFeatureExtractor(TinyNet, image_size=32)
    first = extractor.fit_transform([path])
    path.rename(tmp_path / "renamed.png")
    np.testing.assert_array_equal(extractor.transform([tmp_path / "renamed.png"]), first)
    assert sum(network_images) == 1
    save_all(X[1:], tmp_path)
    assert not np.array_equal(extractor.transform([path]), first)


def test_rows_computed_before_an_error_are_kept(make_images, network_images, tmp_path):
    paths = save_all(make_images(8), tmp_path)
    paths[6].write_bytes(paths[6].read_bytes()[:60])
    extractor = ConvFeatureExtractor(TinyNet, image_size=32, batch_size=2).fit(paths)
    with pytest.raises(ValueError, match=r"X\[6\].*6\.png"):
        extractor.transform(paths)
    assert len(MEMORY) == 6


# --- processes ----------------------------------------------------------------------------------


def test_cross_validation_with_two_jobs_gives_the_same_scores(tmp_path):
    X, y = study(n=24)
    paths = save_all(X, tmp_path)
    pipeline = make_pipeline(
        ConvFeatureExtractor(TinyNet, image_size=32, cache=tmp_path / "c"), LogisticRegression()
    )
    one = cross_validate(pipeline, paths, y, cv=3)
    two = cross_validate(pipeline, paths, y, cv=3, n_jobs=2)
    np.testing.assert_array_equal(one["test_score"], two["test_score"])


@pytest.mark.parametrize("form", ["arrays", "paths"])
def test_transform_with_two_jobs_gives_the_same_bits(form, make_images, network_images, tmp_path):
    X = make_images(10)
    X = save_all(X, tmp_path) if form == "paths" else X
    extractor = ConvFeatureExtractor(image_size=64, batch_size=4, cache=None).fit(X)
    rows = extractor.transform(X)
    scale = np.abs(rows).max()
    network_images.clear()
    extractor.set_params(n_jobs=2, cache="memory")
    np.testing.assert_allclose(extractor.transform(X), rows, atol=1e-5 * scale)
    assert not network_images  # it ran elsewhere, ...
    extractor.set_params(n_jobs=1).transform(X)
    assert not network_images  # ... and the rows came into this process's cache


def test_an_own_module_that_changed_after_fit_works_in_workers(make_images):
    module, X = TinyNet(), make_images(6)
    extractor = ConvFeatureExtractor(module, image_size=32, batch_size=2, cache=None).fit(X)
    rows = extractor.transform(X)
    with torch.no_grad():
        module.stem[0].weight.zero_()
    np.testing.assert_allclose(extractor.set_params(n_jobs=2).transform(X), rows, atol=1e-6)


def test_too_small_image_is_named_by_its_position_in_workers(make_images):
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 9), torch.nn.AdaptiveAvgPool2d(1))
    X = [*make_images(4), make_images(1, 5, 7)[0]]
    extractor = ConvFeatureExtractor(network, image_size="native", batch_size=2, n_jobs=2).fit(X)
    with pytest.raises(ValueError, match=r"X\[4\] has 5 x 7 pixels"):
        extractor.transform(X)


def test_errors_in_workers_arrive(tmp_path):
    paths = [*save_all(study(n=6)[0], tmp_path), tmp_path / "bad.jpg"]
    paths[-1].write_text("no photograph")
    extractor = ConvFeatureExtractor(TinyNet, image_size=32, n_jobs=2, batch_size=2).fit(paths)
    with pytest.raises(ValueError, match=r"X\[6\].*bad\.jpg"):
        extractor.transform(paths)


# --- persistence --------------------------------------------------------------------------------


def predict(path, X):
    # On one thread of BLAS: with several, the last bits of scikit-learn's own product of matrices
    # depend on whether another thread keeps BLAS busy.
    with threadpool_limits(1, user_api="blas"):
        return joblib.load(path).predict_proba(X)


def test_pipeline_is_small_and_predicts_the_same_bits_elsewhere(tmp_path):
    X, y = study(n_classes=12, n=36)
    model = make_pipeline(
        ConvFeatureExtractor(image_size=64), StandardScaler(), LogisticRegression(max_iter=500)
    ).fit(X, y)
    joblib.dump(model, tmp_path / "model.joblib")
    assert (tmp_path / "model.joblib").stat().st_size < 200_000
    save(model, tmp_path / "model.sktl")
    assert (tmp_path / "model.sktl").stat().st_size < 250_000  # with the coefficients in float64
    there = elsewhere(predict, tmp_path / "model.joblib", X)
    np.testing.assert_array_equal(there, predict(tmp_path / "model.joblib", X))


def test_weights_that_changed_or_are_gone_are_an_error(make_images, tmp_path):
    X, path = make_images(), tmp_path / "tiny.pth"
    torch.save(TinyNet().state_dict(), path)
    extractor = ConvFeatureExtractor(TinyNet, weights=path, image_size=32).fit(X)
    joblib.dump(extractor, tmp_path / "model.joblib")
    np.testing.assert_array_equal(
        joblib.load(tmp_path / "model.joblib").transform(X), extractor.transform(X)
    )
    torch.save(TinyNet(seed=1).state_dict(), path)
    with pytest.raises(ValueError, match=r"fitted on TinyNet with weights=.*tiny\.pth.*changed"):
        joblib.load(tmp_path / "model.joblib").transform(X)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"tiny\.pth"):
        joblib.load(tmp_path / "model.joblib").transform(X)


def test_a_pickle_contains_an_own_module(make_images, tmp_path):
    extractor = ConvFeatureExtractor(TinyNet(), image_size=32).fit(make_images())
    joblib.dump(extractor, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(
        loaded.transform(make_images()), extractor.transform(make_images())
    )


# --- wrong parameters ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"backbone": "efficientnet_lite"}, ValueError, "Did you mean 'efficientnet_lite"),
        ({"layer": "stages"}, ValueError, "no layer 'stages'. Did you mean 'stage'"),
        ({"layer": ["stem", "stm"]}, ValueError, "no layer 'stm'"),
        ({"pooling": "average"}, ValueError, "pooling='average'.*Did you mean 'avg'"),
        ({"weights": "IMAGENET"}, ValueError, "your own network"),
        ({"image_size": 0}, ValueError, "image_size"),
        ({"image_size": (0, 5)}, ValueError, "pair"),
        ({"image_size": (32, 32, 3)}, ValueError, "pair"),
        ({"image_size": "large"}, ValueError, "native"),
        ({"image_shape": (5,)}, ValueError, "image_shape"),
        ({"image_shape": (5, 5, 2, 1)}, ValueError, "image_shape"),
        ({"channels": ()}, ValueError, "counted from 0"),
        ({"channels": (0, -1)}, ValueError, "counted from 0"),
        ({"channels": 3}, ValueError, "channels"),
        ({"page": "min"}, ValueError, "page"),
        ({"page": -1}, ValueError, "page"),
        ({"loader": "cv2"}, ValueError, "loader"),
        ({"max_pixels": 0}, ValueError, "max_pixels"),
        ({"value_range": (1, 1)}, ValueError, "two different"),
        ({"value_range": (0, np.nan)}, ValueError, "two different"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"precision": "float16"}, ValueError, "precision"),
        ({"cache": 7}, ValueError, "cache"),
        ({"device": "gpu"}, ValueError, "device='gpu' cannot be used here.*cpu"),
        ({"device": "cuda:99"}, ValueError, "device='cuda:99' cannot be used here.*auto"),
        ({"layer": []}, ValueError, r"layer=\[\] must be.*stem, stage"),
        ({"layer": ["stem", "stem"]}, ValueError, "several different names"),
        ({"pooling": "flatten", "image_size": "native"}, ValueError, "one image_size"),
    ],
)
def test_errors_name_wrong_parameters(parameters, error, message, make_images):
    extractor = ConvFeatureExtractor(**({"backbone": TinyNet, "image_size": 32} | parameters))
    with pytest.raises(error, match=message):
        extractor.fit(make_images())


def test_an_image_too_small_for_the_network_is_an_error(make_images):
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 9), torch.nn.AdaptiveAvgPool2d(1))
    with pytest.raises(ValueError, match="cannot process images of 4 x 4 pixels.*image_size"):
        ConvFeatureExtractor(network, image_size=4).fit(make_images())
    extractor = ConvFeatureExtractor(network, image_size="native", layer="0").fit(make_images())
    with pytest.raises(ValueError, match=r"X\[0\] has 5 x 7 pixels.*native"):
        extractor.transform(make_images(1, 5, 7))


def test_verbose_shows_a_progress_bar(extractor, make_images, capsys):
    extractor.fit_transform(make_images())
    assert capsys.readouterr() == ("", "")
    extractor.set_params(verbose=1).fit_transform([*make_images(), *make_images(2, seed=1)])
    err = capsys.readouterr().err
    assert "8/8" in err
    assert "6 from the cache" in err


def test_a_notebook_without_widgets_gets_text():
    code = (
        "import runpy, sys, types\n"
        "shell = types.SimpleNamespace(config={'IPKernelApp': {}})\n"  # older tqdm looks here
        "sys.modules['IPython'] = types.SimpleNamespace(get_ipython=lambda: shell)\n"
        "sys.modules['ipykernel.zmqshell'] = types.ModuleType('')\n"
        "sys.modules['ipywidgets'] = None\n"
        f"tqdm = runpy.run_path({progress.__file__!r})['tqdm']\n"
        "assert 'tqdm.notebook' in sys.modules, 'no notebook found'\n"
        "with tqdm(total=2) as bar:\n"
        "    bar.update(2)\n"
    )
    command = [sys.executable, "-W", "always", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "2/2" in done.stderr
    assert "Warning" not in done.stderr


def test_a_pass_over_several_layers_serves_each_of_them(make_images, network_images, tmp_path):
    X = make_images(20)
    layers = ["stem", "stage1", "stage2"]
    for cache in ("memory", tmp_path / "cache"):
        parameters = {"backbone": NormNet, "image_size": 32, "cache": cache}
        together = ConvFeatureExtractor(layer=layers, **parameters).fit_transform(X)
        assert sum(network_images) == 20
        alone = [ConvFeatureExtractor(layer=n, **parameters).fit_transform(X) for n in layers]
        np.testing.assert_array_equal(np.hstack(alone), together)
        two = ConvFeatureExtractor(layer=["stage2", "stem"], **parameters).fit_transform(X)
        np.testing.assert_array_equal(two, np.hstack([alone[2], alone[0]]))
        assert sum(network_images) == 20
        ConvFeatureExtractor(layer=["stem", "pool"], **parameters).fit_transform(X)
        assert sum(network_images) == 40  # not all of the layers were there
        network_images.clear()
