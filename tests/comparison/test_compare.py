"""The comparison: the same folds for all, nothing that leaks, each image once, and plain words."""

import numpy as np
import pytest
from helpers.networks import NormNet
from helpers.pictures import study
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit, StratifiedKFold
from sklearn.pipeline import make_pipeline

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier, compare_strategies
from sklearn_tl.comparison import first_pass, compare
from sklearn_tl.comparison import default_strategies
from sklearn_tl.comparison.raw_pixels import RawPixels


def ways(**parameters):
    fine_tune = {"image_size": 16, "head_C": 100, "random_state": 0, "max_epochs": 2}
    return {
        "linear": make_pipeline(
            ConvFeatureExtractor(NormNet, image_size=16, **parameters),
            LogisticRegression(C=100, max_iter=10_000),
        ),
        "last": FineTuneClassifier(NormNet, unfreeze=1, **fine_tune, **parameters),
    }


class Recorder(ClassifierMixin, BaseEstimator):
    """Predicts the commonest class, and notes what it was fitted on."""

    fits = []

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.fits.append(np.array(X))
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_results(network_images):
    X, y = study(3, 45)
    result = compare_strategies(X, y, strategies=ways(), cv=3, random_state=0)
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


def test_first_pass_leaves_out_what_the_cache_cannot_keep(network_images, monkeypatch):
    X, _ = study(2, 20)
    linear, last = ways().values()
    (_, embedding, _), (_, boundary, _) = linear[0].first_pass(X), last.first_pass(X)
    sizes = [4 * 20 * sum(frozen.lengths()) for frozen in (embedding, boundary)]
    for limit, n_features in [(sum(sizes) - 1, 1), (sum(sizes), 2)]:
        monkeypatch.setattr(first_pass, "LARGE", limit)
        joined = first_pass.join_passes([embedding, boundary], 20, "memory")
        assert len(joined.features) == n_features
    assert len(first_pass.join_passes([embedding, boundary], 20, "rows.sqlite").features) == 2
    first_pass.fill_caches(ways(cache=None), X, 0)
    assert not network_images  # nothing could be kept: the images were only read
    with pytest.raises(FileNotFoundError, match=r"X\[1\]"):
        first_pass.fill_caches(ways(cache=None), [X[0], "missing.png"], 0)


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


def test_the_cheaper_of_two_that_are_as_good():
    """The first within one standard error of the best."""
    X, y = study(2, 40)
    names = {"cheap": DummyClassifier(), "same": DummyClassifier(), **ways()}
    result = compare_strategies(X, y, strategies=names, cv=4, random_state=0)
    assert result.best_strategy_ == "linear"
    text = result.summary()
    assert "Take 'linear'" in text
    assert "'cheap' is 0." in text
    assert "the same in all folds" in text
    assert "'last' is as high" in text


def test_how_sure_the_folds_are():
    X, y = study(2, 40)
    guesses = {str(i): DummyClassifier(strategy="uniform", random_state=i) for i in range(3)}
    text = compare_strategies(X, y, strategies=guesses, cv=4, random_state=0).summary()
    assert "too little for these folds to tell them apart" in text
    assert "more than chance" not in text
    text = compare_strategies(X, y, strategies=guesses | ways(), cv=4, random_state=0).summary()
    assert "more than chance" in text


def test_difference_is_the_corrected_t_interval():
    X, y = study(2, 40)
    result = compare_strategies(
        X, y, strategies={"a": DummyClassifier(), **ways()}, cv=4, random_state=0
    )
    mean, low, high = result.difference("linear", "a")
    differences = result.scores("linear") - result.scores("a")
    half = 3.182446 * np.sqrt((1 / 4 + 1 / 3) * differences.var(ddof=1))
    assert (mean, low, high) == pytest.approx(
        (differences.mean(), differences.mean() - half, differences.mean() + half), abs=1e-6
    )


def test_raw_pixels_win_on_digits():
    digits = load_digits()
    X, y = digits.images[::4] / 16, digits.target[::4]
    chosen = default_strategies()
    chosen["embeddings"][0].set_params(image_size=64)
    chosen = {name: chosen[name] for name in ("raw pixels", "embeddings")}
    result = compare_strategies(X, y, strategies=chosen, cv=3, random_state=0)
    assert result.best_strategy_ == "raw pixels"
    assert result.scores("raw pixels").mean() > result.scores("embeddings").mean()
    assert "Raw pixels win" in result.summary()


def test_default_strategies_and_their_inner_search():
    X, y = study(2, 12)
    chosen = compare_strategies(X, y, backbone=NormNet, cv=2, random_state=0)
    assert chosen.results_["strategy"].tolist() == list(default_strategies())
    assert np.isfinite(chosen.results_["mean_test_score"]).all()
    some = ["embeddings", "raw pixels"]
    two = compare_strategies(
        X, y, backbone=NormNet, strategies=some, cv=2, train_sizes=[4], random_state=0
    )
    assert two.strategies_ == ["raw pixels", "embeddings"]
    searched = default_strategies()["embeddings"][-1]
    assert_array_equal(searched.param_grid["C"], [1e-3, 1e-2, 1e-1, 1, 10])


def test_n_jobs_and_random_state_change_nothing(tmp_path):
    X, y = study(2, 24)
    options = {"cv": 2, "random_state": 1, "scoring": "neg_log_loss"}
    a = compare_strategies(X, y, strategies=ways(), **options)
    b = compare_strategies(X, y, strategies=ways(cache=tmp_path / "c"), n_jobs=2, **options)
    for name in ("linear", "last"):
        assert_array_equal(a.scores(name), b.scores(name))
    (_, test), *_ = a.splits_
    loss = log_loss(y[test], a.probabilities_["linear"][test])
    assert a.scores("linear")[0] == pytest.approx(-loss)


def test_default_strategies_in_two_processes_leave_no_path_of_theirs(monkeypatch):
    X, y = study(2, 16)
    monkeypatch.setattr(
        compare,
        "default_strategies",
        lambda backbone=None, cache="memory", **_: {"linear": ways(cache=cache)["linear"]},
    )
    result = compare_strategies(X, y, cv=2, n_jobs=2)
    assert result.best_estimator_[0].cache == "memory"


def test_splitters_and_learning_curves_in_words():
    X, y = study(2, 40)
    result = compare_strategies(
        X, y, strategies=ways(), cv=ShuffleSplit(2, random_state=0), train_sizes=[0.2, 0.5]
    )
    assert result.predictions_ == {}
    assert sorted(set(result.results_["train_size"])) == [7, 18, 36]
    assert "by the number of training images" in result.summary()
    again = StratifiedKFold(4)
    result = compare_strategies(X, y, strategies=ways(), cv=again)
    for (train, test), (a, b) in zip(result.splits_, again.split(X, y), strict=True):
        assert_array_equal(train, a)
        assert_array_equal(test, b)


def test_one_fold():
    X, y = study(2, 20)
    split = [(np.arange(10), np.arange(10, 20))]
    several = {"dummy": DummyClassifier(), **ways()}
    result = compare_strategies(X, y, strategies=several, cv=split)
    assert "one fold cannot tell" in result.summary()


def test_an_unreadable_image_is_found_before_any_training(tmp_path):
    X, y = study(2, 12)
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    X = [*X[:7], str(tmp_path / "broken.jpg"), *X[8:]]
    Recorder.fits.clear()
    with pytest.raises(ValueError, match=r"X\[7\] \(.*broken.jpg.*no image that can be read"):
        compare_strategies(X, y, strategies={"a": Recorder(), **ways()}, cv=2)
    assert Recorder.fits == []


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"cv": 11}, "cv=11, but a class has 10 images"),
        ({"train_sizes": [1]}, "on 2 to 10 images"),
        ({"train_sizes": [11]}, "on 2 to 10 images"),
        ({"strategies": {}}, "strategies is empty"),
        ({"scoring": "acuracy"}, "acuracy"),
        ({"scoring": lambda *_: np.nan}, "score of 'linear' on a fold of 10 test images is nan"),
        ({"train_sizes": [1.5]}, "shares in"),
        ({"strategies": ["embedding"]}, "Did you mean 'embeddings'"),
    ],
)
def test_wrong_parameters(options, match):
    X, y = study(2, 20)
    with pytest.raises(ValueError, match=match):
        compare_strategies(X, y, **{"strategies": ways(), "cv": 2} | options)


def test_verbose_shows_a_bar(capsys):
    X, y = study(2, 12)
    compare_strategies(X, y, strategies=ways(), cv=2)
    assert capsys.readouterr() == ("", "")
    compare_strategies(X, y, strategies=ways(), cv=2, verbose=1)
    assert "4/4" in capsys.readouterr().err


def test_a_class_that_a_fold_lacks():
    X, y = study(3, 21)
    y[:] = np.arange(21) % 2
    y[20] = 2  # one image
    linear = ways()["linear"].set_params(logisticregression__C=1)
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


def test_searches_and_what_cannot_be_pickled(network_images):
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
    options = {"backbone": NormNet, "strategies": ["embeddings"], "cv": 2, "random_state": 0}
    alone = compare_strategies(X, y, **options)
    curve = compare_strategies(X, y, train_sizes=[2], **options)
    assert_array_equal(alone.scores("embeddings"), curve.scores("embeddings"))


def test_raw_pixels_win_only_where_they_are_ahead():
    X, y = study(2, 20)
    named = {"raw pixels": ways()["linear"], "other": ways()["linear"]}
    text = compare_strategies(X, y, strategies={"raw pixels": ways()["linear"]}, cv=2).summary()
    assert "win" not in text
    text = compare_strategies(X, y, strategies=named, cv=2).summary()
    assert "- 'other' is as high." in text


def test_raw_pixels(make_images):
    X = make_images(3)
    rows = RawPixels().fit(X).transform(X)
    assert rows.shape == (3, 3072)
    assert rows.dtype == np.float32
    assert 0 <= rows.min() < rows.max() <= 1
    assert_array_equal(rows, RawPixels(cache=None).fit_transform([X[0], X[1], X[2]]))
