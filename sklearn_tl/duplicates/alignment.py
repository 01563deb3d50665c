"""How well two small pictures agree where they agree best: the proof that one is a copy."""

from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_limits

SIDE = 32  # pixels of a picture
BLOCK = 8  # pixels of a block: a caption spoils a few of the 16 blocks and leaves the others
NOISE = 0.02  # the standard deviation below which a block shows nothing but noise
DROPPED = 0.25  # the share of the blocks that may disagree
# Parts that a crop may have kept: their size, and in how many places along a line they are tried,
# about one pixel apart.
WINDOWS = {0.95: 3, 0.9: 5, 0.85: 6, 0.8: 7}
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
    scores = np.zeros(len(pairs))
    if len(pairs) == 0:
        return scores
    # Both directions, by the picture that is cut: its windows are made once for all partners.
    cut, whole = np.concatenate([pairs, pairs[:, ::-1]]).T
    order = np.argsort(cut, kind="stable")
    images, starts = np.unique(cut[order], return_index=True)
    blocks = np.stack([_blocks(grey), _blocks(grey[..., ::-1])], axis=1)
    partners = np.split(order, starts[1:])
    # The matrices are small: threads of BLAS would wait for each other.
    with threadpool_limits(1, user_api="blas"):
        for windows, directed in zip(_windows_of_each(grey, images), partners, strict=True):
            best = _best_scores(windows, blocks[whole[directed]])
            np.maximum.at(scores, directed % len(pairs), best)
    return scores


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


def _best_scores(windows: np.ndarray, wholes: np.ndarray) -> np.ndarray:
    """Return the best score of windows (n, 16, 64) for each of the pictures (m, 2, 16, 64)."""
    m, _, n_blocks, _ = wholes.shape
    # The window that fits best on the whole is found first: one product of matrices.
    flat = wholes.reshape(2 * m, -1)
    window = windows[(flat @ windows.reshape(len(windows), -1).T).argmax(axis=1)]
    whole = wholes.reshape(2 * m, n_blocks, -1)
    return _scores(window, whole).reshape(m, 2).max(axis=1)


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


def _windows_of_each(grey: np.ndarray, images: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the blocks (n_windows, 16, 64) of the windows of each of the images."""
    zooms = [np.eye(SIDE, dtype=np.float32)[None]]
    zooms += [
        np.stack([_zoom(scale, place) for place in np.linspace(0, 1, n)])
        for scale, n in WINDOWS.items()
    ]
    for start in range(0, len(images), IMAGES_AT_ONCE):
        some = grey[images[start : start + IMAGES_AT_ONCE], None, None]
        windows = [of_scale[:, None] @ some @ of_scale.swapaxes(1, 2) for of_scale in zooms]
        shaped = [window.reshape(len(some), -1, SIDE, SIDE) for window in windows]
        yield from _blocks(np.concatenate(shaped, axis=1))


def _zoom(scale: float, place: float) -> np.ndarray:
    """Return the matrix that stretches a part of a line to the whole line, linearly."""
    at = (np.arange(SIDE) + 0.5) * scale + place * (1 - scale) * SIDE - 0.5
    at = np.clip(at, 0, SIDE - 1)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(SIDE))).astype(np.float32)
