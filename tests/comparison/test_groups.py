"""Groups stay whole everywhere: outer folds, inner folds, smaller training sets, the last fit."""

import warnings

import numpy as np
import pytest
from helpers.networks import NormNet
from helpers.pictures import save_all, study
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
)
from sklearn.pipeline import make_pipeline

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier, _finetuner, compare_strategies
from sklearn_tl.comparison import RawPixels
from sklearn_tl.comparison.group_parameters import group_parameters, parts_without_groups
from sklearn_tl.comparison.inner_folds import InnerFolds
from sklearn_tl.targets import check_groups

TINY = {"backbone": NormNet, "image_size": 16, "random_state": 0, "duplicates": "ignore"}


def subjects(n_subjects=24, n_each=4, seed=0):
    """Return images whose pattern says which subject they show, and labels drawn per subject."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_subjects), n_each)
    patterns = np.kron(rng.integers(40, 216, (n_subjects, 6, 6, 3)), np.ones((1, 4, 5, 1)))
    X = patterns[groups] + rng.integers(-30, 31, (len(groups), 24, 30, 3))
    y = rng.permutation(np.arange(n_subjects) % 2)[groups]
    return X.astype(np.uint8), y, groups


class Spy(ClassifierMixin, BaseEstimator):
    """Notes the groups of each fit."""

    def __init__(self, seen=None):
        self.seen = seen

    def __sklearn_clone__(self):
        return Spy(self.seen)

    def fit(self, X, y, groups=None):
        self.classes_ = np.unique(y)
        self.seen.append(None if groups is None else np.array(groups))
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_random_folds_claim_what_is_not_true():
    X, y, groups = subjects()
    plain = compare_strategies(X, y, strategies=["raw pixels"], **TINY)
    honest = compare_strategies(X, y, groups=groups, strategies=["raw pixels"], **TINY)
    assert plain.scores("raw pixels").mean() > 0.8
    assert honest.scores("raw pixels").mean() < 0.7
    for train, test in honest.splits_:
        assert not set(groups[train]) & set(groups[test])
    claimed = honest.ungrouped_scores_.mean()
    assert claimed > 0.8
    assert plain.ungrouped_scores_ is None
    text = honest.summary()
    assert "96 of the images belong to 24 groups, which no fold divides." in text
    assert f"would claim {claimed:.3f} for 'raw pixels' instead of" in text
    assert "claim" not in plain.summary()


def test_every_fit_gets_the_groups_of_its_images():
    X, y, groups = subjects()
    seen = []
    names = np.array([f"subject {group}" for group in groups])
    result = compare_strategies(
        X, y, groups=names, strategies={"spy": Spy(seen)}, cv=3, train_sizes=[20, 40],
        random_state=0, duplicates="ignore",
    )  # fmt: skip
    # Three sizes in three folds, three folds without groups, and the fit to all images.
    sizes = [0 if fit is None else len(fit) for fit in seen]
    assert sizes[3 * 3 :] == [0, 0, 0, 96]
    for fit in seen[:9]:
        assert (np.bincount(fit) % 4 == 0).all()  # whole subjects
    assert result.results_["train_size"].tolist() == [
        round(np.mean(sizes[i : i + 3])) for i in (0, 3, 6)
    ]
    for small, large in zip(seen[:3], seen[3:6], strict=True):
        assert set(small) < set(large)


@pytest.mark.parametrize("task", ["classification", "regression", "multilabel"])
def test_inner_folds_keep_groups_whole(task):
    _, y, groups = subjects()
    targets = {
        "classification": y,
        "regression": groups + 0.5,
        "multilabel": np.column_stack([y, 1 - y, groups % 2]),
    }[task]
    folds = InnerFolds(task)
    splits = list(folds.split(groups, targets, groups))
    assert len(splits) == folds.get_n_splits(groups, targets, groups) == 3
    for train, test in splits:
        assert not set(groups[train]) & set(groups[test])
    ((train, test),) = folds.split(groups, targets, np.zeros(len(y)))
    assert len(train) == len(test) == len(y)  # one group: nothing can be held out


def test_inner_folds_are_fewer_if_classes_are_small():
    assert InnerFolds().get_n_splits(None, np.arange(8) // 2, np.arange(8)) == 2
    assert InnerFolds().get_n_splits(None, np.arange(4), np.arange(4)) == 1


def test_groups_can_come_from_paths(tmp_path):
    X, y, groups = subjects(12)
    paths = []
    for i, group in enumerate(groups):
        (tmp_path / f"class{y[i]}").mkdir(exist_ok=True)
        paths += save_all(X[i : i + 1], tmp_path / f"class{y[i]}", "png")
        paths[-1] = paths[-1].rename(paths[-1].with_name(f"s{group}_{i}.png"))
    options = TINY | {"strategies": ["raw pixels"], "cv": 3, "refit": False}
    by_array = compare_strategies(paths, y, groups=groups, **options)
    for given in (r"(.*)_\d+\.png", lambda path: path.rpartition("_")[0]):
        by_path = compare_strategies(paths, y, groups=given, **options)
        np.testing.assert_array_equal(by_path.groups_, by_array.groups_)
    with pytest.raises(ValueError, match=r"is applied to paths, but X does not consist of paths"):
        compare_strategies(X, y, groups=r"(.*)_\d", **options)
    with pytest.raises(ValueError, match="is not in 48 of the 48 paths"):
        compare_strategies(paths, y, groups=r"(.*)\.jpg", **options)


def test_too_few_groups_are_an_error_that_counts_them():
    X, y, groups = subjects()
    options = TINY | {"strategies": ["raw pixels"]}
    with pytest.raises(ValueError, match="cv=5, but the 96 images are in 3 groups"):
        compare_strategies(X, y, groups=groups // 8, **options)
    few = np.where(y == 1, groups, groups % 3)
    with pytest.raises(ValueError, match=r"cv=5, .*fewer groups than folds: 0 has 3\..*Set cv=3"):
        compare_strategies(X, y, groups=few, **options)
    one = np.where(y == 1, groups, 0)
    with pytest.raises(ValueError, match="0 has 1.*Add images of other groups"):
        compare_strategies(X, y, groups=one, **options)
    for wrong, message in [
        (groups[:5], r"Found groups of shape \(5,\)"),
        ([*groups[:95].tolist(), None], r"groups\[95\] is None"),
        (groups[:, None].tolist(), r"groups\[0\] is \[0\]. Expected a number, a name or a tuple"),
    ]:
        with pytest.raises(ValueError, match=message):
            compare_strategies(X, y, groups=wrong, **options)


def test_folds_that_divide_given_groups_are_a_warning():
    X, y, groups = subjects()
    options = TINY | {"strategies": ["raw pixels"], "refit": False, "groups": groups}
    with pytest.warns(UserWarning, match="5 of the 5 folds of cv train on and test on images of"):
        compare_strategies(X, y, cv=KFold(5, shuffle=True, random_state=0), **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for cv in (GroupKFold(3), list(GroupKFold(3).split(X, y, groups))):
            result = compare_strategies(X, y, cv=cv, **options)
            assert len(result.splits_) == 3


def test_groups_reach_the_parts_that_make_choices():
    groups = np.arange(4)
    pixels, logistic = RawPixels(), LogisticRegression()
    by_group = GridSearchCV(logistic, {"C": [1, 2]}, cv=StratifiedGroupKFold(2))
    plain = GridSearchCV(logistic, {"C": [1, 2]}, cv=2)
    tuned = FineTuneClassifier(early_stopping=True)
    cases = [
        (make_pipeline(pixels, by_group), {"gridsearchcv__groups"}, []),
        (make_pipeline(pixels, "passthrough", plain), set(), ["gridsearchcv__cv"]),
        (make_pipeline(pixels, LogisticRegressionCV()), set(), ["logisticregressioncv__cv"]),
        (tuned, {"groups"}, []),
        (make_pipeline(tuned, PCA(), logistic), {"finetuneclassifier__groups"}, []),
        (
            GridSearchCV(tuned, {"lr": [1e-3]}, cv=GroupKFold(2)),
            {"groups"},
            ["estimator__early_stopping"],
        ),
    ]
    for estimator, reached, missed in cases:
        assert set(group_parameters(estimator, groups)) == reached
        assert parts_without_groups(estimator) == missed
    assert group_parameters(tuned, None) == {}


def test_choices_without_groups_are_a_warning():
    X, y, groups = subjects()
    plain = make_pipeline(RawPixels(), GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=2))
    with pytest.warns(UserWarning, match=r"'mine' makes choices on folds .*\(gridsearchcv__cv\)"):
        compare_strategies(
            X, y, groups=groups, strategies={"mine": plain}, cv=3, duplicates="ignore", refit=False
        )


def test_early_stopping_validates_on_other_groups(monkeypatch):
    X, y, groups = subjects()
    held_out = []
    original = _finetuner.hold_out_groups

    def spy(*args):
        held_out.append(original(*args))
        return held_out[-1]

    monkeypatch.setattr(_finetuner, "hold_out_groups", spy)
    classifier = FineTuneClassifier(
        NormNet, image_size=16, unfreeze=1, early_stopping=True, validation_fraction=0.25,
        max_epochs=2, random_state=0,
    )  # fmt: skip
    weight = np.ones(96)
    weight[:4] = 0  # these images are left out, with their groups
    search = GridSearchCV(
        make_pipeline(ConvFeatureExtractor(NormNet, image_size=16), LogisticRegression()),
        {"logisticregression__C": [1.0]},
        cv=GroupKFold(2),
    )
    search.fit(X, y, groups=groups)
    classifier.fit(X, y, sample_weight=weight, groups=groups)
    ((train, valid),) = held_out
    assert len(train) + len(valid) == 92
    assert len(valid) == pytest.approx(23, abs=4)
    assert not set(groups[4:][train]) & set(groups[4:][valid])
    assert set(y[4:][valid]) == {0, 1}
    with pytest.raises(ValueError, match="All 96 images are in one group"):
        classifier.fit(X, y, groups=np.zeros(96))
    one = np.where(y == 1, groups, 50)
    with pytest.raises(ValueError, match="All images of class 0 are in one group"):
        classifier.fit(X, y, groups=one)


def test_a_rare_group_does_not_spoil_a_study_of_three_classes():
    X, y = study(3, 30)
    groups = np.arange(30) // 3 * 3 + y  # each image alone: as if there were no groups
    alone = compare_strategies(X, y, groups=groups, strategies=["raw pixels"], cv=3, **TINY)
    assert alone.ungrouped_scores_ is None  # nothing to compare with
    assert alone.scores("raw pixels").mean() > 0.9


def test_the_summary_says_that_given_folds_divide_groups():
    X, y, groups = subjects()
    with pytest.warns(UserWarning, match="train on and test on images of the same group"):
        result = compare_strategies(
            X, y, groups=groups, cv=KFold(3, shuffle=True, random_state=0),
            strategies={"guess": DummyClassifier(), "other": DummyClassifier()},
            duplicates="ignore", refit=False,
        )  # fmt: skip
    assert "24 groups, some of which 3 of the folds divide: the scores are too high." in (
        result.summary()
    )


def test_one_group_and_given_folds_have_a_summary():
    X, y = study(2, 40)
    guesses = {"a": DummyClassifier(), "b": DummyClassifier()}
    with (
        pytest.warns(UserWarning, match="train on and test on images of the same group"),
        pytest.warns(UserWarning, match="belong together"),
    ):
        result = compare_strategies(
            X, y, groups=np.zeros(40), cv=[(np.arange(20), np.arange(20, 40))],
            strategies=guesses, duplicates="ignore", refit=False,
        )  # fmt: skip
    assert "'b' scores the same" in result.summary()
    assert result.units is None


def test_missing_groups_in_a_list_are_named():
    with pytest.raises(ValueError, match=r"groups\[1\] is nan"):
        check_groups(["a", np.nan, "b"], 3)
    assert check_groups([1, "1", (1, 2), 1], 4).tolist() == [0, 1, 2, 0]
