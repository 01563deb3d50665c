"""First images from all groups, then images between classes."""

import numpy as np
from sklearn.preprocessing import normalize

from sklearn_tl.annotation import choice
from sklearn_tl.annotation.model import QuickModel


def groups(n=20, seed=0):
    """Return rows near three corners, and the corner of each row."""
    rng = np.random.default_rng(seed)
    corner = np.repeat(np.arange(3), n)
    return normalize(np.eye(3)[corner] + rng.normal(0, 0.05, (3 * n, 3))).astype(np.float32), corner


def test_the_first_images_are_one_of_each_group():
    rows, corner = groups()
    everything, known = np.arange(len(rows)), np.array([], int)
    for _ in range(3):
        candidates = np.setdiff1d(everything, known)
        image = choice.most_central(rows, everything, candidates, known)
        known = np.append(known, image)
    assert set(corner[known]) == {0, 1, 2}


def test_an_image_between_two_classes_is_the_most_unsure():
    rows, corner = groups()
    between = normalize([[1.0, 1, 0], [0, 1, 1.02], [0.2, 1, 0]]).astype(np.float32)
    model = QuickModel.fit(rows, corner)
    rows = np.vstack([rows, between])
    first = choice.most_unsure(model, rows, np.arange(len(rows)), np.array([], int))
    assert first in (60, 61)
    # A copy of an image that is shown is as unsure as another one, but not as different.
    rows, other = np.vstack([rows, rows[first]]), {60: 61, 61: 60}[first]
    assert choice.most_unsure(model, rows, np.array([63, other]), np.array([first])) == other


def test_the_model_is_right_with_one_image_per_class_and_there_is_none_with_one_class():
    rows, corner = groups()
    model = QuickModel.fit(rows[[0, 20, 40]], [0, 1, 2])
    np.testing.assert_array_equal(model.predict(rows), corner)
    np.testing.assert_allclose(model.predict_proba(rows).sum(axis=1), 1, rtol=1e-5)
    assert QuickModel.fit(rows[:5], [4] * 5) is None
    assert QuickModel.fit(rows[:0], []) is None


def test_rare_classes_count_as_much_as_common_ones():
    rows, corner = groups()
    some = [*range(20), 20, 40]
    model = QuickModel.fit(rows[some], corner[some])
    np.testing.assert_array_equal(model.predict(rows), corner)


def test_similar_images_come_first():
    rows, corner = groups()
    found = choice.similar(rows, np.arange(1, 60), 0, 19)
    assert (corner[found] == 0).all()
