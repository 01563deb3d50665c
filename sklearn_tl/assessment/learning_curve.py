"""What more images would bring: a learning curve, continued to larger training sets."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm, t
from sklearn.utils import check_random_state

# Exponents of the power laws. Learning curves of classifiers lie in this range.
EXPONENTS = np.linspace(0.1, 1.2, 12)
N_RESAMPLES = 400
FEWEST_SIZES = 3  # as many as a power law has parameters


@dataclass(frozen=True)
class Extrapolation:
    """The score to expect with more training images.

    Parameters
    ----------
    at : int
        Number of training images.
    mean : float
        The expected score.
    low, high : float
        The band of scores that the curve allows.
    level : float
        The coverage that the band aims at.
    size : int
        The largest number of training images that was tried.
    score : float
        The score with that number.
    """

    at: int
    mean: float
    low: float
    high: float
    level: float
    size: int
    score: float

    def sentence(self, n_classes: int | None = None) -> str:
        """Return the answer as a sentence.

        Parameters
        ----------
        n_classes : int or None, default=None
            Counts images per class instead of images in total.
        """
        more = self.at - self.size
        images = f"{more} more training images"
        if n_classes is not None:
            images = f"{round(more / n_classes)} more training images per class"
        return f"{images}: about {self.low:.2f} to {self.high:.2f} (now {self.score:.2f})."


def extrapolate(
    train_sizes: Any,
    scores: Any,
    at: int,
    *,
    highest: float = 1.0,
    level: float = 0.9,
    random_state: int | np.random.RandomState | None = None,
) -> Extrapolation:
    """Continue a learning curve to a larger number of training images.

    The curve is the power law ``score = a - b * n ** -c`` with `a` at most `highest` and `b` at
    least 0. The band comes from resampled folds and from all exponents `c` that fit the scores.

    Parameters
    ----------
    train_sizes : array-like of shape (n_sizes,)
        Numbers of training images, at least three different ones.
    scores : array-like of shape (n_sizes, n_folds)
        The score for each size and fold, higher is better. At least two folds.
    at : int
        The number of training images to predict the score of, not below the largest size.
    highest : float, default=1.0
        The score of a perfect model. Set 0 for errors with a minus sign.
    level : float, default=0.9
        The coverage of the band.
    random_state : int, RandomState instance or None, default=None
        Seed of the resamples.

    Returns
    -------
    extrapolation : Extrapolation
        The expected score with its band, and a sentence.

    Raises
    ------
    ValueError
        If there are fewer than three sizes or two folds, the shapes do not agree, a score is not
        finite or is above `highest`, or `at` is below the largest size.

    Notes
    -----
    The curve must have one cause. If the smallest training sets lack whole classes, the scores
    rise because classes are added, and the band is too low. The same is true of frames of videos:
    each new frame is like one that is there. The curve cannot know whether new images will be like
    the present ones.

    References
    ----------
    Cortes, Jackel, Solla, Vapnik and Denker (1993), Learning curves: asymptotic values and rate of
    convergence. Viering and Loog (2023), The shape of learning curves: a review, IEEE TPAMI 45.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tl.assessment.learning_curve import extrapolate
    >>> sizes = np.array([50, 100, 200, 400])
    >>> folds = np.array([-0.01, 0.0, 0.01])
    >>> scores = 0.95 - 2 * sizes[:, None] ** -0.6 + folds
    >>> more = extrapolate(sizes, scores, at=800, random_state=0)
    >>> more.low < 0.95 - 2 * 800**-0.6 < more.high
    True
    >>> more.sentence(n_classes=10)
    '40 more training images per class: about 0.90 to 0.93 (now 0.90).'
    """
    sizes, table = _checked(train_sizes, scores, at, highest)
    random = check_random_state(random_state)
    n_folds = table.shape[1]
    mean = table.mean(axis=1)
    drawn = random.randint(n_folds, size=(N_RESAMPLES, n_folds))
    # A fold keeps its scores at all sizes. Few resampled folds vary too little, so their
    # deviations are widened as Student's t is against the normal distribution.
    tail = (1 + level) / 2
    widening = np.sqrt(n_folds / (n_folds - 1)) * t.ppf(tail, n_folds - 1) / norm.ppf(tail)
    curves = mean + widening * (table[:, drawn].mean(axis=2).T - mean)
    noise = table - mean[:, None] - table.mean(axis=0) + table.mean()
    freedom = (len(sizes) - 1) * (n_folds - 1)
    variance = max(float((noise**2).sum()) / freedom / n_folds, 1e-8)
    predictions, misfits = _power_laws(sizes / sizes[-1], curves, at / sizes[-1], highest)
    weights = np.exp((misfits.min(axis=1, keepdims=True) - misfits) / (2 * variance))
    weights /= weights.sum()
    order = predictions.argsort(axis=None)
    shares = weights.ravel()[order].cumsum()
    ends = np.searchsorted(shares, [1 - tail, tail * (1 - 1e-12)])
    low, high = predictions.ravel()[order][ends].tolist()
    expected = float((predictions * weights).sum())
    return Extrapolation(at, expected, low, high, level, int(sizes[-1]), float(mean[-1]))


def _power_laws(
    sizes: np.ndarray, curves: np.ndarray, at: float, highest: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a power law with each exponent to each curve (n_curves, n_sizes) by least squares.

    Returns the predictions and the sums of squared residuals, both (n_curves, n_exponents). For a
    given exponent the law is a straight line in ``n ** -c``, whose fit has a closed form.
    """
    x = sizes[:, None] ** -EXPONENTS
    centred = x - x.mean(axis=0)
    slope = np.maximum(-(curves @ centred) / (centred**2).sum(axis=0), 0)
    top = curves.mean(axis=1, keepdims=True) + slope * x.mean(axis=0)
    bounded = np.maximum(((highest - curves) @ x) / (x**2).sum(axis=0), 0)
    slope = np.where(top > highest, bounded, slope)
    top = np.minimum(top, highest)
    residuals = top[..., None] - slope[..., None] * x.T - curves[:, None]
    return top - slope * at**-EXPONENTS, (residuals**2).sum(axis=2)


def _checked(
    train_sizes: Any, scores: Any, at: int, highest: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sizes in rising order, and the scores that belong to them."""
    sizes, table = np.asarray(train_sizes, dtype=float), np.asarray(scores, dtype=float)
    if sizes.ndim != 1 or table.ndim != 2 or len(table) != len(sizes) or table.shape[1] < 2:
        raise ValueError(
            f"Found train_sizes of shape {sizes.shape} and scores of shape {table.shape}. Expected "
            "one row of scores per size and one column per fold, and at least two folds."
        )
    if len(np.unique(sizes)) < max(FEWEST_SIZES, len(sizes)) or sizes.min() <= 0:
        raise ValueError(
            f"Found train_sizes {sizes.tolist()}. Expected at least {FEWEST_SIZES} different "
            "positive sizes, for example train_sizes=[0.25, 0.5, 0.75, 1.0]."
        )
    for i, j in np.argwhere(~(np.isfinite(table) & (table <= highest)))[:1].tolist():
        raise ValueError(
            f"scores[{i}, {j}] is {table[i, j]}. Expected finite scores up to highest={highest}."
        )
    if not at >= sizes.max():
        raise ValueError(
            f"at={at} is below the largest size, {sizes.max():g}. Expected a larger number of "
            "training images: smaller ones can be measured."
        )
    order = np.argsort(sizes)
    return sizes[order], table[order]
