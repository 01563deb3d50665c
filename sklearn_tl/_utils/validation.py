"""Checks of parameters, and every private name of scikit-learn that this package uses.

`tests/_utils/test_validation.py` fails if a new version has moved or changed one of the private
names. Those of other dependencies are in `private.py`.
"""

import difflib
from collections.abc import Iterable
from typing import Any

from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _num_samples as num_samples

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # before scikit-learn 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands for the class of newer versions. No callbacks can be set."""


__all__ = [
    "CallbackSupportMixin",
    "HasMethods",
    "Interval",
    "StrOptions",
    "begin_fit_task",
    "check_option",
    "close_matches",
    "fit_context",
    "is_missing",
    "num_samples",
    "safe_indexing",
]

# The missing values of Python, numpy and pandas, as text.
MISSING = ("None", "nan", "<NA>", "NaT")


def begin_fit_task(estimator: Any, X: Any, y: Any, max_subtasks: int | None) -> Any:
    """Tell the callbacks of scikit-learn that the fit of an estimator begins.

    Parameters
    ----------
    estimator : CallbackSupportMixin
        Its `fit` is decorated by `fit_context`, which ends what is begun here.
    X, y : array-like
        As `fit` got them.
    max_subtasks : int or None
        The number of epochs at most. None: it is not known yet.

    Returns
    -------
    task : sklearn.callback.CallbackContext or None
        None if no callbacks are set.
    """
    if not getattr(estimator, "_skl_callbacks", None):
        return None
    task = estimator._init_callback_context(max_subtasks=max_subtasks)
    return task.call_on_fit_task_begin(estimator=estimator, X=X, y=y)


def close_matches(name: str, names: Iterable[str]) -> str:
    """Return " Did you mean 'resnet18'?" for an error message, or "" if no name is close."""
    matches = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(map(repr, matches))}?" if matches else ""


def check_option(parameter: str, value: Any, options: Iterable[Any]) -> None:
    """Raise a ValueError unless the value of a parameter is one of the options."""
    options = list(options)
    if value not in options:
        raise ValueError(
            f"{parameter}={value!r} must be one of {', '.join(map(repr, options))}."
            f"{close_matches(str(value), map(str, options))}"
        )


def is_missing(value: Any) -> bool:
    """Return whether a value means "not known": None, NaN, or NA or NaT of pandas."""
    return not isinstance(value, str) and str(value) in MISSING
