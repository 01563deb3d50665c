"""Claim: larger images, more sizes and a grid add little to the means and maxima of all layers.

`TransferClassifier` and `TransferRegressor` learn from means and maxima at 224 pixels. Here their
linear model learns from other features, on the sets and splits of `layers.py`:

- means: the means alone
- 288 pixels: means and maxima of larger images
- three sizes: the means at 160, 224 and 288 pixels side by side
- 2 x 2 grid: means and maxima, and the means of each quarter of the image

The features of a layer are divided by their norm, separately for means, maxima, sizes and quarters.
"""

import argparse
import statistics
from pathlib import Path

import numpy as np
import torch
from _report import machine, print_table, write_json
from layers import SETS
from sklearn.metrics import average_precision_score, r2_score
from sklearn.preprocessing import normalize
from torch.nn.functional import adaptive_avg_pool2d

from sklearn_tl import ConvFeatureExtractor
from sklearn_tl.embedding import lengths_per_layer
from sklearn_tl.linear import Classes, Labels, Numbers, fit_linear

VARIANTS = {
    "means and maxima": [("mean", 224), ("max", 224)],
    "means": [("mean", 224)],
    "288 pixels": [("mean", 288), ("max", 288)],
    "three sizes": [("mean", 160), ("mean", 224), ("mean", 288)],
    "2 x 2 grid": [("mean", 224), ("max", 224), ("quarters", 224)],
}


def features(X):
    """Return for each kind and size a list with one matrix (n_images, n_features) per layer."""
    found = {}
    for size in (160, 224, 288):
        extractor = ConvFeatureExtractor(layer="all", pooling="avgmax", image_size=size)
        rows = extractor.fit_transform(X)
        lengths = extractor.frozen_pass().lengths()
        both = np.split(rows, np.cumsum(lengths)[:-1], axis=1)
        found["mean", size], found["max", size] = both[::2], both[1::2]
    found["quarters", 224] = quarters(X, 224, lengths[::2])
    return {kind: [normalize(layer) for layer in layers] for kind, layers in found.items()}


def quarters(X, size, lengths):
    """Return the means of each quarter of the activations, a matrix per layer."""
    extractor = ConvFeatureExtractor(
        layer="all", pooling="flatten", image_size=size, cache=None
    ).fit(X[:1])
    ends = np.cumsum(lengths_per_layer(extractor.frozen_pass()))[:-1]
    parts = []
    for start in range(0, len(X), 64):  # the activations of an image take 3 MB
        layers = np.split(extractor.transform(X[start : start + 64]), ends, axis=1)
        parts.append([quarter_means(m, n) for m, n in zip(layers, lengths, strict=True)])
    return [np.concatenate(layer) for layer in zip(*parts, strict=True)]


def quarter_means(flat, n_channels):
    """Return the means (n_images, 4 * n_channels) of flattened square activations."""
    side = round((flat.shape[1] / n_channels) ** 0.5)
    maps = torch.from_numpy(flat).reshape(len(flat), n_channels, side, side)
    return adaptive_avg_pool2d(maps, 2).flatten(1).numpy()


def score(parts, y, groups, train, test):
    """Fit on the training images; return the accuracy, R² or mean average precision of others."""
    layers = [np.hstack(layer) for layer in zip(*parts, strict=True)]
    rows, lengths = np.hstack(layers), [layer.shape[1] for layer in layers]
    weight = np.ones(len(train))
    if y.dtype.kind == "f":
        mean, std = y[train].mean(), y[train].std()
        link = Numbers((y[train][:, None] - mean) / std, weight)
    elif y.ndim == 2:
        link = Labels(y[train], weight)
    else:
        classes, codes = np.unique(y[train], return_inverse=True)
        link = Classes(codes, len(classes), weight)
    some = None if groups is None else groups[train]
    model = fit_linear(rows[train], lengths, link, weight, some)
    outputs = rows[test] @ model.coef + model.intercept
    if y.dtype.kind == "f":
        return r2_score(y[test], outputs[:, 0] * std + mean)
    if y.ndim == 2:
        occurs = y[test].any(axis=0)
        return average_precision_score(y[test][:, occurs], outputs[:, occurs], average="macro")
    return np.mean(classes[outputs.argmax(axis=1)] == y[test])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows, figures, images, found = [], {}, None, {}
    for name in options.sets:
        X, y, groups, splits = SETS[name](options.data)
        y = np.asarray(y)
        if not np.array_equal(X, images):  # the draws of one data set share their features
            images, found = X, features(X)
        scores = {
            variant: [
                float(score([found[part] for part in parts], y, groups, *split)) for split in splits
            ]
            for variant, parts in VARIANTS.items()
        }
        figures[name] = scores
        rows.append((name, *(f"{statistics.mean(scores[v]):.3f}" for v in VARIANTS)))
        print(rows[-1], flush=True)
    print_table(("data", *VARIANTS), rows)
    shipped = "means and maxima"
    for variant in VARIANTS:
        gains = [
            statistics.mean(s[variant]) - statistics.mean(s[shipped]) for s in figures.values()
        ]
        error = statistics.stdev(gains) / len(gains) ** 0.5 if len(gains) > 1 else 0
        print(f"{variant}: {statistics.mean(gains):+.4f} ± {error:.4f}")
    print(machine())
    write_json(options.json, figures)


if __name__ == "__main__":
    main()
