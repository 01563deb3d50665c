"""Parameters are checked; scikit-learn's private names are where they are expected."""

import importlib
import inspect
from numbers import Integral

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator

from sklearn_tl._utils import (
    Interval,
    StrOptions,
    check_option,
    close_matches,
    fit_context,
    is_missing,
    num_samples,
    safe_indexing,
)

PRIVATE = {
    "sklearn.base._fit_context": ["prefer_skip_nested_validation"],
    "sklearn.utils._safe_indexing": ["X", "indices"],
    "sklearn.utils.validation._num_samples": ["x"],
    "sklearn.utils._param_validation.Interval": ["type", "left", "right", "closed"],
    "sklearn.utils._param_validation.StrOptions": ["options"],
}


@pytest.mark.parametrize("name", PRIVATE)
def test_a_private_name_of_scikit_learn_is_where_it_is_expected(name):
    module, _, attribute = name.rpartition(".")
    found = getattr(importlib.import_module(module), attribute, None)
    signature = list(inspect.signature(found).parameters) if found else []
    missing = [parameter for parameter in PRIVATE[name] if parameter not in signature]
    assert not missing, (
        f"scikit-learn {sklearn.__version__} has moved or changed {name}: it has {signature}. "
        "Adapt sklearn_tl/_utils/validation.py."
    )


def test_the_private_names_of_scikit_learn_do_what_is_expected_of_them():
    class Estimator(BaseEstimator):
        _parameter_constraints = {
            "size": [Interval(Integral, 1, None, closed="left")],
            "mode": [StrOptions({"a", "b"})],
        }

        def __init__(self, size=1, mode="a"):
            self.size = size
            self.mode = mode

        @fit_context(prefer_skip_nested_validation=True)
        def fit(self, X):
            return self

    Estimator().fit(None)
    with pytest.raises(ValueError, match=r"'size' parameter of Estimator must be an int"):
        Estimator(size=0).fit(None)
    with pytest.raises(ValueError, match=r"'mode' parameter of Estimator must be a str among"):
        Estimator(mode="c").fit(None)
    assert num_samples(["a", "b"]) == num_samples(np.zeros((2, 5))) == 2
    assert safe_indexing(["a", "b", "c"], [2, 0]) == ["c", "a"]
    assert list(safe_indexing(pd.Series(["a", "b", "c"], index=[9, 8, 7]), [2, 0])) == ["c", "a"]


def test_close_names_are_suggested_and_others_are_not():
    names = ["resnet18", "resnet34", "vgg11"]
    assert close_matches("resnet-18", names).startswith(" Did you mean 'resnet18' or ")
    assert close_matches("banana", names) == ""


def test_a_value_that_is_not_an_option_is_refused_with_all_options():
    check_option("layer", "a", iter(["a", "b"]))
    with pytest.raises(ValueError, match=r"^pool='avgs' must be one of 'avg', 3\. Did you mean"):
        check_option("pool", "avgs", ["avg", 3])


@pytest.mark.parametrize("value", [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT])
def test_none_nan_and_the_missing_values_of_pandas_are_missing(value):
    assert is_missing(value)


@pytest.mark.parametrize("value", ["nan", "None", "", 0, False, np.inf, np.str_("nan")])
def test_strings_and_other_values_are_not_missing(value):
    assert not is_missing(value)
