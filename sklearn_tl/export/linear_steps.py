"""Linear steps of scikit-learn as layers: each is found by what it does to a few rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.special import expit, softmax
from torch import nn

from sklearn_tl.export.parts import Parts

TOLERANCE = 1e-6  # of the largest value
N_TRIED = 8  # rows on which a layer must do what its step does


def layers_of(parts: Parts) -> nn.Module | None:
    """Return the steps of a pipeline as layers from rows to logits, values or rows.

    Raises
    ------
    TypeError
        If a step is not linear, or its probabilities do not follow from logits.
    """
    if not parts.steps:
        return None
    layers = []
    n_features = sum(parts.frozen.lengths())
    for name, step in parts.steps:
        function = _function_of(step)
        layer = None if function is None else _linear(function, n_features)
        if layer is None:
            raise TypeError(
                f"Step {name!r} ({type(step).__name__}) is not linear, so it cannot become a layer "
                "of torch. Use export_onnx, which converts most estimators of scikit-learn, or a "
                "LogisticRegression or Ridge."
            )
        layers.append(layer)
        n_features = layer.out_features
    last = layers[-1]
    if parts.task == "classification" and last.out_features == 1:
        # Two classes: each gets half of the logit, with opposite signs.
        last.weight = nn.Parameter(torch.cat([-last.weight, last.weight]) / 2)
        last.bias = nn.Parameter(torch.cat([-last.bias, last.bias]) / 2)
    if parts.task in ("classification", "multilabel"):
        _check_probabilities(parts, last)
    return nn.Sequential(*layers)


def _function_of(step: Any) -> Callable[[np.ndarray], np.ndarray] | None:
    for name in ("decision_function", "predict", "transform"):
        if hasattr(step, name) and not (name == "predict" and hasattr(step, "classes_")):
            method = getattr(step, name)
            return lambda rows: np.asarray(method(rows)).reshape(len(rows), -1)
    return None


def _linear(function: Callable[[np.ndarray], np.ndarray], n_features: int) -> nn.Linear | None:
    """Return the linear layer that does what a function does; None if there is none."""
    origin = function(np.zeros((1, n_features)))[0]
    coef = function(np.eye(n_features)) - origin
    rows = _rows(n_features)
    expected = function(rows)
    if not np.allclose(
        rows @ coef + origin, expected, rtol=0, atol=TOLERANCE * max(np.abs(expected).max(), 1)
    ):
        return None
    layer = nn.Linear(*coef.shape)
    layer.weight.data = torch.tensor(coef.T, dtype=torch.float32)
    layer.bias.data = torch.tensor(origin, dtype=torch.float32)
    return layer


def _rows(n_features: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(N_TRIED, n_features))


def _check_probabilities(parts: Parts, layer: nn.Linear) -> None:
    """Raise a TypeError unless the probabilities of the last step follow from its logits."""
    _, step = parts.steps[-1]
    rows = _rows(layer.in_features)
    logits = rows @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
    found = softmax(logits, axis=1) if parts.task == "classification" else expit(logits)
    expected = step.predict_proba(rows) if hasattr(step, "predict_proba") else None
    if expected is None or not np.allclose(found, expected, atol=1e-3):
        raise TypeError(
            f"The probabilities of step {parts.step_name} do not follow from logits by "
            "a softmax or sigmoid. Use export_onnx, or a LogisticRegression."
        )
