"""Which image to show next: at first a spread over the embeddings, then the most unsure one.

All functions take rows of length 1 and positions in them, and return positions.
"""

import numpy as np

from sklearn_tl.annotation.model import QuickModel

MOST_CENTRAL = 1000  # images among which the first ones are chosen; the time grows with its square
MOST_UNSURE = 50  # images that may be shown although others are a little more unsure


def most_central(
    rows: np.ndarray, everything: np.ndarray, candidates: np.ndarray, known: np.ndarray
) -> int:
    """Return the image that represents the most images which no known image represents.

    It lowers the sum of the distances from all images to the nearest known one by as much as
    possible. Image after image, this is the greedy algorithm for k-medoids.

    Parameters
    ----------
    rows : ndarray of shape (n_images, n_features)
    everything : ndarray of int
        The images to represent, in random order. The first 1000 of them are used.
    candidates : ndarray of int
        The images to choose from, in random order. The first 1000 of them are used.
    known : ndarray of int
        Images that have a label, or are shown.
    """
    points, candidates = rows[everything[:MOST_CENTRAL]], candidates[:MOST_CENTRAL]
    nearest = np.full(len(points), 2.0, dtype=np.float32)  # no two rows are further apart
    if len(known):
        nearest = distances(points, rows[known]).min(axis=1)
    gains = np.maximum(nearest[:, None] - distances(points, rows[candidates]), 0).sum(axis=0)
    return int(candidates[gains.argmax()])


def most_unsure(
    model: QuickModel, rows: np.ndarray, candidates: np.ndarray, shown: np.ndarray
) -> int:
    """Return an image that the model is unsure of, and that differs from those which are shown.

    The uncertainty is one minus the difference between the two highest probabilities.

    Parameters
    ----------
    model : QuickModel
    rows : ndarray of shape (n_images, n_features)
    candidates : ndarray of int
    shown : ndarray of int
        Images that have no label yet, although they are shown.
    """
    probabilities = np.sort(model.predict_proba(rows[candidates]), axis=1)
    doubts = 1 - (probabilities[:, -1] - probabilities[:, -2])
    if len(shown):
        likely = np.argsort(-doubts, kind="stable")[:MOST_UNSURE]
        candidates = candidates[likely]
        doubts = doubts[likely] * distances(rows[candidates], rows[shown]).min(axis=1)
    return int(candidates[doubts.argmax()])


def similar(rows: np.ndarray, candidates: np.ndarray, image: int, n: int) -> np.ndarray:
    """Return the images that are most similar to one of them, the most similar one first."""
    likeness = rows[candidates] @ rows[image]
    return candidates[np.argsort(-likeness, kind="stable")[:n]]


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the Euclidean distances between rows of length 1."""
    return np.sqrt(np.maximum(2 - 2 * (a @ b.T), 0))
