"""New heads: a linear layer that starts as a regression on the rows, or a user's module."""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits
from torch import nn


def logistic_head(
    rows: np.ndarray, codes: np.ndarray, *, C: float, class_weight: dict[int, float]
) -> nn.Linear:
    """Return a linear layer that is a logistic regression fitted on rows.

    A head that is right from the start does not distort good layers in the first epochs: Kumar et
    al., "Fine-Tuning can Distort Pretrained Features" (ICLR 2022).
    """
    # The number of BLAS threads would show in the last bits.
    with threadpool_limits(1, user_api="blas"):
        regression = LogisticRegression(C=C, class_weight=class_weight, max_iter=1000)
        regression.fit(rows, codes)
    weight, bias = regression.coef_, regression.intercept_
    if len(weight) == 1:  # two classes: each gets half of the logit, with opposite signs
        weight, bias = np.vstack([-weight, weight]) / 2, np.hstack([-bias, bias]) / 2
    head = nn.Linear(weight.shape[1], len(weight))
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(bias))
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
            f"{shape}, but it must return one output per class: (2, {n_outputs})."
        )
    return head
