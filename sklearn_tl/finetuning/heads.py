"""New heads: a linear layer that starts as a regression on the rows, or a user's module."""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
from threadpoolctl import threadpool_limits
from torch import nn

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
            alphas = alphas_by_group(rows.astype(np.float64), targets, weight, groups)
            grouped = Ridge(alpha=alphas).fit(rows.astype(np.float64), targets, weight)
        return _linear(np.atleast_2d(grouped.coef_), np.atleast_1d(grouped.intercept_))
    # An image that is there twice is left out as a whole. Otherwise its copy would give it away.
    distinct, which = _distinct(rows)
    totals = np.bincount(which, weight)
    means = np.column_stack([np.bincount(which, weight * y) / totals for y in targets.T])
    with threadpool_limits(1, user_api="blas"):
        regression = RidgeCV(ALPHAS, alpha_per_target=True) if alpha is None else Ridge(alpha=alpha)
        regression.fit(distinct.astype(np.float64), means, sample_weight=totals)
    return _linear(np.atleast_2d(regression.coef_), np.atleast_1d(regression.intercept_))


def alphas_by_group(
    rows: np.ndarray, targets: np.ndarray, weight: np.ndarray, groups: np.ndarray
) -> np.ndarray:
    """Return the one of `ALPHAS` for each target with the lowest error on left-out groups.

    No regression is fitted again: with the hat matrix S of all images, the errors of the images g
    that are left out together are (I - S_gg)^-1 times their errors in the fit to all images.

    Parameters
    ----------
    rows : ndarray of shape (n_images, n_features), float64
    targets : ndarray of shape (n_images, n_targets)
    weight : ndarray of shape (n_images,)
    groups : ndarray of shape (n_images,)
        At least two groups.
    """
    root = np.sqrt(weight)[:, None]
    centred = root * (rows - np.average(rows, axis=0, weights=weight))
    y = root * (targets - np.average(targets, axis=0, weights=weight))
    values, vectors = _eigen(centred)
    of_intercept = root / np.linalg.norm(root)
    codes = np.unique(groups, return_inverse=True)[1]
    alone = np.bincount(codes)[codes] == 1
    members = [np.flatnonzero(codes == code) for code in np.unique(codes[~alone])]
    errors = np.zeros((len(ALPHAS), y.shape[1]))
    for k, alpha in enumerate(ALPHAS):
        shrunk = vectors * (values / (values + alpha))
        residuals = y - shrunk @ (vectors.T @ y)
        own = (shrunk * vectors).sum(axis=1, keepdims=True) + of_intercept**2
        errors[k] = ((residuals[alone] / (1 - own[alone])) ** 2).sum(axis=0)
        for g in members:
            hat = shrunk[g] @ vectors[g].T + of_intercept[g] @ of_intercept[g].T
            left_out = np.linalg.solve(np.eye(len(g)) - hat, residuals[g])
            errors[k] += (left_out**2).sum(axis=0)
    return ALPHAS[errors.argmin(axis=0)]


def _eigen(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the positive eigenvalues of ``rows @ rows.T``, and its eigenvectors as columns."""
    n_images, n_features = rows.shape
    if n_images <= n_features:
        values, vectors = np.linalg.eigh(rows @ rows.T)
    else:  # the other product is smaller, and has the same positive eigenvalues
        values, directions = np.linalg.eigh(rows.T @ rows)
        vectors = rows @ directions / np.sqrt(values.clip(min=1e-300))
    positive = values > 1e-10 * values.max()
    return values[positive], vectors[:, positive]


def _logistic_regression(
    rows: np.ndarray, codes: np.ndarray, weight: np.ndarray, C: float
) -> tuple[np.ndarray, np.ndarray]:
    distinct, which = _distinct(np.column_stack([codes.astype(rows.dtype), rows]))
    if len(distinct) < len(rows) or (weight != 1).any():
        # Copies of a row become one, so an image of weight 2 gives the same bits as two images.
        rows, codes, weight = distinct[:, 1:], distinct[:, 0], np.bincount(which, weight)
    # The number of BLAS threads would show in the last bits.
    with threadpool_limits(1, user_api="blas"):
        regression = LogisticRegression(C=C, max_iter=1000)
        regression.fit(rows, codes, sample_weight=weight)
    return regression.coef_, regression.intercept_


def _distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct rows in a fixed order, and for each row its position among them."""
    # As bytes: `np.unique` with an axis compares number by number, ten times as slowly.
    as_bytes = np.ascontiguousarray(rows).view(f"V{rows.shape[1] * rows.itemsize}").ravel()
    _, first, which = np.unique(as_bytes, return_index=True, return_inverse=True)
    return rows[first], which


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
