"""New heads: a linear layer that starts as a regression on the rows, or a user's module."""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
from threadpoolctl import threadpool_limits
from torch import nn

from sklearn_tl.linear import RidgePath, distinct

ALPHAS = np.logspace(-2, 5, 15)


def logistic_head(rows: np.ndarray, codes: np.ndarray, weight: np.ndarray, C: float) -> nn.Linear:
    """Return a linear layer that is a logistic regression fitted on rows.

    A head that is right from the start does not distort good layers in the first epochs: Kumar et
    al., "Fine-Tuning can Distort Pretrained Features" (ICLR 2022).

    Parameters
    ----------
    rows : ndarray of shape (n_images, n_features)
    codes : ndarray of shape (n_images,)
        The class of each image, as an integer.
    weight : ndarray of shape (n_images,)
    C : float
        Inverse regularization strength.
    """
    coef, intercept = _logistic_regression(rows, codes, weight, C)
    if len(coef) == 1:  # two classes: each gets half of the logit, with opposite signs
        coef, intercept = np.vstack([-coef, coef]) / 2, np.hstack([-intercept, intercept]) / 2
    return _linear(coef, intercept)


def logistic_heads(
    rows: np.ndarray, targets: np.ndarray, weights: np.ndarray, C: float
) -> nn.Linear:
    """Return a linear layer with one logistic regression per label.

    Parameters
    ----------
    rows : ndarray of shape (n_images, n_features)
    targets : ndarray of shape (n_images, n_labels)
        1 for each label that an image has, and 0 otherwise.
    weights : ndarray of shape (n_images, n_labels)
    C : float
        Inverse regularization strength.
    """
    coef = np.zeros((targets.shape[1], rows.shape[1]))
    intercept = np.zeros(targets.shape[1])
    for j, (values, weight) in enumerate(zip(targets.T, weights.T, strict=True)):
        if values.min() == values.max():
            # There is no regression. The answer is the label's frequency, which is not quite 0 or 1
            # since there might have been one image more. An image of weight 2 counts as two.
            n_with, n = weight @ values, weight.sum()
            intercept[j] = np.log((n_with + 0.5) / (n - n_with + 0.5))
        else:
            coef[j], (intercept[j],) = _logistic_regression(rows, values, weight, C)
    return _linear(coef, intercept)


def ridge_head(
    rows: np.ndarray,
    targets: np.ndarray,
    weight: np.ndarray,
    alpha: float | None,
    groups: np.ndarray | None = None,
) -> nn.Linear:
    """Return a linear layer that is a ridge regression fitted on rows.

    Parameters
    ----------
    rows : ndarray of shape (n_images, n_features)
    targets : ndarray of shape (n_images, n_targets)
    weight : ndarray of shape (n_images,)
    alpha : float or None
        Regularization strength. None chooses, for each target, the one of `ALPHAS` with the lowest
        error when each image in turn is left out, or each group.
    groups : ndarray of shape (n_images,) or None, default=None
        If there is only one group, it is as if there were none.
    """
    if alpha is None and groups is not None and np.ptp(groups) > 0:
        with threadpool_limits(1, user_api="blas"):
            path = RidgePath(rows.astype(np.float64), weight, groups)
            errors = [weight @ (path.left_out(targets, alpha) - targets) ** 2 for alpha in ALPHAS]
            coef, intercept = path.fit(targets, ALPHAS[np.argmin(errors, axis=0)])
        return _linear(coef.T, intercept)
    # An image that is there twice is left out as a whole. Otherwise its copy would give it away.
    unique, which = distinct(rows)
    totals = np.bincount(which, weight)
    means = np.column_stack([np.bincount(which, weight * y) / totals for y in targets.T])
    with threadpool_limits(1, user_api="blas"):
        regression = RidgeCV(ALPHAS, alpha_per_target=True) if alpha is None else Ridge(alpha=alpha)
        regression.fit(unique.astype(np.float64), means, sample_weight=totals)
    return _linear(np.atleast_2d(regression.coef_), np.atleast_1d(regression.intercept_))


def _logistic_regression(
    rows: np.ndarray, codes: np.ndarray, weight: np.ndarray, C: float
) -> tuple[np.ndarray, np.ndarray]:
    unique, which = distinct(np.column_stack([codes.astype(rows.dtype), rows]))
    if len(unique) < len(rows) or (weight != 1).any():
        # Copies of a row become one, so an image of weight 2 gives the same bits as two images.
        rows, codes, weight = unique[:, 1:], unique[:, 0], np.bincount(which, weight)
    # The number of BLAS threads would show in the last bits, and in single precision some
    # processors do not converge.
    with threadpool_limits(1, user_api="blas"):
        regression = LogisticRegression(C=C, max_iter=1000)
        regression.fit(rows.astype(np.float64), codes, sample_weight=weight)
    return regression.coef_, regression.intercept_


def _linear(coef: np.ndarray, intercept: np.ndarray) -> nn.Linear:
    head = nn.Linear(coef.shape[1], len(coef))
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(coef))
        head.bias.copy_(torch.from_numpy(intercept))
    return head


def new_head(
    factory: str | Callable[[int, int], nn.Module], n_features: int, n_outputs: int
) -> nn.Module:
    """Return an untrained head.

    Parameters
    ----------
    factory : "linear" or callable
        A callable gets the two numbers and returns a module.
    n_features : int
        Length of an embedding.
    n_outputs : int
        Number of outputs per image.

    Raises
    ------
    TypeError
        If the callable does not return a module.
    ValueError
        If the module does not turn embeddings into `n_outputs` outputs per image.
    """
    if isinstance(factory, str):
        return nn.Linear(n_features, n_outputs)
    head = factory(n_features, n_outputs)
    if not isinstance(head, nn.Module):
        raise TypeError(
            f"The head factory returned {type(head).__name__}, but must return a torch.nn.Module."
        )
    head = deepcopy(head)  # the factory may return the same module in every fit
    with torch.no_grad():
        shape = tuple(head.eval()(torch.zeros(2, n_features)).shape)
    if shape != (2, n_outputs):
        raise ValueError(
            f"The head turns embeddings of shape (2, {n_features}) into an output of shape "
            f"{shape}, but it must return {n_outputs} outputs per image: (2, {n_outputs})."
        )
    return head
