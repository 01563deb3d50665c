"""Intervals of proportions, also if images come in groups that are right or wrong together."""

import numpy as np
from scipy.stats import beta, norm, t


def effective_numbers(success: np.ndarray, groups: np.ndarray | None, level: float) -> np.ndarray:
    """Return how many independent images would tell as much about a proportion as the first i + 1.

    Images of one group, for example frames of one film, are often right or wrong together. The
    number follows from the variance between groups (Korn & Graubard, "Confidence intervals for
    proportions with small expected number of positive counts estimated from survey data", Survey
    Methodology, 1998). If all images agree, there is no variance to see, and each group counts as
    one image.

    Parameters
    ----------
    success : ndarray of bool of shape (n_images,)
    groups : ndarray of int of shape (n_images,), or None
        None stands for independent images.
    level : float
        Of the interval. With few groups their variance is uncertain, which costs more at a high
        level.

    Returns
    -------
    numbers : ndarray of float of shape (n_images,)
        The last one is for all images. No number is larger than that of the images.
    """
    n = np.arange(1, len(success) + 1)
    if groups is None or len(success) == 0:
        return n.astype(float)
    earlier = earlier_in_group(np.ones(len(success)), groups)
    x = success.astype(float)
    won = earlier_in_group(x, groups)
    n_groups = np.cumsum(earlier == 0)
    share = np.cumsum(x) / n
    # The sums over groups of squares and products of (successes, images), as images are added.
    of_successes = np.cumsum(x * (2 * won + 1))
    of_both = np.cumsum(won + x * (earlier + 1))
    of_images = np.cumsum(2 * earlier + 1)
    between = of_successes - 2 * share * of_both + share**2 * of_images
    numbers = n_groups.astype(float)
    seen = (n_groups > 1) & (between > 1e-9)
    freedom = n_groups[seen] - 1
    variance = (freedom + 1) / freedom * between[seen] / n[seen] ** 2
    few = (norm.ppf(0.5 + level / 2) / t.ppf(0.5 + level / 2, freedom)) ** 2
    numbers[seen] = few * share[seen] * (1 - share[seen]) / variance
    return np.minimum(numbers, n)


def earlier_in_group(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the sum of the values of the earlier images in each image's group."""
    order = np.argsort(groups, kind="stable")
    before = np.cumsum(values[order]) - values[order]
    first = np.flatnonzero(np.diff(groups[order], prepend=-1))
    lengths = np.diff(first, append=len(order))
    sums = np.empty(len(order))
    sums[order] = before - np.repeat(before[first], lengths)
    return sums


def wilson_interval(
    share: np.ndarray, number: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds of proportions (Wilson, 1927), which are 0 and 1 for no images.

    Parameters
    ----------
    share : ndarray
        The proportions that were seen. They do not matter where `number` is 0.
    number : ndarray of the same shape
        Of images. It may be a fraction, which `scipy.stats.binomtest` does not accept.
    level : float
        The share of such intervals that contain the true proportion.
    """
    share = np.where(number > 0, share, 0.5)
    z2 = norm.ppf(0.5 + level / 2) ** 2
    middle = (number * share + z2 / 2) / (number + z2)
    half = np.sqrt(z2 * (number * share * (1 - share) + z2 / 4)) / (number + z2)
    low, high = (middle - half).clip(0, 1), (middle + half).clip(0, 1)
    empty = number == 0
    return np.where(empty, 0.0, low), np.where(empty, 1.0, high)


def upper_bound(share: np.ndarray, number: np.ndarray, level: float) -> np.ndarray:
    """Return the one-sided upper bound of proportions (Clopper & Pearson, 1934)."""
    successes = share * number
    rest = np.maximum(number - successes, 1e-9)
    return np.where(share < 1, beta.ppf(level, successes + 1, rest), 1.0)


def check_level(level: float) -> None:
    """Raise a ValueError unless a level lies between 0 and 1."""
    if not 0 < level < 1:
        raise ValueError(f"level={level!r} must be between 0 and 1, for example 0.95.")
