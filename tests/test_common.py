"""scikit-learn's own test suite. An unexpected pass is a failure (`xfail_strict`)."""

import pytest
from helpers.networks import FlatNet, TinyNet
from sklearn.exceptions import SkipTestWarning
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from sklearn_tl import (
    ConvFeatureExtractor,
    FineTuneClassifier,
    FineTuneRegressor,
    TransferClassifier,
    TransferRegressor,
)

# Check → why it fails if layers are trained. Without them nothing may fail.
IN_TRAINING = {
    "check_sample_weight_equivalence_on_dense_data": "an epoch has as many steps as there are "
    "images, so two copies of an image are two steps, and an image of weight 2 is drawn twice"
}

STRIP = {"image_shape": "strip", "value_range": (-10, 10), "image_size": 16}
TRAINED = {"max_epochs": 2, **STRIP}  # the checks fit hundreds of models


def expected_failures(estimator):
    return {} if getattr(estimator, "unfreeze", None) is None else IN_TRAINING


@parametrize_with_checks(
    [
        ConvFeatureExtractor(TinyNet, **STRIP),
        TransferClassifier(TinyNet, **STRIP),
        TransferRegressor(FlatNet, **STRIP),
        FineTuneClassifier(TinyNet, unfreeze=None, head_C=10_000, **STRIP),
        FineTuneClassifier(
            TinyNet, unfreeze=1, head_C=100, early_stopping=True, validation_fraction=0.2, **TRAINED
        ),
        FineTuneClassifier(TinyNet, unfreeze="all", head_C=1000, **TRAINED),
        FineTuneRegressor(FlatNet, unfreeze=None, **STRIP),
        FineTuneRegressor(
            FlatNet,
            unfreeze=1,
            loss="huber",
            early_stopping=True,
            validation_fraction=0.2,
            **TRAINED,
        ),
        FineTuneRegressor(FlatNet, unfreeze="all", **TRAINED),
    ],
    expected_failed_checks=expected_failures,
)
def test_an_estimator_passes_a_check_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "estimator",
    [
        ConvFeatureExtractor(),
        FineTuneClassifier(),
        FineTuneRegressor(),
        TransferClassifier(),
        TransferRegressor(),
    ],
)
def test_a_default_estimator_passes_all_checks(estimator):
    with pytest.warns(
        SkipTestWarning, match="Can't test estimator"
    ):  # it does not accept 2-D arrays
        check_estimator(estimator)
