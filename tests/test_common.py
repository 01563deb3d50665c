"""scikit-learn's own test suite. An unexpected pass is a failure (`xfail_strict`)."""

import pytest
from helpers.networks import TinyNet
from sklearn.exceptions import SkipTestWarning
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier

# Class of the estimator → check → why it fails. Keep it empty.
EXPECTED_FAILURES = {}

STRIP = {"image_shape": "strip", "value_range": (-10, 10), "image_size": 16}


def expected_failures(estimator):
    return EXPECTED_FAILURES.get(type(estimator).__name__, {})


@parametrize_with_checks(
    [
        ConvFeatureExtractor(TinyNet, **STRIP),
        FineTuneClassifier(TinyNet, unfreeze=None, head_C=10_000, **STRIP),
        FineTuneClassifier(
            TinyNet, unfreeze=1, head_C=100, early_stopping=True, validation_fraction=0.2, **STRIP
        ),
        FineTuneClassifier(TinyNet, unfreeze="all", head_C=1000, **STRIP),
    ],
    expected_failed_checks=expected_failures,
)
def test_an_estimator_passes_a_check_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", [ConvFeatureExtractor(), FineTuneClassifier()])
def test_a_default_estimator_passes_all_checks(estimator):
    with pytest.warns(
        SkipTestWarning, match="Can't test estimator"
    ):  # it does not accept 2-D arrays
        check_estimator(estimator)
