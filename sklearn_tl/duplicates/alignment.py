"""How well two small pictures agree where they agree best: the proof that one is a copy."""

from functools import cache

import numpy as np
from threadpoolctl import threadpool_limits

SIDE = 32  # pixels of a picture
BLOCK = 8  # pixels of a block: a caption spoils a few of the 16 blocks and leaves the others
NOISE = 0.02  # the standard deviation below which a block shows nothing but noise
DROPPED = 0.25  # the share of the blocks that may disagree
# Parts that a crop may have kept: their size, and in how many places along a line they are tried,
# about one pixel apart.
PLACES = [
    ((scale, y), (scale, x))
    for scale, n in {1.0: 1, 0.95: 3, 0.9: 5, 0.85: 6, 0.8: 7}.items()
    for y in np.linspace(0, 1, n).tolist()
    for x in np.linspace(0, 1, n).tolist()
]
IMAGES_AT_ONCE = 64  # whose windows are in memory


def to_grey(pixels: np.ndarray) -> np.ndarray:
    """Return rows of pixels as grey pictures.

    Parameters
    ----------
    pixels : ndarray of shape (n_images, 1024 * n_channels)
        The levels of 32 x 32 pixels, channels last.

    Returns
    -------
    grey : ndarray of shape (n_images, 32, 32), float32
    """
    n_channels = pixels.shape[1] // SIDE**2
    # The weights of ITU-R BT.601, which greyscale copies are made with.
    weights = [0.299, 0.587, 0.114] if n_channels == 3 else [1 / n_channels] * n_channels
    shaped = pixels.reshape(-1, SIDE, SIDE, n_channels)
    return (shaped @ np.array(weights, dtype=np.float32)).astype(np.float32, copy=False)


def agreement(grey: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return how well the pictures of each pair agree, at best.

    Parts of one picture, also mirrored, are compared with the whole other picture, and the other
    way round. Both are divided into blocks, which are compared by their correlation, since it does
    not change with brightness and contrast. The score is the mean correlation of the blocks
    without the worst quarter. Blocks that are flat in both pictures do not count.

    Parameters
    ----------
    grey : ndarray of shape (n_images, 32, 32)
    pairs : ndarray of shape (n_pairs, 2)
        Positions of images.

    Returns
    -------
    scores : ndarray of shape (n_pairs,)
        1 for equal pictures, and about 0 for pictures that have nothing in common.
    """
    if len(pairs) == 0:
        return np.zeros(0)
    cut, whole = np.concatenate([pairs, pairs[:, ::-1]]).T  # each picture is the one that is cut
    views = np.stack([grey, grey[..., ::-1]], axis=1)  # plain and mirrored
    # The matrices are small: threads of BLAS would wait for each other.
    with threadpool_limits(1, user_api="blas"):
        window = _best_windows(grey, views, cut, whole)
        blocks = _blocks(views)
        # Seen from afar, a caption may hide that nothing was cut: that is always tried.
        first, second = pairs.T
        whole_views = [_scores(blocks[first, 0], blocks[second, view]) for view in (0, 1)]
        scores = np.maximum(0, np.maximum(*whole_views))
        for place in np.unique(window):
            y, x = PLACES[place]
            pair, view = np.nonzero(window == place)
            windows = _blocks(_zoom(SIDE, *y) @ grey[cut[pair]] @ _zoom(SIDE, *x).T)
            found = _scores(windows, blocks[whole[pair], view])
            np.maximum.at(scores, pair % len(pairs), found)
    return scores


def _best_windows(
    grey: np.ndarray, views: np.ndarray, cut: np.ndarray, whole: np.ndarray
) -> np.ndarray:
    """Return which window of one picture fits best on each view of another, seen from afar.

    Parameters
    ----------
    grey : ndarray of shape (n_images, 32, 32)
    views : ndarray of shape (n_images, 2, 32, 32)
    cut, whole : ndarray of shape (n_pairs,)
        The pictures whose windows are tried, and the pictures on which they are laid.

    Returns
    -------
    window : ndarray of shape (n_pairs, 2)
        Positions in `PLACES`.
    """
    small, of_views = _half(grey), _at_length_1(_half(views).reshape(len(views), 2, -1))
    window = np.empty((len(cut), 2), dtype=np.intp)
    order = np.argsort(cut, kind="stable")
    images, starts = np.unique(cut[order], return_index=True)
    partners = np.split(order, starts[1:])
    for start in range(0, len(images), IMAGES_AT_ONCE):
        some = small[images[start : start + IMAGES_AT_ONCE]]
        windows = np.stack(
            [_zoom(SIDE // 2, *y) @ some @ _zoom(SIDE // 2, *x).T for y, x in PLACES], axis=1
        )
        flat = _at_length_1(windows.reshape(len(some), len(PLACES), -1))
        for of_image, pair in zip(flat, partners[start : start + len(some)], strict=True):
            window[pair] = (of_views[whole[pair]] @ of_image.T).argmax(axis=2)
    return window


def _half(pictures: np.ndarray) -> np.ndarray:
    """Return pictures (..., 32, 32) with half as many pixels on each side."""
    n = SIDE // 2
    return pictures.reshape(*pictures.shape[:-2], n, 2, n, 2).mean(axis=(-3, -1))


def _at_length_1(rows: np.ndarray) -> np.ndarray:
    """Return rows without their mean, and of length 1 unless they are flat."""
    rows = rows - rows.mean(axis=-1, keepdims=True)
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-6)


def agreement_in_place(grey: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return how well the whole pictures of each pair agree, without any alignment.

    Parameters
    ----------
    grey : ndarray of shape (n_images, 32, 32)
    pairs : ndarray of shape (n_pairs, 2)

    Returns
    -------
    scores : ndarray of shape (n_pairs,)
        At most those of `agreement`, at a hundredth of the cost.
    """
    blocks = _blocks(grey)
    return _scores(blocks[pairs[:, 0]], blocks[pairs[:, 1]])


def _scores(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the score of each pair of pictures, given as blocks (n_pairs, 16, 64)."""
    # A block that is flat in both pictures shows nothing: its weight and its loss are near 0.
    weights = np.maximum((a**2).sum(-1), (b**2).sum(-1))
    losses = np.sort(weights - (a * b).sum(-1), axis=1).cumsum(axis=1)
    total = weights.sum(axis=1)
    n_dropped = (total * DROPPED).astype(int)
    kept = losses[np.arange(len(a)), a.shape[1] - 1 - n_dropped]
    return np.where(total >= 1, 1 - kept / np.maximum(total - n_dropped, 1 - DROPPED), 0)


def _blocks(grey: np.ndarray) -> np.ndarray:
    """Return the blocks (..., 16, 64) of pictures (..., 32, 32), centred and normalised.

    The length of a block is nearly 1, and nearly 0 if it shows nothing but noise.
    """
    n = SIDE // BLOCK
    blocks = grey.reshape(*grey.shape[:-2], n, BLOCK, n, BLOCK).swapaxes(-2, -3)
    blocks = blocks.reshape(*grey.shape[:-2], n * n, BLOCK * BLOCK)
    blocks -= blocks.mean(axis=-1, keepdims=True)  # in place: the last reshape has made a copy
    power = np.einsum("...i,...i->...", blocks, blocks)[..., None]
    blocks /= np.sqrt(power + NOISE**2 * BLOCK**2)
    return blocks


@cache
def _zoom(side: int, scale: float, place: float) -> np.ndarray:
    """Return the matrix that stretches a part of a line to the whole line, linearly."""
    at = (np.arange(side) + 0.5) * scale + place * (1 - scale) * side - 0.5
    at = np.clip(at, 0, side - 1)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(side))).astype(np.float32)
