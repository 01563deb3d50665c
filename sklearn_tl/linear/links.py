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


class Link(Protocol):
    """What a regression needs to know of the targets.

    Attributes
    ----------
    targets : ndarray of shape (n_images, n_outputs)
        Standardised, float64.
    """

    targets: np.ndarray

    def can_be_left_out(self, groups: np.ndarray) -> bool:
        """Return whether images without their group can be predicted by the others at all."""

    def fit_slope(self, scores: np.ndarray, used: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the best slope for the scores of images that were left out, and the losses.

        There is one loss for all outputs, or one per output if each may have its own penalty.

        Parameters
        ----------
        scores : ndarray of shape (n_used, n_outputs)
        used : ndarray of shape (n_used,)
            The positions of these images.
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

    def can_be_left_out(self, groups: np.ndarray) -> bool:
        """Return whether any class has images of two groups."""
        pairs = np.unique(np.column_stack([self.codes, groups]), axis=0)
        return len(pairs) > len(np.unique(self.codes))

    def fit_slope(self, scores: np.ndarray, used: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the slope with the lowest log loss, and the loss."""
        images, codes, weight = np.arange(len(used)), self.codes[used], self.weight[used]
        doubt = 1 / (weight.sum() + 2)

        def loss(slope: float) -> float:
            logs = log_softmax(self.outputs(scores, slope), axis=1)
            # Platt's correction: the next image may be the first that is wrong. Otherwise there
            # would be no limit to the certainty if all images are right.
            surprise = (1 - doubt) * logs[images, codes] + doubt * logs.mean(axis=1)
            return -float(np.average(surprise, weights=weight))

        return _minimum(loss)

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

    def can_be_left_out(self, groups: np.ndarray) -> bool:
        """Return True: images without a label say something of it, too."""
        return True

    def fit_slope(self, scores: np.ndarray, used: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the slope with the lowest mean log loss of all labels, and the loss."""
        signs, weight = self.signs[used], self.weight[used]
        doubt = 1 / (weight.sum() + 2)

        def loss(slope: float) -> float:
            logits = signs * self.outputs(scores, slope)
            surprise = (1 - doubt) * log_expit(logits) + doubt * log_expit(-logits)
            return -float(np.average(surprise.mean(axis=1), weights=weight))

        return _minimum(loss)

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

    def can_be_left_out(self, groups: np.ndarray) -> bool:
        """Return True: every number says something of the others."""
        return True

    def fit_slope(self, scores: np.ndarray, used: np.ndarray) -> tuple[float, np.ndarray]:
        """Return 1, and the mean squared error of each target in standard units."""
        errors = (scores - self.targets[used]) ** 2
        return 1.0, np.average(errors, axis=0, weights=self.weight[used])

    def outputs(self, scores: np.ndarray, slope: float) -> np.ndarray:
        """Return the scores."""
        return scores


def probabilities(logits: np.ndarray, *, exclusive: bool) -> np.ndarray:
    """Return the probabilities of classes, of which one is true, or of labels."""
    return np.exp(log_softmax(logits, axis=1)) if exclusive else expit(logits)


def _standardised(indicators: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return indicators with mean 0 and standard deviation 1, and the share of each column."""
    share = np.average(indicators, axis=0, weights=weight)
    scale = np.sqrt(share * (1 - share))
    return (indicators - share) / np.where(scale > 0, scale, np.inf), share


def _minimum(loss: Callable[[float], float]) -> tuple[float, np.ndarray]:
    """Return the slope with the lowest loss, and the loss."""
    found = minimize_scalar(
        lambda logarithm: loss(np.exp(logarithm)),
        bounds=np.log(SLOPES),
        method="bounded",
        options={"xatol": 0.02},
    )
    return float(np.exp(found.x)), np.array([found.fun])
