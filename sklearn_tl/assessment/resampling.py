"""Resamples of images, or of groups of images, and the scores of strategies on them."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from sklearn_tl.targets import check_weights

Score = Callable[[np.ndarray], Any]
RESAMPLED_AT_ONCE = 1 << 22  # numbers of images in memory


def checked_results(results: Any, score: Score | None) -> np.ndarray:
    """Return the results as numbers, one row per strategy."""
    array = np.asarray(results, dtype=float)
    if array.ndim < 2 or (score is None and array.ndim != 2):
        raise ValueError(
            f"Found results of shape {array.shape}. Expected one row per strategy and one column "
            "per image; more dimensions need a score."
        )
    for position in np.argwhere(~np.isfinite(array))[:1].tolist():
        raise ValueError(
            f"results{position} is {array[tuple(position)]}. Expected finite numbers. Leave out "
            "images that have no result."
        )
    return array


def checked_weight(sample_weight: Any, n_images: int, score: Score | None) -> np.ndarray:
    """Return the weights of images in a mean, of which a score of its own knows nothing."""
    if sample_weight is not None and score is not None:
        raise ValueError("sample_weight is for the mean. Leave it out, or leave score out.")
    return check_weights(sample_weight, n_images)


def codes_of_groups(groups: Any, n_images: int) -> tuple[np.ndarray | None, int]:
    """Return the number of the group of each image, None without groups, and how many there are."""
    codes, n_groups, what = None, n_images, "images"
    if groups is not None:
        codes = np.unique(np.asarray(groups), return_inverse=True)[1]
        if codes.shape != (n_images,):
            raise ValueError(
                f"Found groups of shape {codes.shape} and {n_images} images. Expected one group "
                "per image."
            )
        n_groups, what = int(codes.max()) + 1, "groups"
    if n_groups < 2:
        raise ValueError(f"Found {n_groups} {what}. Expected at least 2 to draw from.")
    return codes, n_groups


def resamples(n: int, n_resamples: int, random_state: Any) -> Iterator[np.ndarray]:
    """Yield how often each image or group is drawn, as arrays of shape (n_some, n)."""
    random = check_random_state(random_state)
    step = max(1, RESAMPLED_AT_ONCE // n)
    for start in range(0, n_resamples, step):
        n_some = min(step, n_resamples - start)
        drawn = random.randint(n, size=(n_some, n)) + n * np.arange(n_some)[:, None]
        yield np.bincount(drawn.ravel(), minlength=n_some * n).reshape(n_some, n)


def scores_of_resamples(
    results: np.ndarray,
    counts: np.ndarray,
    codes: np.ndarray | None,
    score: Score | None,
    weight: np.ndarray | None = None,
) -> np.ndarray:
    """Return the scores (n_resamples, n_strategies) of resamples, NaN if they are empty.

    Without a `score`, these are means over the images, with a `weight` for each.
    """
    if score is not None:
        of_images = counts if codes is None else counts[:, codes]
        positions = (np.repeat(np.arange(len(times)), times) for times in of_images)
        empty = np.full(len(results), np.nan)
        return np.array([score(results[:, some]) if len(some) else empty for some in positions])
    sizes = np.ones(results.shape[1]) if weight is None else weight
    sums = (results * sizes).T
    if codes is not None:  # the sums of the groups are enough for means over their images
        sums = np.column_stack([np.bincount(codes, weights=row) for row in sums.T])
        sizes = np.bincount(codes, weights=sizes)
    n_drawn = counts @ sizes
    # On a busy machine, threads that wait for each other take longer than one.
    with np.errstate(invalid="ignore"), threadpool_limits(1):
        means = (counts @ sums) / n_drawn[:, None]
    # Rounding would move a mean of weighted results out of their range, for example above 1.
    return np.clip(means, results.min(axis=1), results.max(axis=1))
