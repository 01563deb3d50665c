"""The only door to scikit-learn's private names, and the checks that go beyond them."""

import difflib

from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

__all__ = ["Interval", "StrOptions", "_fit_context", "check_option", "close_matches"]


def close_matches(name, names):
    """Return " Did you mean …?" for an error message, or nothing where nothing is close."""
    matches = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(map(repr, matches))}?" if matches else ""


def check_option(parameter, value, options):
    """Raise unless `value` is one of the names in `options`."""
    if value not in options:
        raise ValueError(
            f"{parameter}={value!r} is none of {', '.join(map(repr, options))}."
            f"{close_matches(str(value), options)}"
        )
