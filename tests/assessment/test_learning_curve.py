"""Learning curves continued to more images."""

import numpy as np
import pytest

from sklearn_tl.assessment.learning_curve import extrapolate

SIZES = np.array([50, 100, 200, 400])


def scores(top=0.95, factor=2.0, exponent=0.6, noise=0.01, n_folds=5, seed=0):
    random = np.random.default_rng(seed)
    folds = noise * random.normal(size=n_folds)
    single = noise / 3 * random.normal(size=(len(SIZES), n_folds))
    return top - factor * SIZES[:, None] ** -exponent + folds + single


@pytest.mark.parametrize("exponent", [0.3, 0.6, 1.0])
def test_a_power_law_is_continued(exponent):
    truth = 0.95 - 2 * 1600**-exponent
    table = scores(exponent=exponent, noise=1e-4)
    assert extrapolate(SIZES, table, 1600, random_state=0).mean == pytest.approx(truth, abs=0.01)


def test_the_band_covers_the_truth_about_as_often_as_it_says():
    truth = 0.95 - 2 * 800**-0.6
    bands = [extrapolate(SIZES, scores(seed=seed), 800, random_state=0) for seed in range(40)]
    assert 0.8 <= np.mean([band.low <= truth <= band.high for band in bands]) <= 1
    assert np.mean([band.high - band.low for band in bands]) < 0.05


def test_more_noise_farther_away_or_a_higher_level_widen_the_band():
    def width(at=800, level=0.9, noise=0.01):
        band = extrapolate(SIZES, scores(noise=noise), at, level=level, random_state=0)
        return band.high - band.low

    assert width() < min(width(noise=0.02), width(at=6400), width(level=0.98))


def test_no_score_is_above_the_highest():
    table = np.minimum(scores(top=1.2), 1.0)
    assert extrapolate(SIZES, table, 100_000, random_state=0).high <= 1
    errors = extrapolate(SIZES, scores(top=0.2) - 0.5, 100_000, highest=0, random_state=0)
    assert errors.low <= errors.mean <= errors.high <= 0


def test_a_curve_that_falls_is_continued_flat():
    table = 0.8 - 0.0005 * SIZES[:, None] + [-0.01, 0, 0.01]
    assert extrapolate(SIZES, table, 4000, random_state=0).mean == pytest.approx(
        table.mean(), abs=0.02
    )


def test_sizes_may_come_in_any_order():
    table = scores()
    expected = extrapolate(SIZES, table, 800, random_state=0)
    assert extrapolate(SIZES[::-1], table[::-1], 800, random_state=0) == expected


def test_equal_scores_have_no_band():
    band = extrapolate([10, 20, 40], np.ones((3, 3)), 80, random_state=0)
    assert (band.low, band.mean, band.high) == pytest.approx((1, 1, 1))


def test_the_sentence_counts_images_in_total_or_per_class():
    band = extrapolate(SIZES, scores(), 800, random_state=0)
    assert band.sentence().startswith("400 more training images: about 0.")
    assert band.sentence(10).startswith("40 more training images per class: about 0.")
    assert band.sentence().endswith(f"(now {scores()[-1].mean():.2f}).")


@pytest.mark.parametrize(
    ("sizes", "table", "at", "message"),
    [
        ([10, 20], np.ones((2, 3)), 40, "at least 3 different positive sizes"),
        ([10, 20, 20], np.ones((3, 3)), 40, "at least 3 different positive sizes"),
        ([10, 20, 40], np.ones((3, 1)), 80, "at least two folds"),
        ([10, 20, 40], np.ones((2, 3)), 80, r"scores of shape \(2, 3\)"),
        ([10, 20, 40], np.full((3, 3), np.nan), 80, r"scores\[0, 0\] is nan"),
        ([10, 20, 40], np.full((3, 3), 1.5), 80, "up to highest=1.0"),
        ([10, 20, 40], np.ones((3, 3)), 30, "at=30 is below the largest size, 40"),
    ],
)
def test_bad_input_is_named(sizes, table, at, message):
    with pytest.raises(ValueError, match=message):
        extrapolate(sizes, table, at)
