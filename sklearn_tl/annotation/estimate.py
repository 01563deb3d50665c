"""How accurate the model is on images that nobody chose, and whether more answers will help."""

from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest

LEAST = 10  # random images before there is an estimate
LEAST_TO_STOP = 20
SMALL_GAIN = 0.02  # of accuracy, by the second half of the answers


class Estimate(NamedTuple):
    """The accuracy on the random images that have an answer.

    Attributes
    ----------
    n : int
        How many there are.
    accuracy, low, high : float or None
        The share that the model predicts as the person did, and its 95 % interval (Wilson 1927).
        None with fewer than 10 images, or before there is a model.
    before : float or None
        The accuracy, on the same images, of a model that was fitted on the first half of the
        answers.
    can_stop : bool
        Whether there are 20 random images, and the second half of the answers raised the accuracy
        by at most 0.02.
    words : str
        What this means.
    """

    n: int
    accuracy: float | None
    low: float | None
    high: float | None
    before: float | None
    can_stop: bool
    words: str


def estimate(n: int, is_right: np.ndarray | None, was_right: np.ndarray | None) -> Estimate:
    """Estimate the accuracy, and say whether to go on.

    Parameters
    ----------
    n : int
        The number of random images that have an answer.
    is_right : ndarray of bool of shape (n,), or None
        Whether the model is right about each of them. It was trained on none. None if there is no
        model yet.
    was_right : ndarray of bool of shape (n,), or None
        The same for a model that was fitted on the first half of the answers.

    Examples
    --------
    >>> import numpy as np
    >>> is_right = np.arange(40) > 3
    >>> found = estimate(40, is_right, was_right=is_right)
    >>> found.accuracy, round(found.low, 2), round(found.high, 2), found.can_stop
    (0.9, 0.77, 0.96, True)
    """
    if n < LEAST or is_right is None or was_right is None:
        missing = max(LEAST - n, 0)
        words = (
            f"Go on: the estimate needs {missing} more of the images that are drawn at random."
            if missing
            else "Go on: the first model needs more answers."
        )
        return Estimate(n, None, None, None, None, False, words)
    interval = binomtest(int(is_right.sum()), n).proportion_ci(method="wilson")
    accuracy, before = float(is_right.mean()), float(was_right.mean())
    can_stop = n >= LEAST_TO_STOP and accuracy - before <= SMALL_GAIN
    compared = f"With half of the answers it was {100 * before:.0f} % on the same images"
    if can_stop:
        words = f"You can stop if this is enough. {compared}, so more answers will help little."
    elif n < LEAST_TO_STOP:
        words = "Go on: the images that are drawn at random are still too few to compare."
    else:
        words = f"Go on. {compared}, so more answers are likely to help."
    return Estimate(n, accuracy, float(interval.low), float(interval.high), before, can_stop, words)
