"""Early stopping on images that the user names."""

import numpy as np
import pytest
from helpers.estimators import make, make_regressor
from helpers.pictures import study
from sklearn.model_selection import GridSearchCV, GroupShuffleSplit, PredefinedSplit, ShuffleSplit

from sklearn_tl.finetuning import recipes


@pytest.fixture
def parts(monkeypatch):
    """Return a list to which the targets of each part of each fit are appended."""
    seen = []
    new_dataset = recipes.Dataset

    def spy(x, y):
        seen.append(np.asarray(y))
        return new_dataset(x, y)

    monkeypatch.setattr(recipes, "Dataset", spy)
    return seen


@pytest.mark.parametrize("make_one", [make, make_regressor])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_predefined_split_is_used(make_one, weighted, parts):
    X, y = study(3, 40)
    test_fold = np.where(np.arange(40) % 4 == 3, 0, -1)
    weight = np.ones(40)
    if weighted:  # positions count the images of X, also those of weight 0
        weight[[0, 3]] = 0
    model = make_one(early_stopping=PredefinedSplit(test_fold), max_epochs=2)
    model.fit(X, y, sample_weight=weight)
    used = weight > 0
    if make_one is make:
        np.testing.assert_array_equal(parts[0], y[(test_fold < 0) & used])
        np.testing.assert_array_equal(parts[1], y[(test_fold == 0) & used])
    assert [len(part) for part in parts] == ([29, 9] if weighted else [30, 10])
    assert "valid_loss" in model.history_[0]
    train, valid = np.flatnonzero(test_fold < 0), np.flatnonzero(test_fold == 0)
    again = make_one(early_stopping=[(train, valid.tolist())], max_epochs=2)
    again.fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_a_splitter_gets_the_groups_also_in_a_search(parts):
    X, y = study(3, 60)
    groups = np.arange(60) // 10
    splitter = GroupShuffleSplit(1, test_size=0.34, random_state=0)
    make(early_stopping=splitter, max_epochs=1).fit(X, y, groups=groups)
    train, valid = next(splitter.split(X, y, groups))
    np.testing.assert_array_equal(parts[0], y[train])
    np.testing.assert_array_equal(parts[1], y[valid])
    model = make(early_stopping=ShuffleSplit(1, test_size=0.3, random_state=0), max_epochs=1)
    assert GridSearchCV(model, {"lr": [1e-3]}, cv=2).fit(X, y).best_score_ > 0.3


def test_a_splitter_does_nothing_if_only_a_linear_head_is_fitted():
    X, y = study(3, 30)
    make(None, early_stopping=PredefinedSplit([0, -1])).fit(X, y)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ([], "first split of early_stopping is None"),
        ([5], "first split of early_stopping is 5"),
        ([(range(20), range(19, 30))], "image 19 in both parts"),
        ([(range(20), [])], "has 0 images to validate on"),
        ([([], range(20))], "has 0 images to train on"),
        ([([0], range(1, 20))], "has 1 images to train on. Expected two or more"),
        ([(range(20), [30])], "position 30, but X has 30 images.*0 to 29.*GroupShuffleSplit"),
        ([(range(20), [-1])], "position -1"),
        ([(range(20), [1.5])], "type float64. Expected positions"),
        ([(range(0, 30, 3), range(1, 30, 3))], "no image to train on of class 1"),
    ],
)
def test_a_wrong_split_is_an_error(split, message):
    X, y = study(3, 30)
    with pytest.raises(ValueError, match=message):
        make(early_stopping=split).fit(X, y)


def test_a_number_is_not_a_split():
    X, y = study(3, 30)
    with pytest.raises(ValueError, match="early_stopping"):
        make(early_stopping=5).fit(X, y)
