"""A linear model on the features of all layers, chosen by what it predicts for left-out images."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from sklearn_tl.linear.layers import layer_scales, scaled_layers
from sklearn_tl.linear.links import Link
from sklearn_tl.linear.ridge import RidgePath, distinct

DECAYS = (0.0, 0.4, 0.6, 0.8, 1.0)
ALPHAS = tuple(np.logspace(-4, 4, 17).tolist())
USUAL_ALPHA = 0.3  # if no left-out image says how strong the penalty must be
LEAST_JUDGED = 0.5  # of the images. Fewer choose worse than the usual values are.
MOST_CHOSEN_ON = 2000  # images. The decay hardly depends on how many there are.


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A fitted linear model.

    Parameters
    ----------
    coef : ndarray of shape (n_features, n_outputs)
        For the normalised features of all layers. The slope is included.
    intercept : ndarray of shape (n_outputs,)
    layer_decay : float
        As chosen.
    alpha : ndarray of shape (1,) or (n_outputs,)
        As chosen: one for all outputs, or one per output.
    loss : float
        The mean loss of left-out images.
    """

    coef: np.ndarray
    intercept: np.ndarray
    layer_decay: float
    alpha: np.ndarray
    loss: float


def fit_linear(
    rows: np.ndarray,
    lengths: Sequence[int],
    link: Link,
    weight: np.ndarray,
    groups: np.ndarray | None,
    *,
    decays: Sequence[float] = DECAYS,
    alphas: Sequence[float] = ALPHAS,
) -> LinearModel:
    """Fit a ridge regression on the features of several layers.

    The decay and the penalty are those with the lowest loss on left-out images: each image, or each
    group of images, is predicted by the model of all others. These predictions are exact. A warning
    says if most images cannot be judged in this way, because their class has no image in another
    group. The decay is then the first one, and the penalty and the slope are usual ones.

    Parameters
    ----------
    rows : ndarray of shape (n_images, n_features)
        The normalised features of the layers side by side, from input to output.
    lengths : sequence of int
        The number of features per layer.
    link : Link
        Knows the targets.
    weight : ndarray of shape (n_images,)
    groups : ndarray of shape (n_images,) or None
        Images of one group are left out together. If there is only one group, it is as if there
        were none.
    decays : sequence of float, default=DECAYS
    alphas : sequence of float, default=ALPHAS
        The penalties.

    Returns
    -------
    LinearModel
    """
    groups = _together(rows, groups)
    everything = np.arange(len(rows))
    judged = link.judged(everything, groups)
    if judged.mean() < LEAST_JUDGED * weight.mean():
        decays, alphas = decays[:1], alphas if len(alphas) == 1 else (USUAL_ALPHA,)
        _warn_of_few(judged, decays[0], alphas[0])
        judged = np.zeros_like(judged)  # so that the slope is a usual one, too
    # The matrices are small: a second BLAS thread makes the fit slower, and changes the last bits.
    with threadpool_limits(1, user_api="blas"):
        if len(decays) > 1 and len(rows) > MOST_CHOSEN_ON:
            some = np.random.default_rng(0).permutation(everything)[:MOST_CHOSEN_ON]
            few = groups.copy()
            few[some] = _together(rows[some], groups[some])
            by_some = link.judged(some, few[some])
            best = _best(rows, lengths, link, weight, few, some, by_some, decays, alphas)
            decays = [best.layer_decay]
        return _best(rows, lengths, link, weight, groups, everything, judged, decays, alphas)


def _warn_of_few(judged: np.ndarray, layer_decay: float, alpha: float) -> None:
    """Say how few images can be judged, and what is used in place of a choice."""
    n_judged = np.count_nonzero(judged.reshape(len(judged), -1).any(axis=1))
    warnings.warn(
        f"Only {n_judged} of {len(judged)} images can be predicted by others of their class: the "
        "other classes have one image, or one group of images. This is too few to choose by. "
        f"layer_decay={layer_decay:g} and alpha={alpha:g} are used, and the probabilities are a "
        "guess. Pass more images or groups per class.",
        stacklevel=7,  # where the user calls fit
    )


def _together(rows: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """Return an integer per image. Images with equal integers are left out together."""
    if groups is None or np.ptp(groups) == 0:
        # An image that is there twice is left out as a whole: its copy would give it away.
        groups = distinct(rows)[1]
    return groups if np.ptp(groups) > 0 else np.arange(len(rows))  # something must be left


def _best(
    rows: np.ndarray,
    lengths: Sequence[int],
    link: Link,
    weight: np.ndarray,
    groups: np.ndarray,
    used: np.ndarray,
    judged: np.ndarray,
    decays: Sequence[float],
    alphas: Sequence[float],
) -> LinearModel:
    """Return the model with the lowest loss, fitted on the images `used`."""
    best: LinearModel | None = None
    targets = link.targets[used]
    for decay in decays:
        path = RidgePath(scaled_layers(rows[used], lengths, decay), weight[used], groups[used])
        slopes, losses = zip(
            *(link.fit_slope(path.left_out(targets, alpha), used, judged) for alpha in alphas),
            strict=True,
        )
        which = np.argmin(losses, axis=0)
        loss = float(np.min(losses, axis=0).mean())
        if best is None or loss < best.loss:
            alpha, slope = np.array(alphas)[which], slopes[which[0]]
            scaled, constant = path.fit(targets, alpha)
            if decay == 0:
                coef = np.zeros((rows.shape[1], scaled.shape[1]))
                coef[-lengths[-1] :] = scaled
            else:
                coef = scaled * np.repeat(layer_scales(len(lengths), decay), lengths)[:, None]
            intercept = link.outputs(constant[None], slope)[0]
            best = LinearModel(slope * coef, intercept, decay, alpha, loss)
    assert best is not None
    return best
