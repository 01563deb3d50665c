"""A fitted model is taken apart: a network, what follows it, and what the answers mean."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from sklearn.base import is_classifier, is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_tl.classifier import FineTuneClassifier
from sklearn_tl.comparison import in_double_precision
from sklearn_tl.embedding import FrozenPass
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.images import CONSTRAINTS, Reading
from sklearn_tl.regressor import FineTuneRegressor
from sklearn_tl.transfer_classifier import TransferClassifier
from sklearn_tl.transfer_regressor import TransferRegressor

FineTuned = FineTuneClassifier | FineTuneRegressor
Transfer = TransferClassifier | TransferRegressor
Ours = ConvFeatureExtractor | FineTuned | Transfer
Step = tuple[str, Any]  # its name in the pipeline, and the fitted estimator


@dataclass(frozen=True, eq=False)
class Parts:
    """What a fitted model consists of.

    Parameters
    ----------
    source : estimator
        The part of the model that takes images.
    frozen : FrozenPass
        The pass that makes rows, with the trained weights, on the CPU.
    reading : Reading
        How the fitted model reads images.
    normalization : {"l2", "power"} or None
        What happens to the rows, layer by layer.
    head : torch.nn.Module or None
        Turns rows into logits or values. None: the steps do that, or nothing does.
    steps : list of (name, estimator)
        The steps of scikit-learn that follow, fitted.
    task : {"classification", "multilabel", "regression", "embedding"}
    classes : ndarray of shape (n_classes,) or None
        The labels of a classification.
    names : list of str or None
        The names of the labels or numbers, if the model has them.
    """

    source: Any
    frozen: FrozenPass
    reading: Reading
    normalization: str | None
    head: nn.Module | None
    steps: list[Step]
    task: str
    classes: np.ndarray | None
    names: list[str] | None

    @property
    def step_name(self) -> str:
        """The name and the class of the last step, for messages."""
        name, step = self.steps[-1]
        return f"{name!r} ({type(step).__name__})"


class Affine(nn.Module):
    """Outputs times a factor plus a constant: a temperature, or the units of numbers."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, scale: Any, shift: Any) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(np.asarray(scale), dtype=torch.float32))
        self.register_buffer("shift", torch.tensor(np.asarray(shift), dtype=torch.float32))

    def forward(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the scaled outputs."""
        return outputs * self.scale + self.shift


def take_apart(model: Any) -> Parts:
    """Return the parts of a fitted model.

    Parameters
    ----------
    model : estimator
        See `export_onnx`.

    Raises
    ------
    TypeError
        If the model does not begin with an estimator of this package, or a step after it makes
        neither rows nor answers.
    NotFittedError
        If `fit` was not called.
    """
    check_is_fitted(model)
    (_, first), *steps = _steps_of("model", model)
    if not isinstance(first, Ours):
        raise TypeError(
            f"Expected a model that begins with ConvFeatureExtractor, or a FineTuneClassifier, "
            f"FineTuneRegressor, TransferClassifier or TransferRegressor, but it begins with "
            f"{type(first).__name__}. Only these take images of any size."
        )
    if steps and isinstance(first, Transfer):
        raise TypeError(
            f"{type(first).__name__} must be the last step, but step {steps[0][0]!r} follows it."
        )
    # What a saved model holds: the settings as fitted, which `set_params` does not change.
    state = first.__getstate__()
    fitted = state["_fitted"]
    frozen = first.frozen_pass()
    if isinstance(first, FineTuned):
        frozen = replace(frozen, backbone=first.tuned_backbone())
    normalization = "l2" if isinstance(first, Transfer) else state.get("_normalization")
    answering = steps[-1][1] if steps else first
    return Parts(
        source=first,
        frozen=replace(frozen, device="cpu", engine="torch", precision="float32"),
        reading=Reading.of(
            {name: fitted[name] for name in CONSTRAINTS if name in fitted}
            | {"max_pixels": first.max_pixels}
        ),
        normalization=normalization,
        head=None if steps or isinstance(first, ConvFeatureExtractor) else _head(first, state),
        steps=steps,
        task=_task_of(answering, is_last=bool(steps)),
        classes=_classes_of(answering),
        names=_names_of(model, answering),
    )


def _steps_of(name: str, model: Any) -> Iterator[Step]:
    """Yield the estimators that a fitted model runs one after the other."""
    model = getattr(model, "best_estimator_", model)
    if isinstance(model, Pipeline):
        for step, estimator in model.steps:
            if not _changes_nothing(estimator):
                yield from _steps_of(step, estimator)
    elif isinstance(model, FrozenEstimator):
        yield from _steps_of(name, model.estimator)
    else:
        yield name, model


def _changes_nothing(step: Any) -> bool:
    """Whether a step returns rows as they are, except for their precision."""
    if isinstance(step, FunctionTransformer):
        return step.func in (None, in_double_precision)
    return step in (None, "passthrough")


def _head(model: FineTuned | Transfer, state: dict[str, Any]) -> nn.Module:
    """Return the layers from rows to logits or values."""
    if isinstance(model, FineTuned):
        head: nn.Module = deepcopy(model.net_.module_.head).cpu().float().eval()
    else:
        head = nn.Linear(model.coef_.shape[1], model.coef_.shape[0])
        head.weight.data = torch.tensor(model.coef_, dtype=torch.float32)
        head.bias.data = torch.tensor(model.intercept_, dtype=torch.float32)
    if is_regressor(model):
        scaled = Affine(state["_task"].scale, state["_task"].mean)
    else:
        scaled = Affine(1 / model.temperature_, 0.0)
    return nn.Sequential(head, scaled)


def _task_of(model: Any, is_last: bool) -> str:
    if is_regressor(model):
        return "regression"
    if is_classifier(model):
        return "classification" if _classes_of(model) is not None else "multilabel"
    if is_last and not hasattr(model, "transform"):
        raise TypeError(f"{type(model).__name__} neither predicts nor transforms.")
    return "embedding"


def _classes_of(model: Any) -> np.ndarray | None:
    """Return the classes of which each image has one; None if there are none."""
    classes = getattr(model, "classes_", None)
    several = getattr(model, "multilabel_", False)  # of OneVsRestClassifier
    if not is_classifier(model) or isinstance(classes, list) or several:
        return None
    return classes if classes is not None and np.ndim(classes) == 1 else None


def _names_of(model: Any, answering: Any) -> list[str] | None:
    for holder in (model, answering):
        names = getattr(holder, "target_names_", None)
        if names is not None:
            return [str(name) for name in names]
    return None
