"""Draw the manual's pictures of a comparison from the built-in photographs.

Raw pixels, embeddings and fine-tuning are compared on five draws of 5 patches per class from the
upper halves. Each draw is tested on all patches of the lower halves. The pictures are the
scores, a map of the embeddings, and the least sure predictions with the places that speak for
them.
"""

import argparse
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
PATCHES, DRAWS = 5, 5  # patches per class


def draw(photos, random):
    """Return the positions of some patches of each class, from the upper halves."""
    drawn = [
        random.choice(np.flatnonzero(photos.train & (photos.target == label)), PATCHES, False)
        for label in range(len(photos.target_names))
    ]
    return np.sort(np.concatenate(drawn))


def save(display, path):
    display.figure_.savefig(path, dpi=80)
    plt.close(display.figure_)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path, default=FIGURES, help="folder of the pictures")
    out = parser.parse_args().out
    print(machine(), "\n")
    photos = load_photo_patches()
    names = np.array([str(name) for name in photos.target_names])
    X, y, test = photos.images, names[photos.target], np.flatnonzero(~photos.train)
    draws = [(draw(photos, np.random.default_rng(seed)), test) for seed in range(DRAWS)]
    result = compare_strategies(X, y, cv=draws, random_state=0)
    print(result.summary())
    save(StrategyDisplay.from_results(result), out / "strategies.png")
    X_test, y_test = X[test], y[test]
    extractor = ConvFeatureExtractor()
    display = EmbeddingDisplay.from_estimator(
        extractor, X_test, y_test, method="tsne", thumbnails=True
    )
    save(display, out / "embeddings.png")
    pipeline = make_pipeline(extractor, LogisticRegression(max_iter=1000))
    pipeline.fit(X[draws[0][0]], y[draws[0][0]])
    display = PredictionGridDisplay.from_estimator(
        pipeline, X_test, y_test, show="unsure", n_images=4, maps=True
    )
    save(display, out / "maps.png")


if __name__ == "__main__":
    main()
