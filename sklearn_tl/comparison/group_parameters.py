"""How groups reach the parts of an estimator that choose or hold out something in `fit`."""

import inspect
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline


def group_parameters(estimator: Any, groups: np.ndarray | None) -> dict[str, Any]:
    """Return the parameters of `fit` that hand groups to an estimator, its steps and its search.

    Parameters
    ----------
    estimator : estimator
        A pipeline, a search whose `cv` uses groups, or an estimator whose `fit` takes `groups`.
        Any other estimator gets none.
    groups : ndarray of shape (n_images,) or None
    """
    if groups is None:
        return {}
    if isinstance(estimator, Pipeline):
        return {
            f"{name}__{key}": value
            for name, step in estimator.steps
            for key, value in group_parameters(step, groups).items()
        }
    if not hasattr(estimator, "fit"):  # "passthrough"
        return {}
    takes_groups = "groups" in inspect.signature(estimator.fit).parameters
    return {"groups": groups} if takes_groups or is_search_by_group(estimator) else {}


def is_search_by_group(estimator: Any) -> bool:
    """Tell whether an estimator is a search over parameters whose folds keep groups whole."""
    return hasattr(estimator, "cv") and hasattr(estimator, "refit") and uses_groups(estimator.cv)


def uses_groups(cv: Any) -> bool:
    """Tell whether a splitter keeps groups whole."""
    if getattr(cv, "keeps_groups", False):  # a splitter of this package
        return True
    routing = getattr(cv, "get_metadata_routing", None)
    return routing is not None and bool(routing().consumes("split", ["groups"]))


def parts_without_groups(estimator: BaseEstimator) -> list[str]:
    """Return the names of nested parameters that stand for folds to which groups do not come."""
    reached = group_parameters(estimator, np.zeros(1))
    parts = []
    for key, value in estimator.get_params(deep=True).items():
        *_, name = key.split("__")
        owner = key.removesuffix(name)
        makes_folds = name == "cv" or (name == "early_stopping" and value is True)
        if makes_folds and f"{owner}groups" not in reached:
            parts.append(key)
    return parts
