"""Which images to label next."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier, TransferClassifier, labelling
from sklearn_tl.labelling import rank_for_labelling


def groups_of_rows(n_groups, n, seed=0):
    """Return rows around one axis per group, and the number of the group of each row."""
    centres = 5 * np.eye(n_groups, 20)
    return make_blobs(n, 20, centers=centres, cluster_std=0.1, random_state=seed)


def images(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)


def test_one_image_of_each_group_is_taken_and_large_groups_come_first():
    rows, groups = groups_of_rows(5, [70, 10, 40, 20, 6])
    positions = rank_for_labelling(Ridge().fit(rows, groups), rows, 5, random_state=0)
    assert groups[positions].tolist() == [0, 2, 3, 1, 4]


def test_images_that_the_model_is_sure_of_wait():
    rows, groups = groups_of_rows(4, 200)
    known = groups < 2  # so the model is unsure of the groups 2 and 3
    model = LogisticRegression(C=100).fit(rows[known], groups[known])
    positions = rank_for_labelling(model, rows, 2, random_state=0)
    assert set(groups[positions]) == {2, 3}


def test_positions_are_all_different_also_for_all_images():
    rows, groups = groups_of_rows(3, 30)
    for n in (1, 7, 30):
        positions = rank_for_labelling(Ridge().fit(rows, groups), rows, n, random_state=0)
        assert len(set(positions.tolist())) == n


def test_copies_of_one_image_come_last():
    rows = np.vstack([np.ones((20, 5)), np.eye(5)])
    positions = rank_for_labelling(Ridge().fit(rows, rows[:, 0]), rows, 10, random_state=0)
    assert len(set(positions.tolist())) == 10
    assert len(set(positions[:6].tolist()) & set(range(20))) == 1


def test_equal_images_are_no_problem():
    rows = np.ones((20, 200))
    positions = rank_for_labelling(Ridge().fit(rows, np.arange(20)), rows, 5, random_state=0)
    assert len(set(positions.tolist())) == 5


def test_more_images_than_clusters(monkeypatch):
    monkeypatch.setattr(labelling, "MOST_CLUSTERS", 4)
    rows, groups = groups_of_rows(4, 40)
    positions = rank_for_labelling(Ridge().fit(rows, groups), rows, 12, random_state=0)
    for of_round in positions.reshape(3, 4):
        assert set(groups[of_round]) == {0, 1, 2, 3}


def test_a_seed_gives_the_same_positions():
    rows, groups = groups_of_rows(3, 60)
    model = LogisticRegression().fit(rows, groups)
    first, again = (rank_for_labelling(model, rows, 9, random_state=3) for _ in range(2))
    assert np.array_equal(first, again)


def test_pipelines_and_searches_are_asked_for_their_rows():
    rows, groups = groups_of_rows(3, 60)
    plain = LogisticRegression().fit(rows, groups)
    expected = rank_for_labelling(plain, rows, 6, random_state=0)
    pipeline = make_pipeline(FunctionTransformer(), LogisticRegression()).fit(rows, groups)
    search = GridSearchCV(pipeline, {"logisticregression__C": [1.0]}, cv=2).fit(rows, groups)
    for model in (pipeline, search):
        assert np.array_equal(rank_for_labelling(model, rows, 6, random_state=0), expected)


def test_several_labels_count_by_their_mean_entropy():
    rows, groups = groups_of_rows(4, 80)
    y = np.column_stack([groups % 2, groups // 2])
    model = MultiOutputClassifier(LogisticRegression()).fit(rows, y)
    for classifier in model.estimators_:  # unsure of the group 3 only
        classifier.coef_ = 10 * (np.eye(20)[0] + np.eye(20)[1] + np.eye(20)[2])[None]
        classifier.intercept_[:] = 0
    assert set(groups[rank_for_labelling(model, rows, 3, random_state=0)]) == {3}


def test_images_without_a_model_and_with_models_of_this_package():
    X = images(8)
    assert len(set(rank_for_labelling(None, X, 3, random_state=0).tolist())) == 3
    for estimator in (
        FineTuneClassifier(unfreeze=None, image_size=32),
        TransferClassifier(image_size=32),
    ):
        model = estimator.fit(X, [0, 1] * 4)
        assert len(set(rank_for_labelling(model, X, 3, random_state=0).tolist())) == 3


@pytest.mark.parametrize("n", [0, 9, 2.0, True])
def test_a_wrong_number_of_images_is_named(n):
    with pytest.raises(ValueError, match=f"n={n} must be an integer from 1 to 8"):
        rank_for_labelling(None, images(8), n)


def test_a_model_must_be_fitted():
    with pytest.raises(NotFittedError):
        rank_for_labelling(make_pipeline(StandardScaler(), LogisticRegression()), np.eye(4), 2)
    with pytest.raises(NotFittedError):
        rank_for_labelling(make_pipeline(ConvFeatureExtractor(), Ridge()), images(4), 2)


def test_a_classifier_must_say_how_sure_it_is():
    rows, groups = groups_of_rows(3, 30)
    with pytest.raises(TypeError, match="RidgeClassifier has no predict_proba"):
        rank_for_labelling(RidgeClassifier().fit(rows, groups), rows, 2)


def test_a_model_without_embeddings_is_named():
    rows, groups = groups_of_rows(3, 30)
    model = LogisticRegression().fit(rows, groups)
    with pytest.raises(TypeError, match="LogisticRegression has no embeddings"):
        rank_for_labelling(model, ["a.jpg", "b.jpg"], 1)
