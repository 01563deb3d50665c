"""Numpydoc's checks of everything that is public."""

import ast
import inspect
import re

import pytest
from numpydoc.validate import validate

import sklearn_tl

# What scikit-learn's own style departs from.
IGNORED = {"ES01", "SA01", "EX01", "SA04", "GL08", "PR01", "PR02", "GL01", "RT03", "RT02"}
ESTIMATORS = {"ConvFeatureExtractor", "FineTuneClassifier"}


def public():
    for name in (*sklearn_tl.__all__, "datasets.load_photo_patches"):
        yield f"sklearn_tl.{name}"
        if isinstance(getattr(sklearn_tl, name, None), type):
            for method in vars(getattr(sklearn_tl, name)):
                if not method.startswith("_"):
                    yield f"sklearn_tl.{name}.{method}"


@pytest.mark.parametrize("name", public())
def test_numpydoc(name):
    assert [error for error in validate(name)["errors"] if error[0] not in IGNORED] == []


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_every_parameter_is_documented_with_its_default(name):
    estimator = getattr(sklearn_tl, name)
    documented = dict(re.findall(r"^    (\w+) : .*, default=(.*)$", estimator.__doc__, re.M))
    defaults = {k: repr(p.default) for k, p in inspect.signature(estimator).parameters.items()}
    assert {k: repr(ast.literal_eval(v)) for k, v in documented.items()} == defaults
