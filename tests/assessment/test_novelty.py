"""Images that are unlike all training images."""

from dataclasses import asdict

import numpy as np
import pytest

from sklearn_tl.assessment.novelty import Novelty


def embeddings(n, seed=0, kind=0):
    """Return rows that are like activations: not negative, and each kind has its own features."""
    scale = np.roll(np.linspace(0, 1, 64), 32 * kind)
    return np.random.default_rng(seed).gamma(1.0, scale, (n, 64)).astype(np.float32)


def test_false_alarms_are_as_rare_as_stated_and_other_images_are_found():
    novelty = Novelty.fit(embeddings(500), false_alarms=0.02)
    assert 0.005 < novelty.is_novel(embeddings(4000, seed=1)).mean() < 0.04
    assert novelty.is_novel(embeddings(200, seed=1, kind=1)).all()
    assert novelty.false_alarms == 0.02


def test_scores_above_one_are_novel():
    novelty, rows = Novelty.fit(embeddings(200)), embeddings(50, seed=1, kind=1)
    assert novelty.score(rows).shape == (50,)
    assert np.array_equal(novelty.score(rows) > 1, novelty.is_novel(rows))


def test_brightness_of_a_row_does_not_count():
    novelty, rows = Novelty.fit(embeddings(200)), embeddings(20, seed=1)
    np.testing.assert_allclose(novelty.score(10 * rows), novelty.score(rows), rtol=1e-5)


def test_few_images_cannot_promise_few_false_alarms():
    assert Novelty.fit(embeddings(19)).false_alarms == 1 / 20
    assert Novelty.fit(embeddings(99)).false_alarms == 0.01


def test_groups_stay_together():
    random = np.random.default_rng(0)
    centres = embeddings(30)
    frames = np.repeat(centres, 10, axis=0) * random.uniform(0.9, 1.1, (300, 64))
    groups = np.repeat(np.arange(30), 10)
    grouped = Novelty.fit(frames, groups=groups, false_alarms=0.1)
    assert grouped.threshold > Novelty.fit(frames, false_alarms=0.1).threshold
    assert grouped.is_novel(embeddings(2000, seed=1)).mean() < 0.15


def test_the_state_is_small_and_enough():
    novelty, rows = Novelty.fit(embeddings(200)), embeddings(20, seed=1)
    state = asdict(novelty)
    assert {state["mean"].dtype, state["variance"].dtype} == {np.dtype(np.float32)}
    assert novelty.mean.nbytes + novelty.variance.nbytes == 8 * 64
    assert np.array_equal(Novelty(**state).score(rows), novelty.score(rows))


def test_black_images_and_unused_features_have_a_score():
    rows = embeddings(50)
    rows[0] = rows[:, 0] = 0
    assert np.isfinite(Novelty.fit(rows).score(np.zeros((2, 64)))).all()


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (np.ones((5, 3)), {}, "All rows are equal"),
        (np.zeros((5, 3)), {}, "All rows are equal"),
        (np.eye(1, 3), {}, "Found 1 images"),
        (np.eye(3), {"groups": [0, 0, 0]}, "Found 1 groups"),
        (np.full((5, 3), np.nan), {}, "rows contains NaN"),
        (np.eye(3), {"false_alarms": 1}, "false_alarms=1 must be a share"),
    ],
)
def test_bad_input_is_named(rows, options, message):
    with pytest.raises(ValueError, match=message):
        Novelty.fit(rows, **options)


def test_rows_of_another_backbone_are_an_error():
    with pytest.raises(ValueError, match="rows with 32 features. Expected 64"):
        Novelty.fit(embeddings(20)).score(np.ones((2, 32)))
