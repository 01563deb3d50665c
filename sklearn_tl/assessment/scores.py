"""The score of one model on test images, with what chance may have added or taken."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_tl.assessment.intervals import check_level, effective_numbers, wilson_interval
from sklearn_tl.assessment.resampling import (
    Score,
    checked_results,
    codes_of_groups,
    resamples,
    scores_of_resamples,
)


@dataclass(frozen=True)
class ScoreInterval:
    """A score with its interval.

    Parameters
    ----------
    value : float
        The score on all images.
    low, high : float
        The interval.
    level : float
        The coverage of the interval.
    """

    value: float
    low: float
    high: float
    level: float


def score_interval(
    results: Any,
    *,
    score: Score | None = None,
    groups: Any = None,
    n_resamples: int = 1000,
    level: float = 0.95,
    random_state: int | np.random.RandomState | None = None,
) -> ScoreInterval:
    """Return the score of a model on images that it was not trained on, with its interval.

    Parameters
    ----------
    results : array-like of shape (n_images,) or (n_images, ...)
        The result of each image. For the accuracy: True if the prediction is right, else False.
    score : callable or None, default=None
        From results of shape (n_models, n, ...) to scores (n_models,), as for
        :func:`selection_bias`. None is the share of right predictions.
    groups : array-like of shape (n_images,) or None, default=None
        Groups of images that are right or wrong together, for example those of one patient.
    n_resamples : int, default=1000
        Number of resamples from which the interval comes if there is a `score`.
    level : float, default=0.95
        Coverage of the interval.
    random_state : int, RandomState instance or None, default=None
        Seed of the resamples.

    Returns
    -------
    interval : ScoreInterval
        Of a share, Wilson's interval, which has a width also if all predictions are right. Of
        another score, the percentiles of resamples of the images.

    Raises
    ------
    ValueError
        If the results are not finite, there are fewer than two images or groups, or `score` is NaN
        for all resamples.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference, Journal of
    the American Statistical Association 22. Efron and Tibshirani (1993), An Introduction to the
    Bootstrap, chapter 13.

    Examples
    --------
    >>> from sklearn_tl.assessment import score_interval
    >>> found = score_interval([True] * 19 + [False])
    >>> found.value, round(found.low, 2), round(found.high, 2)
    (0.95, 0.76, 0.99)
    """
    check_level(level)
    checked = checked_results([results], score)
    codes, n_groups = codes_of_groups(groups, checked.shape[1])
    if score is None:
        right = checked[0] > 0
        number = effective_numbers(right, codes, level)[-1:]
        bounds = wilson_interval(np.array([right.mean()]), number, level)
        low, high = (float(bound[0]) for bound in bounds)
        return ScoreInterval(float(right.mean()), low, high, level)
    every = np.ones((1, n_groups), dtype=np.intp)
    parts = [every, *resamples(n_groups, n_resamples, random_state)]
    scores = np.concatenate(
        [scores_of_resamples(checked, part, codes, score)[:, 0] for part in parts]
    )
    resampled = scores[1:][np.isfinite(scores[1:])]
    if len(resampled) == 0:
        raise ValueError(
            f"score is NaN for all {n_resamples} resamples of {n_groups} images or groups. Add "
            "images."
        )
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return ScoreInterval(float(scores[0]), float(low), float(high), level)
