"""Images that are unlike all training images, with a stated rate of false alarms."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.model_selection import GroupKFold, KFold
from sklearn.utils import check_array

N_FOLDS = 5
# The share of the mean variance that each feature has at least. With few images, the variance of
# some features is 0 by chance.
LEAST_VARIANCE = 0.1


@dataclass(frozen=True, eq=False)
class Novelty:
    """The distance of embeddings from those of the training images.

    A model answers for any image, also for one that has nothing to do with its training images.
    This finds such images. The distance is the mean of the squared differences from the training
    mean, each divided by the variance of its feature. It needs no labels, so that it also serves
    regressions.

    Parameters
    ----------
    mean, variance : ndarray of shape (n_features,), float32
        Of the training rows, after the square root of their values and division by their length.
    threshold : float
        The distance above which an image is novel.
    false_alarms : float
        The share of images like the training images that are above the threshold, as estimated
        from folds. It is larger than the share that was asked for if there are too few images.

    Notes
    -----
    Two numbers of four bytes per feature are kept: 10 kB for the default backbone. For a file,
    `dataclasses.asdict` returns the parameters, and ``Novelty(**parameters)`` takes them.

    The distance finds images of another kind. It does not find most images of a class that is
    missing in training, if they are similar to the classes that are there.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tl.assessment.novelty import Novelty
    >>> random = np.random.default_rng(0)
    >>> rows = random.random((200, 64)) * np.linspace(0, 1, 64)
    >>> others = random.random((3, 64)) * np.linspace(1, 0, 64)
    >>> novelty = Novelty.fit(rows)
    >>> novelty.is_novel(others).tolist(), bool(novelty.is_novel(rows).mean() < 0.02)
    ([True, True, True], True)
    """

    mean: np.ndarray
    variance: np.ndarray
    threshold: float
    false_alarms: float

    @classmethod
    def fit(
        cls,
        rows: Any,
        *,
        groups: Any = None,
        false_alarms: float = 0.01,
        random_state: int | np.random.RandomState | None = 0,
    ) -> Self:
        """Learn what the training images look like, and set the threshold.

        Each of five parts of the images is compared with the other four. The threshold is the
        quantile of these distances.

        Parameters
        ----------
        rows : array-like of shape (n_images, n_features)
            Embeddings of the training images.
        groups : array-like of shape (n_images,) or None, default=None
            Groups of images that stay in one part. Without them, frames of one video would make
            the threshold too low.
        false_alarms : float, default=0.01
            The share of images like the training images that may be called novel, above 0 and
            below 1. From `n` images, shares below ``1 / (n + 1)`` cannot be estimated.
        random_state : int, RandomState instance or None, default=0
            Decides the parts.

        Returns
        -------
        novelty : Novelty
            The distance with its threshold.

        Raises
        ------
        ValueError
            If the rows are not finite, there are fewer than two images or groups, all rows are
            equal, or `false_alarms` is not a share.
        """
        if not 0 < false_alarms < 1:
            raise ValueError(f"false_alarms={false_alarms!r} must be a share above 0 and below 1.")
        features = _features(rows)
        n = len(features)
        n_parts = n if groups is None else len(np.unique(groups))
        if n_parts < 2:
            what = "images" if groups is None else "groups"
            raise ValueError(f"Found {n_parts} {what}. Expected at least 2 to compare.")
        folds = (KFold if groups is None else GroupKFold)(
            min(N_FOLDS, n_parts), shuffle=True, random_state=random_state
        )
        distances = np.empty(n)
        for train, test in folds.split(features, groups=groups):
            distances[test] = _distances(features[test], *_moments(features[train]))
        # The rank that a new image like these exceeds with the given probability.
        rank = min(n, int(np.ceil((n + 1) * (1 - false_alarms) - 1e-9)))
        threshold = float(np.sort(distances)[rank - 1])
        return cls(*_moments(features), threshold, max(false_alarms, 1 / (n + 1)))

    def score(self, rows: Any) -> np.ndarray:
        """Return how novel images are: their distance divided by the threshold.

        Parameters
        ----------
        rows : array-like of shape (n_images, n_features)
            Embeddings of the same backbone.

        Returns
        -------
        scores : ndarray of shape (n_images,)
            Above 1 for novel images.

        Raises
        ------
        ValueError
            If the rows are not finite, or have another number of features.
        """
        features = _features(rows)
        if features.shape[1] != len(self.mean):
            raise ValueError(
                f"Found rows with {features.shape[1]} features. Expected {len(self.mean)}, as in "
                "training: embed the images with the same backbone."
            )
        return _distances(features, self.mean, self.variance) / self.threshold

    def is_novel(self, rows: Any) -> np.ndarray:
        """Return whether images are unlike the training images.

        Parameters
        ----------
        rows : array-like of shape (n_images, n_features)
            Embeddings of the same backbone.

        Returns
        -------
        novel : ndarray of bool of shape (n_images,)
            True for scores above 1.
        """
        return self.score(rows) > 1


def _features(rows: Any) -> np.ndarray:
    """Return signed square roots of rows with length 1: no large value outweighs all others."""
    rows = check_array(rows, dtype=np.float32, input_name="rows")
    roots = np.sign(rows) * np.sqrt(np.abs(rows))
    lengths = np.linalg.norm(roots, axis=1, keepdims=True)
    return roots / np.where(lengths > 0, lengths, 1)


def _moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the variance of each feature."""
    variance = features.var(axis=0)
    typical = variance.mean()
    if not typical > 1e-12:  # of the squared length of a row, which is 1
        raise ValueError("All rows are equal. Expected embeddings of different images.")
    return features.mean(axis=0), variance + LEAST_VARIANCE * typical


def _distances(features: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    return ((features - mean) ** 2 / variance).mean(axis=1, dtype=np.float64)
