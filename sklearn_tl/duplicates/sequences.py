"""Links between images that follow each other, as the frames of a video do."""

import os
import re
from collections.abc import Sequence

import numpy as np

FAR = 30  # places apart, from which images are taken as independent of each other
LAGS = 5  # how many distances, from FAR to twice as far, are looked at
# There are sequences if at least half of the neighbours are more alike than 95 % of far images.
CHANCE = 0.05
EVIDENCE = 0.5
# If there are, links are made more easily: a divided sequence leaks, a large group costs little.
CHANCE_OF_LINK = 0.1
LEAST_IMAGES = 6  # of a series that says how similar far images are
LEAST_NEIGHBOURS = 20


def series_of(names: Sequence[str] | None, y: np.ndarray | None, n_images: int) -> list[np.ndarray]:
    """Return the positions of images that may belong to one sequence, in its order.

    Images of one series have the same folder, the same name up to its digits, and the same label.
    They are in natural order: img2 comes before img10. Without names the order is that of the
    images. Without names and labels nothing says where a series ends, and there are none.
    """
    if names is None and y is None:
        return []
    series: dict[tuple, list[int]] = {}
    labels = np.zeros(n_images) if y is None else y
    for i, label in enumerate(labels.tolist()):
        folder, name = os.path.split(names[i]) if names is not None else ("", "")
        series.setdefault((folder, re.sub("[0-9]+", "", name), label), []).append(i)
    if names is not None:
        for positions in series.values():
            positions.sort(key=lambda i: _natural(names[i]))
    return [np.array(positions) for positions in series.values() if len(positions) > 1]


def find_links(units: np.ndarray, series: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of neighbours that are more alike than images far apart in the same series.

    Parameters
    ----------
    units : ndarray of shape (n_images, n_features)
        Rows of length 1.
    series : list of ndarray
        As `series_of` returns them.

    Returns
    -------
    pairs : ndarray of shape (n_pairs, 2)
        Empty if neighbours are not more alike than images far apart.
    similarity : ndarray of shape (n_pairs,)
    """
    pairs = [np.column_stack([positions[:-1], positions[1:]]) for positions in series]
    near = [_cosines(units[positions], 1) for positions in series]
    long = [n for n, positions in enumerate(series) if len(positions) >= LEAST_IMAGES]
    if sum(len(near[n]) for n in long) < LEAST_NEIGHBOURS:
        return np.empty((0, 2), dtype=np.intp), np.empty(0)
    far = [_cosines(units[series[n]], lag) for n in long for lag in _lags(len(series[n]))]
    high, bar = np.quantile(np.concatenate(far), [1 - CHANCE, 1 - CHANCE_OF_LINK])
    share = (np.concatenate([near[n] for n in long]) >= high).mean()
    similarity = np.concatenate(near)
    linked = (similarity >= bar) & (share >= EVIDENCE)
    return np.concatenate(pairs)[linked], similarity[linked]


def _lags(n_images: int) -> np.ndarray:
    """Return how many places apart images of a series are taken as independent."""
    start = min(FAR, n_images // 2)
    return np.unique(np.linspace(start, min(2 * start, n_images - 1), LAGS).astype(int))


def _cosines(units: np.ndarray, lag: int) -> np.ndarray:
    return np.einsum("ij,ij->i", units[:-lag], units[lag:])


def _natural(name: str) -> list[str | int]:
    parts = re.split("([0-9]+)", name)
    return [int(part) if n % 2 else part for n, part in enumerate(parts)]
