"""What a model says of itself: its classes, its backbones, and the versions of the libraries."""

import platform
from importlib.metadata import version
from numbers import Integral
from typing import Any

import torch
from sklearn.base import is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_tl.card.licences import licence_of
from sklearn_tl.embedding import image_reader
from sklearn_tl.targets import has_several_labels

LIBRARIES = {
    "sklearn_tl": "sklearn-tl",
    "scikit-learn": "scikit-learn",
    "torch": "torch",
    "torchvision": "torchvision",
}


def is_fitted(model: Any) -> bool:
    """Return whether a model was fitted."""
    try:
        check_is_fitted(model)
    except (NotFittedError, TypeError):  # TypeError: None, or something that has no `fit`
        return False
    return True


def task_of(model: Any) -> str | None:
    """Return what a model predicts, or None if it is neither a classifier nor a regressor."""
    if model is None:
        return None
    if is_classifier(model):
        return "multilabel" if _labels_of(model) else "classification"
    return "regression" if is_regressor(model) else None


def classes_of(model: Any) -> list[str]:
    """Return the names of a model's classes or labels; empty if it has none."""
    if model is None or not is_classifier(model):
        return []
    return _labels_of(model) or [str(name) for name in getattr(model, "classes_", ())]


def _labels_of(model: Any) -> list[str]:
    """Return the names of labels that an image can have several of."""
    names = getattr(model, "target_names_", None)  # of this package, and of `sklearn-tl study`
    if names is not None:
        return [str(name) for name in names]
    last = model.steps[-1][1] if isinstance(model, Pipeline) else model
    if has_several_labels(model) or getattr(last, "multilabel_", False):  # OneVsRestClassifier
        return [f"label {j}" for j in range(len(model.classes_))]
    return []


def backbones_of(model: Any, network_is_loaded: bool) -> list[dict[str, Any]]:
    """Return what is known of each network that a model runs images through."""
    if model is None:
        return []
    reader = image_reader(model)
    # A voting classifier, for example, has several parts that read images.
    parts = [reader] if reader is not None else model.get_params(deep=True).values()
    return [_backbone_of(part, network_is_loaded) for part in parts if hasattr(part, "backbone")]


def _backbone_of(part: Any, network_is_loaded: bool) -> dict[str, Any]:
    size, fingerprint = part.image_size, getattr(part, "backbone_fingerprint_", None)
    if size is None and network_is_loaded and fingerprint is not None:
        size = part.frozen_pass().preprocessing.crop
    facts = {
        "backbone": part.backbone if isinstance(part.backbone, str) else _own(part.backbone),
        "weights": part.weights,
        "fingerprint": fingerprint,
        "licence": licence_of(part.backbone, part.weights),
        "layer": getattr(part, "layer", None),
        "unfreeze": getattr(part, "unfreeze", None),
        "image_size": size,
        "resize_mode": part.resize_mode,
    }
    return {name: _plain(value) for name, value in facts.items()}


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it. A parameter that `fit` will refuse may be of any type."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, Integral) else str(value)


def _own(backbone: Any) -> str:
    """Return the name of a user's own network or function."""
    kind = type(backbone) if isinstance(backbone, torch.nn.Module) else backbone
    return getattr(kind, "__name__", type(backbone).__name__)


def versions() -> dict[str, str]:
    """Return the versions of the libraries that decide what a model computes."""
    found = {name: version(package) for name, package in LIBRARIES.items()}
    return {"python": platform.python_version()} | found
