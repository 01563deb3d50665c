"""`ImagePredictions`: what a strategy predicts for each image that it was tested on."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sklearn_tl.comparison.folds import Split
from sklearn_tl.comparison.runs import Run


class ImagePredictions(NamedTuple):
    """What a strategy predicts for images that it was not trained on.

    Parameters
    ----------
    positions : ndarray of shape (n_predictions,)
        The positions of the images among those that were compared, rising. An image that several
        folds test has several predictions.
    folds : ndarray of shape (n_predictions,) or None
        The fold that tested the image, from 0. None if there are no folds.
    predicted : ndarray of shape (n_predictions,) or (n_predictions, n_outputs)
        Labels, rows of an indicator matrix, or numbers.
    probabilities : ndarray of shape (n_predictions, n_classes) or None
        One column per class or label. None if the strategy has no probabilities.
    """

    positions: np.ndarray
    folds: np.ndarray | None
    predicted: np.ndarray
    probabilities: np.ndarray | None


def predictions_of_runs(runs: Sequence[Run], splits: list[Split]) -> ImagePredictions:
    """Put the predictions of the folds into the order of the images."""
    tests = [test for _, test in splits]
    positions = np.concatenate(tests)
    folds = np.repeat(np.arange(len(tests)), [len(test) for test in tests])
    order = np.lexsort([folds, positions])
    rows = [run["probabilities"] for run in runs]
    known = [row for row in rows if row is not None]
    return ImagePredictions(
        positions[order],
        folds[order],
        np.concatenate([run["predicted"] for run in runs])[order],
        np.concatenate(known)[order] if len(known) == len(rows) else None,
    )
