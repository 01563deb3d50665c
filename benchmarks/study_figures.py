"""Draw the README's pictures of a comparison, from the built-in photographs.

Embeddings, raw pixels and fine-tuning on 5 patches a class, cross-validated; a map of the
embeddings; and the least sure predictions, with the places that speak for them.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from _report import machine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_tl import (
    ConvFeatureExtractor,
    EmbeddingDisplay,
    PredictionGridDisplay,
    StrategyDisplay,
    compare_strategies,
)
from sklearn_tl.datasets import load_photo_patches

FIGURES = Path(__file__).parent / "figures"
PATCHES = 5  # a class


def save(display, name):
    display.figure_.savefig(FIGURES / name, dpi=80)
    plt.close(display.figure_)


def main():
    print(machine(), "\n")
    photos = load_photo_patches()
    names = np.array([str(name) for name in photos.target_names])
    random = np.random.default_rng(0)
    drawn = [
        random.choice(np.flatnonzero(photos.train & (photos.target == label)), PATCHES, False)
        for label in range(len(names))
    ]
    drawn = np.sort(np.concatenate(drawn))
    X, y = photos.images[drawn], names[photos.target[drawn]]
    result = compare_strategies(X, y, cv=5, random_state=0)
    print(result.summary())
    save(StrategyDisplay.from_results(result), "strategies.png")
    test = ~photos.train
    X_test, y_test = photos.images[test], names[photos.target[test]]
    extractor = ConvFeatureExtractor()
    display = EmbeddingDisplay.from_estimator(
        extractor, X_test, y_test, method="tsne", thumbnails=True
    )
    save(display, "embeddings.png")
    pipeline = make_pipeline(extractor, LogisticRegression(max_iter=1000)).fit(X, y)
    display = PredictionGridDisplay.from_estimator(
        pipeline, X_test, y_test, show="unsure", n_images=4, maps=True
    )
    save(display, "maps.png")


if __name__ == "__main__":
    main()
