"""Images that a network can tell apart, in memory and as files."""

import numpy as np
from PIL import Image


def study(n_classes=2, n=20, seed=0):
    """Return images of classes that differ in colour, and their labels."""
    y = np.arange(n) % n_classes
    X = np.random.default_rng(seed).integers(0, 80, (n, 24, 30, 3))
    for i, label in enumerate(y):
        X[i, ..., label % 3] += 60 + 40 * (label // 3)
    return X.astype(np.uint8), y


def save_all(X, folder, suffix="png"):
    """Save each image as a file in a folder and return the paths."""
    paths = [folder / f"{i}.{suffix}" for i in range(len(X))]
    for image, path in zip(X, paths, strict=True):
        Image.fromarray(image).save(path)
    return paths
