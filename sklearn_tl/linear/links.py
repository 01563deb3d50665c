"""What the scores of a regression mean: classes, labels or numbers.

Targets are standardised. One number, the slope, turns scores into logits. It is fitted on the
scores of images that were left out, so the probabilities are neither too sure nor too unsure.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit, log_softmax

SLOPES = (1e-2, 1e3)
# What is assumed of the slope before any image is left out: 1.9 to 3.5 on flowers and patches. It
# counts as much as one image. Two left-out images that are wrong would else make all answers alike.
USUAL_SLOPE, SPREAD = 3.0, 2.0


class Link(Protocol):
    """What a regression needs to know of the targets.

    Attributes
    ----------
    targets : ndarray of shape (n_images, n_outputs)
        Standardised, float64.
    """

    targets: np.ndarray

    def judged(self, used: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Return how much each left-out image counts, of shape (n_used,) or (n_used, n_outputs).

        This is its weight, or 0 if its class has no image in another group: the others can then
        only say that it is something else.

        Parameters
        ----------
        used : ndarray of shape (n_used,)
            The positions of these images.
        groups : ndarray of int of shape (n_used,)
            Images with equal integers are left out together.
        """

    def fit_slope(
        self, scores: np.ndarray, used: np.ndarray, judged: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Return the best slope for the scores of images that were left out, and the losses.

        There is one loss for all outputs, or one per output if each may have its own penalty.

        Parameters
        ----------
        scores : ndarray of shape (n_used, n_outputs)
        used : ndarray of shape (n_used,)
            The positions of these images.
        judged : ndarray of shape (n_used,) or (n_used, n_outputs)
            From the method `judged`. If all are 0, the slope is a usual one, and the losses are
            NaN.
        """

    def outputs(self, scores: np.ndarray, slope: float) -> np.ndarray:
        """Return logits, or numbers in standard units."""


class Classes:
    """One class per image: each class has an output.

    Rare classes are as far from the mean as common ones, because targets are standardised. Their
    logarithmic frequencies are added again to the scores, as in a linear discriminant analysis.

    Parameters
    ----------
    codes : ndarray of shape (n_images,)
        The class of each image, as an integer.
    n_classes : int
    weight : ndarray of shape (n_images,)
    """

    def __init__(self, codes: np.ndarray, n_classes: int, weight: np.ndarray) -> None:
        self.codes, self.weight = codes, weight
        indicators = np.eye(n_classes)[codes]
        self.targets, share = _standardised(indicators, weight)
        self.base = np.log(share.clip(np.finfo(float).tiny))

    def judged(self, used: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Return the weights of the images whose class is in two groups or more, and else 0."""
        return self.weight[used] * _occur_elsewhere(self.codes[used], groups)

    def fit_slope(
        self, scores: np.ndarray, used: np.ndarray, judged: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Return the slope with the lowest log loss, and the loss."""
        images, codes = np.arange(len(used)), self.codes[used]
        doubt = 1 / (judged.sum() + 2)

        def loss(slope: float) -> float:
            logs = log_softmax(self.outputs(scores, slope), axis=1)
            # Platt's correction: the next image may be the first that is wrong. Otherwise there
            # would be no limit to the certainty if all images are right.
            surprise = (1 - doubt) * logs[images, codes] + doubt * logs.mean(axis=1)
            return -float(np.average(surprise, weights=judged))

        return _minimum(loss, judged.sum())

    def outputs(self, scores: np.ndarray, slope: float) -> np.ndarray:
        """Return logits (n_images, n_classes)."""
        return self.base + slope * scores


class Labels:
    """Several labels per image: each label has an output.

    Parameters
    ----------
    indicators : ndarray of shape (n_images, n_labels)
        1 for each label that an image has, and 0 otherwise.
    weight : ndarray of shape (n_images,)
    """

    def __init__(self, indicators: np.ndarray, weight: np.ndarray) -> None:
        self.signs, self.weight = 2.0 * indicators - 1, weight
        self.targets, share = _standardised(indicators.astype(np.float64), weight)
        # A label that no image has may still occur, as if there had been one image more.
        total = weight.sum()
        share = (share * total + 0.5) / (total + 1)
        self.base = np.log(share) - np.log1p(-share)

    def judged(self, used: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Return weights (n_used, n_labels), or 0 if no other group has, or lacks, the label."""
        known = [_occur_elsewhere(has.astype(int), groups) for has in (self.signs[used] > 0).T]
        return self.weight[used][:, None] * np.column_stack(known)

    def fit_slope(
        self, scores: np.ndarray, used: np.ndarray, judged: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Return the slope with the lowest mean log loss of all labels, and the loss."""
        signs = self.signs[used]
        doubt = 1 / (self.weight[used].sum() + 2)

        def loss(slope: float) -> float:
            logits = signs * self.outputs(scores, slope)
            surprise = (1 - doubt) * log_expit(logits) + doubt * log_expit(-logits)
            return -float(np.average(surprise, weights=judged))

        return _minimum(loss, judged.sum() / signs.shape[1])

    def outputs(self, scores: np.ndarray, slope: float) -> np.ndarray:
        """Return logits (n_images, n_labels)."""
        return self.base + slope * scores


class Numbers:
    """Numbers, which are their own scores.

    Parameters
    ----------
    targets : ndarray of shape (n_images, n_targets)
        Standardised.
    weight : ndarray of shape (n_images,)
    """

    def __init__(self, targets: np.ndarray, weight: np.ndarray) -> None:
        self.targets, self.weight = targets.astype(np.float64), weight

    def judged(self, used: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Return the weights of the images: each number says something of the others."""
        return self.weight[used]

    def fit_slope(
        self, scores: np.ndarray, used: np.ndarray, judged: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Return 1, and the mean squared error of each target in standard units."""
        errors = (scores - self.targets[used]) ** 2
        return 1.0, np.average(errors, axis=0, weights=judged)

    def outputs(self, scores: np.ndarray, slope: float) -> np.ndarray:
        """Return the scores."""
        return scores


def probabilities(logits: np.ndarray, *, exclusive: bool) -> np.ndarray:
    """Return the probabilities of classes, of which one is true, or of labels."""
    return np.exp(log_softmax(logits, axis=1)) if exclusive else expit(logits)


def _occur_elsewhere(codes: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return for each image whether its class has images in two groups or more."""
    pairs = np.unique(np.column_stack([codes, groups]), axis=0)
    return (np.bincount(pairs[:, 0]) > 1)[codes]


def _standardised(indicators: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return indicators with mean 0 and standard deviation 1, and the share of each column."""
    share = np.average(indicators, axis=0, weights=weight)
    scale = np.sqrt(share * (1 - share))
    return (indicators - share) / np.where(scale > 0, scale, np.inf), share


def _minimum(loss: Callable[[float], float], n_images: float) -> tuple[float, np.ndarray]:
    """Return the slope with the lowest loss, and the loss."""
    if n_images == 0:
        return USUAL_SLOPE, np.array([np.nan])

    def objective(logarithm: float) -> float:
        unusual = (logarithm - np.log(USUAL_SLOPE)) / SPREAD
        return loss(np.exp(logarithm)) + unusual**2 / (2 * n_images)

    found = minimize_scalar(
        objective, bounds=np.log(SLOPES), method="bounded", options={"xatol": 0.02}
    )
    slope = float(np.exp(found.x))
    return slope, np.array([loss(slope)])
