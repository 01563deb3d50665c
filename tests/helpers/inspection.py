"""Fitted models and images for the tests of displays and maps."""

import numpy as np
import pandas as pd
from helpers.networks import NormNet
from helpers.pictures import study
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier


def fine_tuner(**parameters):
    """Return a fine-tuning classifier that is not fitted."""
    return FineTuneClassifier(NormNet, image_size=16, random_state=0, **parameters)


def linear(n=30):
    """Return a fitted pipeline of embeddings and a logistic regression, its images and labels."""
    X, y = study(3, n)
    extractor = ConvFeatureExtractor(NormNet, image_size=16)
    return make_pipeline(extractor, LogisticRegression(C=100, max_iter=10_000)).fit(X, y), X, y


def legend_texts(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def squares(n_classes=3, n=30, seed=0):
    """Return grey images with a coloured square, labels, and the cells with the squares."""
    random = np.random.default_rng(seed)
    X = random.integers(90, 110, (n, 48, 48, 3)).astype(np.uint8)
    y = np.arange(n) % n_classes
    corners = random.integers(0, 3, (n, 2)) * 16
    for image, label, (top, left) in zip(X, y, corners, strict=True):
        image[top : top + 16, left : left + 16] = 40
        image[top : top + 16, left : left + 16, label] = 230
    return X, y, corners // 16


def share_found(maps, cells):
    """Return the share of maps whose largest value is in the cell with the square."""
    _, height, width = maps.shape
    at = np.array([np.unravel_index(m.argmax(), m.shape) for m in maps])
    return np.mean((at * 3 // (height, width) == cells).all(axis=1))


def labelled(n=24):
    """Return images that may be red or light or both, and a table of these two labels."""
    y = pd.DataFrame({"red": np.arange(n) % 2, "light": np.arange(n) // 2 % 2})
    X = np.random.default_rng(0).integers(0, 60, (n, 24, 30, 3))
    X[..., 0] += 90 * y["red"].to_numpy()[:, None, None]
    X[..., 1:] += 90 * y["light"].to_numpy()[:, None, None, None]
    return X.astype(np.uint8), y


def several_labels(kind):
    """Return a classifier of several labels that is not fitted."""
    if kind == "network":
        return fine_tuner(unfreeze=None, head_C=100)
    extractor = ConvFeatureExtractor(NormNet, image_size=16)
    regression = LogisticRegression(C=100, max_iter=10_000)
    return make_pipeline(extractor, MultiOutputClassifier(regression))
