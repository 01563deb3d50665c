"""The score of the strategy that was chosen, and whether one strategy is ahead of another.

The highest of several cross-validated scores is optimistic, since chance helps to choose it. All
functions work on results of images that were not used in training, and train nothing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_tl.assessment.intervals import wilson_interval
from sklearn_tl.assessment.resampling import (
    Score,
    checked_results,
    checked_weight,
    codes_of_groups,
    resamples,
    scores_of_resamples,
)


@dataclass(frozen=True)
class ChosenScore:
    """The score to expect of a strategy that was chosen because its score was the highest.

    Parameters
    ----------
    highest : float
        The highest score of all strategies, on the images that also decided which one that is.
    mean : float
        The score without the optimism of the choice.
    low, high : float
        Interval of `mean`.
    shares : ndarray of shape (n_strategies,)
        How often each strategy was chosen. Shares that are far from 0 and 1 say that the images do
        not decide between the strategies.
    level : float
        The coverage of the interval.
    """

    highest: float
    mean: float
    low: float
    high: float
    shares: np.ndarray
    level: float

    @property
    def optimism(self) -> float:
        """By how much the highest score is too high."""
        return self.highest - self.mean


@dataclass(frozen=True)
class Difference:
    """By how much the score of `a` is above that of `b`.

    Parameters
    ----------
    mean : float
        The difference on all images.
    low, high : float
        Its interval.
    level : float
        The coverage of the interval.
    """

    mean: float
    low: float
    high: float
    level: float

    @property
    def ahead(self) -> str | None:
        """The strategy that is ahead, "a" or "b". None if the interval contains 0."""
        if self.low > 0:
            return "a"
        return "b" if self.high < 0 else None


def selection_bias(
    results: Any,
    *,
    score: Score | None = None,
    groups: Any = None,
    sample_weight: Any = None,
    n_resamples: int = 1000,
    level: float = 0.95,
    random_state: int | np.random.RandomState | None = None,
) -> ChosenScore:
    """Return the score to expect of the strategy that has the highest score.

    Each resample of the images chooses a strategy, and the images that were not drawn say how good
    it is. This is the bootstrap bias correction of cross-validation.

    Parameters
    ----------
    results : array-like of shape (n_strategies, n_images) or (n_strategies, n_images, ...)
        The result of each image from a model that was not trained on it. For the accuracy: 1 if
        the prediction is right, else 0.
    score : callable or None, default=None
        From results of shape (n_strategies, n, ...) to scores (n_strategies,), higher is better.
        NaN leaves a resample out. None is the mean over the images.
    groups : array-like of shape (n_images,) or None, default=None
        Groups of images that are drawn together, for example those of one patient.
    sample_weight : array-like of shape (n_images,) or None, default=None
        Weights of the images in the mean. None is 1 for each, and 0 leaves an image out. Not with
        a `score`.
    n_resamples : int, default=1000
        Number of resamples.
    level : float, default=0.95
        Coverage of the interval.
    random_state : int, RandomState instance or None, default=None
        Seed of the resamples.

    Returns
    -------
    chosen : ChosenScore
        The highest score, the score without the optimism of the choice, and its interval.

    Raises
    ------
    ValueError
        If the results are not finite, there are fewer than two images or groups, `score` is NaN for
        all resamples. Or if `sample_weight` is negative, not one per image, or beside a `score`.

    Notes
    -----
    The corrected score is cautious: it is too low rather than too high, and the interval is wide.
    The interval does not contain what other training images would change. If all resamples have the
    same share of right predictions, it is Wilson's interval.

    References
    ----------
    Tsamardinos, Greasidou and Borboudakis (2018), Bootstrapping the out-of-sample predictions for
    efficient and accurate cross-validation, Machine Learning 107.

    Examples
    --------
    Five strategies that all guess: the highest score is above one half by chance.

    >>> import numpy as np
    >>> from sklearn_tl.assessment.selection import selection_bias
    >>> guesses = np.random.default_rng(0).integers(0, 2, (5, 60))
    >>> chosen = selection_bias(guesses, random_state=0)
    >>> chosen.highest > 0.55, 0.45 < chosen.mean < 0.55
    (True, True)

    R², from the true number and the prediction of each image:

    >>> def r2(results):
    ...     y, predicted = results[..., 0], results[..., 1]
    ...     return 1 - ((y - predicted) ** 2).mean(axis=1) / y.var(axis=1)
    >>> y = np.arange(60.0)
    >>> noise = np.random.default_rng(0).normal(size=(2, 60))
    >>> results = np.stack([np.tile(y, (2, 1)), y + [[5], [10]] * noise], axis=2)
    >>> selection_bias(results, score=r2, random_state=0).shares.round(1).tolist()
    [1.0, 0.0]
    """
    results = checked_results(results, score)
    codes, n_groups = codes_of_groups(groups, results.shape[1])
    weight = checked_weight(sample_weight, results.shape[1], score)
    chosen, outside = [], []
    for counts in resamples(n_groups, n_resamples, random_state):
        inner = scores_of_resamples(results, counts, codes, score, weight)
        outer = scores_of_resamples(results, (counts == 0).astype(np.intp), codes, score, weight)
        best = np.nan_to_num(inner, nan=-np.inf).argmax(axis=1)
        reached = outer[np.arange(len(best)), best]
        known = np.isfinite(reached) & np.isfinite(inner).any(axis=1)
        chosen.append(best[known])
        outside.append(reached[known])
    reached, best = np.concatenate(outside), np.concatenate(chosen)
    if len(reached) == 0:
        raise ValueError(
            f"score is NaN for all {n_resamples} resamples of {n_groups} images or groups. "
            "Expected a number for nearly all of them. Add images."
        )
    low, high = np.quantile(reached, [(1 - level) / 2, (1 + level) / 2])
    if low == high and score is None and set(np.unique(results)) <= {0, 1}:
        # Resamples of answers that are all right are all right, too, which proves nothing.
        (low,), (high,) = wilson_interval(reached[:1], np.array([float(n_groups)]), level)
    every = np.ones((1, n_groups), dtype=np.intp)
    (everything,) = scores_of_resamples(results, every, codes, score, weight)
    shares = np.bincount(best, minlength=len(results)) / len(best)
    highest = float(np.nanmax(everything))
    return ChosenScore(highest, float(reached.mean()), float(low), float(high), shares, level)


def paired_bootstrap(
    a: Any,
    b: Any,
    *,
    score: Score | None = None,
    groups: Any = None,
    sample_weight: Any = None,
    n_resamples: int = 1000,
    level: float = 0.95,
    random_state: int | np.random.RandomState | None = None,
) -> Difference:
    """Return by how much one strategy is ahead of another on the same images.

    Both are scored on the same resamples of the images, so three folds are enough.

    Parameters
    ----------
    a, b : array-like of shape (n_images,) or (n_images, ...)
        The result of each image for two strategies, as in :func:`selection_bias`.
    score : callable or None, default=None
        As in :func:`selection_bias`.
    groups : array-like of shape (n_images,) or None, default=None
        Groups of images that are drawn together.
    sample_weight : array-like of shape (n_images,) or None, default=None
        As in :func:`selection_bias`.
    n_resamples : int, default=1000
        Number of resamples.
    level : float, default=0.95
        Coverage of the interval.
    random_state : int, RandomState instance or None, default=None
        Seed of the resamples.

    Returns
    -------
    difference : Difference
        The score of `a` minus that of `b`, with its interval (percentiles of the resamples).

    Raises
    ------
    ValueError
        If `a` and `b` have different shapes, or for the reasons of :func:`selection_bias`.

    References
    ----------
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tl.assessment.selection import paired_bootstrap
    >>> a, b = np.repeat([1, 0], [90, 10]), np.repeat([1, 0], [70, 30])
    >>> difference = paired_bootstrap(a, b, random_state=0)
    >>> round(difference.mean, 2), difference.ahead
    (0.2, 'a')
    """
    if np.shape(a) != np.shape(b):
        raise ValueError(
            f"a has shape {np.shape(a)}, but b has shape {np.shape(b)}. Expected the results of "
            "two strategies on the same images."
        )
    results = checked_results([a, b], score)
    codes, n_groups = codes_of_groups(groups, results.shape[1])
    weight = checked_weight(sample_weight, results.shape[1], score)
    every = np.ones((1, n_groups), dtype=np.intp)
    parts = [every, *resamples(n_groups, n_resamples, random_state)]
    scores = np.concatenate(
        [scores_of_resamples(results, part, codes, score, weight) for part in parts]
    )
    differences = scores[:, 0] - scores[:, 1]
    resampled = differences[1:][np.isfinite(differences[1:])]
    if len(resampled) == 0:
        raise ValueError(
            f"score is NaN for all {n_resamples} resamples of {n_groups} images or groups. Add "
            "images."
        )
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return Difference(float(differences[0]), float(low), float(high), level)
