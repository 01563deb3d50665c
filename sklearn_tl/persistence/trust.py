"""What a file may hold: the types that are built, and the values that are plain data."""

import os
import re
import types
from collections.abc import Iterator, Mapping
from numbers import Number
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator

from sklearn_tl._base import BackboneEstimator
from sklearn_tl.classifier import FineTuneClassifier
from sklearn_tl.comparison import RawPixels
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.finetuning import AbovePrefix, HeadAlone, WholeNetwork
from sklearn_tl.images import Preprocessing
from sklearn_tl.regressor import FineTuneRegressor
from sklearn_tl.targets import Multiclass, Multilabel, Regression
from sklearn_tl.transfer_classifier import TransferClassifier
from sklearn_tl.transfer_regressor import TransferRegressor

ESTIMATORS = (
    ConvFeatureExtractor,
    FineTuneClassifier,
    FineTuneRegressor,
    TransferClassifier,
    TransferRegressor,
    RawPixels,
)
RECIPES, TASKS = (HeadAlone, AbovePrefix, WholeNetwork), (Multiclass, Multilabel, Regression)
PARTS = (Preprocessing, *RECIPES, *TASKS)  # of a fitted estimator
# Parts of scikit-learn's ensembles and searches that hold data, and that skops does not know.
OF_SKLEARN = {
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.model_selection._split.GroupKFold",
    "sklearn.model_selection._split.GroupShuffleSplit",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.PredefinedSplit",
    "sklearn.model_selection._split.ShuffleSplit",
    "sklearn.model_selection._split.StratifiedGroupKFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.model_selection._split.StratifiedShuffleSplit",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
}
# Parts of the strategies that are compared. They get rows and targets, and touch no file.
OF_COMPARISON = {
    "sklearn_tl.comparison.inner_folds.InnerFolds",
    "sklearn_tl.comparison.scores.mean_average_precision",
    "sklearn_tl.comparison.strategies.in_double_precision",
}


def name_of(cls: type) -> str:
    """Return the name under which a file would list a type."""
    return f"{cls.__module__}.{cls.__qualname__}"


OF_OURS = {name_of(cls) for cls in (*ESTIMATORS, *PARTS)}
TRUSTED = OF_SKLEARN | OF_COMPARISON | OF_OURS
# The state of our estimators is plain data, and these are strings or None: all else may be code.
STRINGS = ("backbone", "weights", "head", "_head", "_loss", "augment", "cache", "device")
EMPTY = ("callbacks", "net_params")  # they hold objects of skorch and torch
PLAIN = (str, bytes, bool, Number, np.generic, np.random.RandomState, *PARTS, type(None))


def check_state(estimator: BackboneEstimator, state: Mapping[str, Any]) -> None:
    """Raise a ValueError if the state of one of our estimators holds, or names, more than data."""
    name, fitted = type(estimator).__name__, state.get("_fitted", {})
    if not isinstance(fitted, dict):
        raise ValueError(f"{name} has _fitted={fitted!r:.80}, which is not a dict.")
    for key, value in (*state.items(), *fitted.items()):
        if isinstance(value, os.PathLike | torch.device):
            value = str(value)
        if key == "early_stopping" and name_of(type(value)) in OF_SKLEARN:  # a splitter
            continue
        string = key not in STRINGS or isinstance(value, str | None)
        if not string or not _is_plain(value) or (key in EMPTY and value):
            raise ValueError(f"{name} has {key}={value!r:.80}, which may be code and not data.")
        if key == "weights" and re.match(r"[/\\]{2}", value or ""):  # Windows would log in there
            raise ValueError(f"{name} has weights={value!r}, which is on another computer.")


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, PLAIN) and _is_plain(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, np.ndarray):
        return value.dtype != object or all(map(_is_plain, value.flat))
    return isinstance(value, PLAIN)


def forget_paths(part: Any) -> None:
    """Keep an estimator from writing to a place that a file names."""
    if isinstance(part, ESTIMATORS) and part.cache is not None:
        part.cache = "memory"
    if isinstance(part, BaseEstimator) and vars(part).get("memory") is not None:
        part.memory = None


def parts_of(model: Any) -> Iterator[Any]:
    """Iterate over all objects in a model, without looking into our estimators."""
    stack, seen = [model], {}
    while stack:
        part = stack.pop()
        if id(part) in seen:
            continue
        seen[id(part)] = part  # kept alive, so that no other object gets its id
        yield part
        if isinstance(part, dict):
            stack += part.values()
        elif isinstance(part, list | tuple | set):
            stack += part
        elif isinstance(part, np.ndarray):
            stack += part.flat if part.dtype == object else ()
        elif not isinstance(part, BackboneEstimator | type | types.ModuleType):
            stack += getattr(part, "__dict__", {}).values()
