"""The comparison: the same folds for all, nothing that leaks, each image once."""

import numpy as np
import pytest
from helpers.networks import NormNet
from helpers.pictures import study
from helpers.strategies import Recorder, two_strategies
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit, StratifiedKFold
from sklearn.pipeline import make_pipeline

from sklearn_tl import ConvFeatureExtractor, cache_info, compare_strategies
from sklearn_tl.comparison import QUICK_STRATEGIES, default_strategies


def test_each_image_goes_through_the_network_once_and_all_figures_are_there(network_images):
    X, y = study(3, 45)
    result = compare_strategies(X, y, strategies=two_strategies(), cv=3, random_state=0)
    assert sum(network_images) == 45  # once, for the embeddings and up to the boundary
    assert np.ptp(result.results_["frozen_time"]) == 0  # it was the same pass
    frame = result.to_frame()
    assert frame["strategy"].tolist() == ["linear", "last"]
    assert (frame["train_size"] == 30).all()
    assert frame.filter(regex="split._test_score").shape == (2, 3)
    assert (frame["mean_test_score"] > 0.8).all()
    assert (frame[["mean_fit_time", "mean_score_time", "pickle_size"]] > 0).all(axis=None)
    linear, last = frame["n_trainable_parameters"]
    assert linear == 8 * 3 + 3
    assert last == linear + 10 * 8 * 9 + 8 + 2 * 8
    for name in ("linear", "last"):
        scores = result.scores(name)
        predicted = result.predictions_[name]
        for (_, test), score in zip(result.splits_, scores, strict=True):
            assert accuracy_score(y[test], predicted[test]) == score
        assert_array_equal(result.probabilities_[name].argmax(1), predicted)
    assert_array_equal(result.best_estimator_.classes_, [0, 1, 2])
    assert result.best_estimator_.score(X, y) > 0.8


def test_all_strategies_see_the_same_folds_and_sizes():
    X, y = np.arange(40).repeat(4 * 4 * 3).reshape(40, 4, 4, 3).astype(np.uint8), [0, 1] * 20
    Recorder.fits.clear()
    result = compare_strategies(
        X,
        y,
        strategies={"a": Recorder(), "b": Recorder()},
        cv=2,
        train_sizes=[4],
        random_state=3,
    )
    assert result.results_["train_size"].tolist() == [4, 20] * 2
    fits = [sorted(fit[:, 0, 0, 0].tolist()) for fit in Recorder.fits]
    first, second = fits[:4], fits[4:8]
    assert first == second
    assert list(map(len, first)) == [4, 4, 20, 20]
    for small, large in ((first[0], first[2]), (first[1], first[3])):
        assert set(small) < set(large)
        assert sum(i % 2 for i in small) == 2  # stratified
    assert len(fits) == 9
    assert len(fits[8]) == 40  # the best one, on all
    assert [fit for fit in fits[:8] if len(fit) == 40] == []


def test_raw_pixels_win_on_digits():
    digits = load_digits(n_class=4)
    X, y = digits.images[::2] / 16, digits.target[::2]
    chosen = ["raw pixels", "embeddings"]
    result = compare_strategies(X, y, strategies=chosen, image_size=64, cv=3, random_state=0)
    assert result.best_strategy_ == "raw pixels"
    assert result.scores("raw pixels").mean() > result.scores("embeddings").mean()
    assert "do not show that transfer learning helps" in result.summary()


def test_all_default_strategies_are_compared_unless_some_are_named():
    X, y = study(2, 20)
    options = {"backbone": NormNet, "image_size": 32, "cv": 2, "random_state": 0}
    chosen = compare_strategies(X, y, **options)
    assert chosen.results_["strategy"].tolist() == list(default_strategies())
    assert np.isfinite(chosen.results_["mean_test_score"]).all()
    some = ["embeddings", "raw pixels"]
    two = compare_strategies(X, y, strategies=some, train_sizes=[4], **options)
    assert two.strategies_ == ["raw pixels", "embeddings"]


def test_what_reads_images_reaches_the_strategies_and_stays_in_the_best_one(tmp_path):
    X, y = study(2, 16)
    rows = X.reshape(16, -1) * 16.0 + 7  # from 7 to 4087
    options = {"weights": None, "image_size": 32, "strategies": ["embeddings"], "cv": 2}
    reading = {
        "image_shape": (24, 30, 3),
        "value_range": (7, 4087),
        "cache": tmp_path / "rows.sqlite",
    }
    result = compare_strategies(rows, y, random_state=0, **options, **reading)
    assert (tmp_path / "rows.sqlite").exists()
    extractor = result.best_estimator_[0]
    kept = extractor.get_params()
    assert {name: kept[name] for name in reading} == reading
    assert (kept["weights"], kept["image_size"]) == (None, 32)
    images = (rows.reshape(X.shape) - 7) / 4080
    expected = compare_strategies(images, y, random_state=0, **options)
    a, b = result.probabilities_["embeddings"], expected.probabilities_["embeddings"]
    np.testing.assert_allclose(a, b, atol=1e-3)


@pytest.mark.parametrize("name", QUICK_STRATEGIES)
def test_rows_of_12_bit_pixels_can_be_compared(name):
    X, y = study(2, 16)
    rows = X.reshape(16, -1).astype(np.uint16) * 16
    reading = {"image_shape": (24, 30, 3), "value_range": (0, 4080)}
    options = {"backbone": NormNet, "image_size": 16, "strategies": [name], "cv": 2}
    result = compare_strategies(rows, y, random_state=0, **reading, **options)
    assert result.scores(name).mean() > 0.9


def test_pixels_in_another_range_are_an_error_that_can_be_followed():
    X, y = study(2, 8)
    options = {"backbone": NormNet, "image_size": 16, "strategies": ["embeddings"], "cv": 2}
    with pytest.raises(ValueError, match="value_range"):
        compare_strategies(X * 16.0, y, **options)
    compare_strategies(X * 16.0, y, value_range=(0, 4080), **options)


@pytest.mark.parametrize("strategies", [["raw pixels"], ["embeddings"], None])
def test_wrong_ways_to_read_images_are_found_before_anything_runs(strategies, network_images):
    X, y = study(2, 8)
    options = {"backbone": NormNet, "strategies": strategies, "image_shape": (24, 30, 3)}
    for reading, match in [
        ({"image_shape": "line"}, "image_shape"),
        ({"image_shape": (24, 30)}, "image_shape"),
        ({"value_range": 4095}, "value_range"),
        ({"cache": 1}, "cache"),
    ]:
        with pytest.raises(ValueError, match=match):
            compare_strategies(X.reshape(8, -1), y, **options | reading)
    assert not network_images


@pytest.mark.parametrize(
    "parameter",
    [
        {"backbone": NormNet},
        {"weights": "IMAGENET1K_V1"},
        {"image_size": 32},
        {"image_shape": (24, 30, 3)},
        {"value_range": np.array([0, 4095])},
        {"cache": None},
    ],
)
def test_parameters_of_default_strategies_are_an_error_with_estimators_of_ones_own(parameter):
    X, y = study(2, 8)
    (name,) = parameter
    with pytest.raises(ValueError, match=f"Set {name} on each estimator"):
        compare_strategies(X, y, strategies=two_strategies(), **parameter)


def test_without_a_cache_nothing_is_kept():
    X, y = study(2, 8)
    options = {"backbone": NormNet, "image_size": 16, "strategies": ["embeddings"], "cv": 2}
    result = compare_strategies(X, y, cache=None, **options)
    assert cache_info().rows == 0
    assert result.best_estimator_[0].cache is None


def test_two_processes_return_what_one_does(tmp_path):
    X, y = study(2, 24)
    options = {"cv": 2, "random_state": 1, "scoring": "neg_log_loss"}
    a = compare_strategies(X, y, strategies=two_strategies(), **options)
    in_file = two_strategies(cache=tmp_path / "c")
    b = compare_strategies(X, y, strategies=in_file, n_jobs=2, **options)
    for name in ("linear", "last"):
        assert_array_equal(a.scores(name), b.scores(name))
    (_, test), *_ = a.splits_
    loss = log_loss(y[test], a.probabilities_["linear"][test])
    assert a.scores("linear")[0] == pytest.approx(-loss)


def test_processes_share_a_temporary_file_of_which_nothing_is_left():
    X, y = study(2, 16)
    options = {"backbone": NormNet, "image_size": 16, "strategies": ["embeddings"], "cv": 2}
    result = compare_strategies(X, y, n_jobs=2, **options)
    assert result.best_estimator_[0].cache == "memory"
    assert "rows.sqlite" not in repr(result.best_estimator_)
    result.best_estimator_.predict(X)


def test_processes_share_the_file_that_was_given(tmp_path):
    X, y = study(2, 16)
    options = {"backbone": NormNet, "image_size": 16, "strategies": ["embeddings"], "cv": 2}
    path = str(tmp_path / "rows.sqlite")
    result = compare_strategies(X, y, n_jobs=2, cache=path, **options)
    assert result.best_estimator_[0].cache == path
    assert cache_info(path).rows == 16


def test_splitters_of_scikit_learn_are_used_as_they_are():
    X, y = study(2, 40)
    again = StratifiedKFold(4)
    result = compare_strategies(X, y, strategies={"dummy": DummyClassifier()}, cv=again)
    for (train, test), (a, b) in zip(result.splits_, again.split(X, y), strict=True):
        assert_array_equal(train, a)
        assert_array_equal(test, b)


def test_folds_that_do_not_cover_the_images_give_no_predictions():
    X, y = study(2, 40)
    cv = ShuffleSplit(2, random_state=0)
    result = compare_strategies(X, y, strategies=two_strategies(), cv=cv, train_sizes=[0.2, 0.5])
    assert result.predictions_ == {}
    assert sorted(set(result.results_["train_size"])) == [7, 18, 36]
    assert "by the number of training images" in result.summary()


def test_an_unreadable_image_is_found_before_any_training(tmp_path):
    X, y = study(2, 12)
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    X = [*X[:7], str(tmp_path / "broken.jpg"), *X[8:]]
    Recorder.fits.clear()
    with pytest.raises(ValueError, match=r"X\[7\] \(.*broken.jpg"):
        compare_strategies(X, y, strategies={"a": Recorder(), **two_strategies()}, cv=2)
    assert Recorder.fits == []


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"cv": 11}, "cv=11, but the class 0 has 10 images"),
        ({"train_sizes": [1]}, "on 2 to 10 images"),
        ({"train_sizes": [11]}, "on 2 to 10 images"),
        ({"strategies": {}}, "strategies is empty"),
        ({"strategies": []}, "strategies is empty"),
        ({"scoring": "acuracy"}, "acuracy"),
        ({"scoring": lambda *_: np.nan}, "score of 'linear' on a fold of 10 test images is nan"),
        ({"train_sizes": [1.5]}, "shares in"),
        ({"strategies": ["embedding"]}, "Did you mean 'embeddings'"),
    ],
)
def test_errors_name_the_wrong_parameter(options, match):
    X, y = study(2, 20)
    with pytest.raises(ValueError, match=match):
        compare_strategies(X, y, **{"strategies": two_strategies(), "cv": 2} | options)


def test_a_class_that_a_fold_lacks_has_a_column():
    X, y = study(3, 21)
    y[:] = np.arange(21) % 2
    y[20] = 2  # one image
    linear = two_strategies()["linear"].set_params(logisticregression__C=1)
    result = compare_strategies(X, y, strategies={"linear": linear}, cv=KFold(3))
    rows = result.probabilities_["linear"]
    assert rows.shape == (21, 3)
    assert rows[20, 2] == 0
    assert_array_equal(result.predictions_["linear"], rows.argmax(1))


def test_uneven_folds_are_trained_on_whole_and_masks_are_folds():
    X, y = study(2, 20)
    every = np.arange(20)
    Recorder.fits.clear()
    folds = [(every < 4, every >= 4), (every >= 2, every < 2)]
    result = compare_strategies(X, y, strategies={"a": Recorder()}, cv=folds, train_sizes=[2])
    assert list(map(len, Recorder.fits)) == [2, 2, 4, 18, 20]
    assert_array_equal(result.splits_[1][1], [0, 1])


def test_searches_and_strategies_that_cannot_be_pickled_are_compared(network_images):
    X, y = study(2, 20)
    rows = X.reshape(20, -1)
    extractor = ConvFeatureExtractor(lambda: NormNet(), image_size=16, image_shape=(24, 30, 3))
    search = GridSearchCV(make_pipeline(extractor, LogisticRegression()), {}, cv=2)
    result = compare_strategies(rows, y, strategies={"search": search}, cv=2)
    assert sum(network_images) == 20
    assert result.results_["frozen_time"] > 1e-4
    assert np.isnan(result.results_["pickle_size"]).all()
    assert result.results_["n_trainable_parameters"] == 9


def test_small_training_sets_do_not_change_the_large_ones():
    X, y = study(2, 24)
    options = {"backbone": NormNet, "image_size": 32, "strategies": ["embeddings"], "cv": 2}
    options["random_state"] = 0
    alone = compare_strategies(X, y, **options)
    curve = compare_strategies(X, y, train_sizes=[2], **options)
    assert_array_equal(alone.scores("embeddings"), curve.scores("embeddings"))


@pytest.mark.parametrize("scoring", [["accuracy", "f1_macro"], {"a": "accuracy"}])
def test_several_scores_are_an_error(scoring):
    X, y = study(2, 8)
    with pytest.raises(ValueError, match="has several scores, but strategies are compared by one"):
        compare_strategies(X, y, scoring=scoring)


def test_a_comparison_may_end_without_a_fit_on_all_images():
    X, y = study(2, 8)
    options = {"strategies": ["raw pixels"], "cv": 2, "random_state": 0}
    result = compare_strategies(X, y, refit=False, **options)
    assert not hasattr(result, "best_estimator_")


def test_the_last_fit_may_leave_images_out():
    X, y = study(2, 8)
    train = np.arange(6)
    options = {"strategies": ["head alone"], "image_size": 16, "backbone": NormNet}
    options |= {"cv": [(train, np.array([6, 7]))], "random_state": 0}
    result = compare_strategies(X, y, refit=train, **options)
    expected = clone(result.best_estimator_).fit(X[train], y[train])
    everything = compare_strategies(X, y, **options).best_estimator_
    np.testing.assert_array_equal(
        result.best_estimator_.predict_proba(X), expected.predict_proba(X)
    )
    assert not np.array_equal(everything.predict_proba(X), expected.predict_proba(X))
