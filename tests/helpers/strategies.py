"""Strategies that are fitted in milliseconds, and one that notes its fits."""

from typing import ClassVar

import numpy as np
from helpers.networks import NormNet
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier


def two_strategies(**parameters):
    """Return a linear classifier on embeddings, and a network whose last layer is trained."""
    fine_tune = {"image_size": 16, "head_C": 100, "random_state": 0, "max_epochs": 2}
    return {
        "linear": make_pipeline(
            ConvFeatureExtractor(NormNet, image_size=16, **parameters),
            LogisticRegression(C=100, max_iter=10_000),
        ),
        "last": FineTuneClassifier(NormNet, unfreeze=1, **fine_tune, **parameters),
    }


class Recorder(ClassifierMixin, BaseEstimator):
    """Predicts the first class, and notes what it was fitted on."""

    fits: ClassVar[list] = []

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.fits.append(np.array(X))
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])
