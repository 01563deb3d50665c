"""What single images, none of which was used in training, say about strategies."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sklearn_tl.comparison.folds import Split
from sklearn_tl.targets import Task

Score = Callable[[np.ndarray], np.ndarray]


class ImageResults(NamedTuple):
    """The results of strategies for each image.

    Parameters
    ----------
    values : ndarray of shape (n_strategies, n_images) or (n_strategies, n_images, n_values)
    score : callable or None
        From results of some images to scores (n_strategies,). None is their mean.
    sample_weight : ndarray of shape (n_images,) or None, default=None
        Weights of the images in the mean.
    """

    values: np.ndarray
    score: Score | None
    sample_weight: np.ndarray | None = None


def image_results(
    task: Task, y: np.ndarray, predicted: list[np.ndarray], splits: list[Split]
) -> ImageResults | None:
    """Return results whose mean or score is that of a comparison: a mean over folds.

    Parameters
    ----------
    task : Task
    y : ndarray of shape (n_images,) or (n_images, n_outputs)
    predicted : list of ndarray
        What each strategy predicts for the images.
    splits : list of (train, test)
        Each image is in one test part.

    Returns
    -------
    results : ImageResults or None
        None for several labels per image: the precision of a label does not follow from single
        images.
    """
    fold = np.empty(len(y), dtype=int)
    for k, (_, test) in enumerate(splits):
        fold[test] = k
    if task.name == "classification":
        sizes = np.bincount(fold)
        share = len(y) / (len(sizes) * sizes[fold])  # so that all folds weigh the same
        return ImageResults(np.array([p == y for p in predicted]), None, share)
    if task.name == "regression":
        truth = y.reshape(len(y), -1)
        values = [np.column_stack([truth, p.reshape(truth.shape), fold]) for p in predicted]
        return ImageResults(np.array(values), r2_over_folds)
    return None


def r2_over_folds(values: np.ndarray) -> np.ndarray:
    """Return the mean R² over folds and targets for results (n_strategies, n, 2 * n_targets + 1).

    A fold in which all values of a target are equal has no R² and is left out.
    """
    n_targets = values.shape[2] // 2
    scores = []
    for k in np.unique(values[0, :, -1]):
        part = values[:, values[0, :, -1] == k]
        y, predicted = part[..., :n_targets], part[..., n_targets:-1]
        total = ((y - y.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
        error = ((y - predicted) ** 2).sum(axis=1)
        if (total > 0).all():
            scores.append((1 - error / total).mean(axis=1))
    return np.mean(scores, axis=0) if scores else np.full(len(values), np.nan)
