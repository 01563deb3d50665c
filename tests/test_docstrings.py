"""The documentation: docstrings as numpydoc checks them, and links between pages."""

import ast
import inspect
import re
from pathlib import Path

import pytest
from numpydoc.validate import validate

import sklearn_tl
from sklearn_tl import datasets

# scikit-learn's own docstrings depart from these rules.
IGNORED = {"ES01", "SA01", "EX01", "SA04", "GL08", "PR01", "PR02", "GL01", "RT03", "RT02"}
ESTIMATORS = {"ConvFeatureExtractor", "FineTuneClassifier"}
ROOT = Path(__file__).parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "benchmarks").glob("*.md"), *ROOT.glob("sklearn_tl/**/*.md")]


def public():
    names = [n for n in sklearn_tl.__all__ if not inspect.ismodule(getattr(sklearn_tl, n))]
    for name in (*names, *(f"datasets.{name}" for name in datasets.__all__)):
        yield f"sklearn_tl.{name}"
        if isinstance(getattr(sklearn_tl, name, None), type):
            for method in vars(getattr(sklearn_tl, name)):
                if not method.startswith("_"):
                    yield f"sklearn_tl.{name}.{method}"


@pytest.mark.parametrize("name", public())
def test_a_public_docstring_follows_numpydoc(name):
    assert [error for error in validate(name)["errors"] if error[0] not in IGNORED] == []


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_every_parameter_is_documented_with_its_default(name):
    estimator = getattr(sklearn_tl, name)
    documented = dict(re.findall(r"^    (\w+) : .*, default=(.*)$", estimator.__doc__, re.M))
    defaults = {k: repr(p.default) for k, p in inspect.signature(estimator).parameters.items()}
    assert {k: repr(ast.literal_eval(v)) for k, v in documented.items()} == defaults


def anchors(page):
    """Return the fragments by which the headings of a page can be reached, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if target.startswith(("http://", "https://")):
            continue
        path, _, fragment = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        assert not fragment or fragment in anchors(file), target
