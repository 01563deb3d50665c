"""One fit of one strategy on one fold, and what it cost."""

import pickle
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, TypedDict

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import check_scoring
from threadpoolctl import threadpool_limits

from sklearn_tl._utils import safe_indexing
from sklearn_tl.comparison.group_parameters import group_parameters
from sklearn_tl.comparison.strategies import n_trainable_parameters
from sklearn_tl.targets import label_probabilities


@contextmanager
def without_rare_labels() -> Iterator[None]:
    """Hide the warnings of each fit of labels that a comparison has named beforehand."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Label .* is present in all training")
        warnings.filterwarnings("ignore", "(No image has|All images have) the label")
        yield


class Run(TypedDict):
    """The score, the cost and the predictions of one fit."""

    score: float
    fit_time: float  # seconds
    score_time: float  # seconds
    n_trainable_parameters: float
    pickle_size: float  # bytes; NaN if the estimator cannot be pickled
    predicted: np.ndarray
    probabilities: np.ndarray | None


def run_fold(
    name: str,
    strategy: Any,
    X: Any,
    y: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    scoring: str | Callable,
    groups: np.ndarray | None = None,
) -> Run:
    """Fit a strategy on one fold; return its score and what it cost.

    Choices that the fit makes on folds of its own keep `groups` whole.

    Raises
    ------
    ValueError
        If the score is not a finite number.
    """
    X_test, y_test = safe_indexing(X, test), y[test]
    start = time.perf_counter()
    with (
        threadpool_limits(1, user_api="blas"),  # in this process, which may be another
        without_rare_labels(),
    ):
        fitted = fit_by_group(strategy, X, y, train, groups)
        after_fit = time.perf_counter()
        score = float(check_scoring(fitted, scoring=scoring)(fitted, X_test, y_test))
        after_score = time.perf_counter()
        if not np.isfinite(score):
            raise ValueError(
                f"The score of {name!r} on a fold of {len(test)} test images is {score}. Set "
                "another scoring, or make the folds larger."
            )
        return {
            "score": score,
            "fit_time": after_fit - start,
            "score_time": after_score - after_fit,
            "n_trainable_parameters": n_trainable_parameters(fitted),
            "pickle_size": _pickle_size(fitted),
            "predicted": np.asarray(fitted.predict(X_test)),
            "probabilities": _probabilities(fitted, X_test, np.unique(y) if y.ndim == 1 else None),
        }


def fit_by_group(
    strategy: Any, X: Any, y: np.ndarray, train: np.ndarray, groups: np.ndarray | None
) -> Any:
    """Return a copy of a strategy that is fitted on some images, and knows their groups."""
    parameters = group_parameters(strategy, None if groups is None else groups[train])
    # With metadata routing, each step would have to request its groups beforehand.
    with config_context(enable_metadata_routing=False) if parameters else nullcontext():
        return clone(strategy).fit(safe_indexing(X, train), y[train], **parameters)


def _probabilities(fitted: Any, X_test: Any, classes: np.ndarray | None) -> np.ndarray | None:
    """Return a column for each class, also for a class that the fit has not seen.

    Without `classes`, images have several labels, and there is a column for each label.
    """
    if not hasattr(fitted, "predict_proba"):
        return None
    if classes is None:
        return label_probabilities(fitted, X_test)
    known = fitted.predict_proba(X_test)
    probabilities = np.zeros((len(known), len(classes)), dtype=known.dtype)
    probabilities[:, np.searchsorted(classes, fitted.classes_)] = known
    return probabilities


def _pickle_size(estimator: Any) -> float:
    try:
        return len(pickle.dumps(estimator))
    except Exception:  # it contains something that cannot be pickled, for example a lambda
        return np.nan
