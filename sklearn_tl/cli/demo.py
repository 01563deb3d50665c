"""The built-in photographs, and the study of them that runs without a command."""

from typing import Any, cast

import numpy as np
from sklearn.utils import Bunch

from sklearn_tl.cli.options.study import DEMONSTRATION, parser
from sklearn_tl.datasets import load_photo_patches

PER_CLASS = 10  # training patches


def load_photographs(
    n_draws: int, seed: int
) -> tuple[np.ndarray, np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Load the built-in photographs, divided so that no test patch overlaps a training patch.

    Parameters
    ----------
    n_draws : int
        How many training sets are drawn.
    seed : int

    Returns
    -------
    images : ndarray of shape (504, 96, 96, 3)
    labels : ndarray of shape (504,)
        Names of the photographs.
    splits : list of (train, test)
        `n_draws` of them. Ten patches of the upper half of each photograph, drawn at random, are
        to train on, and all patches of the lower halves to test on.
    """
    photos = cast(Bunch, load_photo_patches())
    labels = photos.target_names[photos.target].astype(str)
    test = np.flatnonzero(~photos.train)
    random = np.random.default_rng(seed)
    pools = [np.flatnonzero(photos.train & (labels == name)) for name in photos.target_names]
    splits = []
    for _ in range(n_draws):
        train = [random.choice(pool, PER_CLASS, replace=False) for pool in pools]
        splits.append((np.sort(np.concatenate(train)), test))
    return photos.images, labels, splits


def demonstration() -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Return what the command line compares if it gets no command.

    Returns
    -------
    images : ndarray of shape (504, 96, 96, 3)
    labels : ndarray of shape (504,)
    parameters : dict
        Of :func:`sklearn_tl.compare_strategies`, which with these returns the same figures.
    """
    options = parser().parse_args(DEMONSTRATION)
    images, labels, splits = load_photographs(options.cv, options.seed)
    parameters = {
        "strategies": options.strategies,
        "cv": splits,
        "duplicates": options.duplicates,
        "train_sizes": options.train_sizes,
        "random_state": options.seed,
    }
    return images, labels, parameters
