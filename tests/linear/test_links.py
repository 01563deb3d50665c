"""What scores mean: probabilities that are as sure as left-out images allow, rare classes too."""

import numpy as np
import pytest
from scipy.special import log_softmax

from sklearn_tl.linear import Classes, Labels, Numbers, probabilities

EVERY = np.arange(200)


def test_the_slope_has_the_lowest_log_loss():
    generator = np.random.default_rng(0)
    codes = generator.integers(0, 3, 200)
    link = Classes(codes, 3, np.ones(200))
    scores = link.targets + generator.normal(size=(200, 3))
    slope, (loss,) = link.fit_slope(scores, EVERY, np.ones(200))

    def log_loss(slope):
        return -log_softmax(link.outputs(scores, slope), axis=1)[EVERY, codes].mean()

    assert log_loss(slope) < min(log_loss(0.8 * slope), log_loss(1.25 * slope))
    assert loss == pytest.approx(log_loss(slope), rel=0.1)


def test_scores_that_are_always_right_do_not_make_probabilities_certain():
    codes = np.arange(200) % 2
    link = Classes(codes, 2, np.ones(200))
    slope, _ = link.fit_slope(link.targets, EVERY, np.ones(200))
    wrong = 1 - probabilities(link.outputs(link.targets, slope), exclusive=True).max(axis=1)
    assert 1e-3 < wrong.min() < 1e-2  # about one in 200


def test_images_whose_class_is_in_one_group_alone_do_not_make_the_others_unsure():
    codes = np.arange(200) % 2
    groups = np.where(codes == 1, 1000, EVERY)
    scores = Classes(codes, 2, np.ones(200)).targets.copy()
    scores[codes == 1] *= -1  # without their group, all others say that they are of class 0
    for link in (Classes(codes, 2, np.ones(200)), Labels(np.eye(2)[codes], np.ones(200))):
        slope, _ = link.fit_slope(scores, EVERY, link.judged(EVERY, groups))
        assert slope > 1
        assert link.fit_slope(scores, EVERY, link.judged(EVERY, EVERY))[0] < 0.5


def test_few_images_say_little_about_the_slope():
    link = Classes(np.array([0, 0, 1, 1]), 2, np.ones(4))
    four, pairs = np.arange(4), np.array([0, 0, 1, 1])
    slope, _ = link.fit_slope(-link.targets, four, link.judged(four, four))  # all are wrong
    assert 0.05 < slope < 1
    slope, losses = link.fit_slope(link.targets, four, link.judged(four, pairs))
    assert slope == 3  # none can be predicted
    assert np.isnan(losses).all()


def test_scores_without_a_meaning_give_the_frequencies():
    codes = np.repeat([0, 0, 0, 1], 50)
    link = Classes(codes, 2, np.ones(200))
    np.testing.assert_allclose(
        probabilities(link.outputs(np.zeros((1, 2)), 1.0), exclusive=True), [[0.75, 0.25]]
    )


def test_weights_count_as_copies_of_images():
    generator = np.random.default_rng(0)
    codes, scores = generator.integers(0, 3, 200), generator.normal(size=(200, 3))
    weight = generator.integers(1, 4, 200)
    copies = np.repeat(EVERY, weight)
    weighted = Classes(codes, 3, weight.astype(float))
    copied = Classes(codes[copies], 3, np.ones(len(copies)))
    np.testing.assert_allclose(weighted.targets[copies], copied.targets)
    np.testing.assert_allclose(weighted.base, copied.base)
    every_copy = np.arange(len(copies))
    slopes = (
        weighted.fit_slope(scores, EVERY, weighted.judged(EVERY, EVERY))[0],
        copied.fit_slope(scores[copies], every_copy, copied.judged(every_copy, copies))[0],
    )
    assert slopes[0] == pytest.approx(slopes[1], rel=0.05)


def test_a_label_that_no_image_has_is_improbable_and_not_impossible():
    indicators = np.column_stack([np.arange(200) % 2, np.zeros(200)])
    link = Labels(indicators, np.ones(200))
    assert (link.targets[:, 1] == 0).all()
    chance = probabilities(link.outputs(np.zeros((1, 2)), 1.0), exclusive=False)
    np.testing.assert_allclose(chance, [[0.5, 0.5 / 201]])


def test_each_number_has_a_loss_of_its_own():
    targets = np.random.default_rng(0).normal(size=(200, 2))
    slope, losses = Numbers(targets, np.ones(200)).fit_slope(
        targets + np.array([0, 1]), EVERY, np.ones(200)
    )
    assert slope == 1
    np.testing.assert_allclose(losses, [0, 1], atol=1e-12)
