"""Pairs of images that may be copies, and those that are."""

import hashlib

import numpy as np

from sklearn_tl.duplicates.alignment import agreement, agreement_in_place, to_grey

THRESHOLD = 0.88  # of copies among photographs
STRICT = 0.995  # of copies among images that are all alike
ALIKE = 0.85  # one in a hundred pairs of such images agrees as well
LEAST_IMAGES = 50  # that show whether all are alike
N_RANDOM = 2000  # pairs of images, of which nearly all are different
N_NEIGHBORS = 10  # candidates per image
LEAST_SIMILARITY = 0.84  # of the embeddings of a candidate; 97 % of crops to 80 % are above
LEAST_CORRELATION = 0.9  # of the thumbnails of a candidate
THUMBNAIL = 8  # pixels
ROWS_AT_ONCE = 512  # that are compared with all others


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Return the signed square roots of embeddings, at length 1.

    The root makes the few large features count less, so crops and captions change the cosine less.
    """
    roots = np.sign(rows) * np.sqrt(np.abs(rows))
    return _at_length_1(roots.astype(np.float32, copy=False))


def find_copies(
    units: np.ndarray, pixels: np.ndarray, threshold: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of copies, and how well each agrees.

    Parameters
    ----------
    units : ndarray of shape (n_images, n_features)
        As `unit_rows` returns them.
    pixels : ndarray of shape (n_images, 1024 * n_channels)
    threshold : float or None
        The agreement from which a pair counts. None chooses it by how alike all images are.

    Returns
    -------
    pairs : ndarray of shape (n_pairs, 2)
        The smaller position first. An image with equal pixels is paired with the first of its
        kind only, and with nothing else: a thousand blank images are 999 pairs.
    scores : ndarray of shape (n_pairs,)
    """
    first = _first_equal(pixels)
    copies = np.flatnonzero(first != np.arange(len(first)))
    equal = np.column_stack([first[copies], copies])
    distinct = np.unique(first)
    grey = to_grey(pixels[distinct])
    threshold = suitable_threshold(grey) if threshold is None else threshold
    candidates = _candidates(units[distinct], grey)
    scores = agreement(grey, candidates)
    good = scores >= threshold
    pairs = np.concatenate([equal, distinct[candidates[good]]])
    return pairs, np.concatenate([np.ones(len(equal)), scores[good]])


def suitable_threshold(grey: np.ndarray) -> float:
    """Return the agreement of copies, which is higher if different images agree well, too.

    Such images are, for example, digits of 8 x 8 pixels: of all pairs one in a hundred agrees at
    0.92 or more. Of photographs, one in a hundred agrees at 0.54 or more.
    """
    if len(grey) < 2:
        return THRESHOLD
    pairs = np.random.default_rng(0).integers(0, len(grey), (N_RANDOM, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    usual = np.quantile(agreement_in_place(grey, pairs), 0.99)
    return STRICT if len(grey) >= LEAST_IMAGES and usual >= ALIKE else THRESHOLD


def _first_equal(pixels: np.ndarray) -> np.ndarray:
    """Return for each row the position of the first row that equals it."""
    first: dict[bytes, int] = {}
    digests = (hashlib.sha256(row.tobytes()).digest() for row in pixels)
    return np.array([first.setdefault(digest, i) for i, digest in enumerate(digests)], np.intp)


def _candidates(units: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """Return pairs (n_pairs, 2) of images that are near each other in one of three ways."""
    thumbnails, mirrored = _thumbnails(grey), _thumbnails(grey[..., ::-1])
    found = [
        _neighbours(units, units, LEAST_SIMILARITY),
        # The embeddings of a photograph and its greyscale copy can be far from each other.
        _neighbours(thumbnails, thumbnails, LEAST_CORRELATION),
        _neighbours(thumbnails, mirrored, LEAST_CORRELATION),
    ]
    return np.unique(np.concatenate(found), axis=0)


def _neighbours(units: np.ndarray, others: np.ndarray, least: float) -> np.ndarray:
    """Return pairs (n_pairs, 2) of a row and one of the other rows with a cosine from `least`.

    Cosines are symmetric, so each row is compared with the rows after it only. Of those, it is
    paired with the nearest.
    """
    pairs = [np.empty((0, 2), dtype=np.intp)]
    for start in range(0, len(units) - 1, ROWS_AT_ONCE):
        rows = units[start : start + ROWS_AT_ONCE]
        cosines = rows @ others[start:].T
        cosines[:, : len(rows)][np.tri(len(rows), dtype=bool)] = -1
        query = np.flatnonzero(cosines.max(axis=1) >= least)
        cosines, k = cosines[query], min(N_NEIGHBORS, cosines.shape[1])
        nearest = np.argpartition(cosines, -k, axis=1)[:, -k:]
        i, rank = np.nonzero(np.take_along_axis(cosines, nearest, axis=1) >= least)
        pairs.append(start + np.column_stack([query[i], nearest[i, rank]]))
    return np.concatenate(pairs)


def _thumbnails(grey: np.ndarray) -> np.ndarray:
    """Return 8 x 8 pixels of each picture as a row of length 1; of length 0, if it is blank."""
    step = grey.shape[1] // THUMBNAIL
    small = grey.reshape(-1, THUMBNAIL, step, THUMBNAIL, step).mean(axis=(2, 4))
    rows = small.reshape(len(small), -1)
    return _at_length_1(rows - rows.mean(axis=1, keepdims=True))


def _at_length_1(rows: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 1e-6, lengths, np.inf)  # a row without a direction becomes 0
