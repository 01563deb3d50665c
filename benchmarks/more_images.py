"""Claims of `assessment`: curves that are continued, chosen scores, and images of another kind.

1. `extrapolate`: half of the images are hidden, a learning curve of the other half is continued,
   and compared with the score of all images. Flowers without exact copies, traffic signs drawn
   image by image, and drawn by whole tracks.
2. `selection_bias`: of `--draws` draws of 60 flowers with five strategies each, the highest
   cross-validated accuracy, the corrected one, and the accuracy on all other flowers.
3. `Novelty`: false alarms, and how many images of another kind are found. Drawn clip art,
   spectrograms and noise are made here, and the other data sets are photographs.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from _report import machine, print_table, write_json
from PIL import Image, ImageDraw
from scipy import signal
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from sklearn_tl import ConvFeatureExtractor
from sklearn_tl.assessment import Novelty, extrapolate, selection_bias
from sklearn_tl.comparison import RawPixels
from sklearn_tl.datasets import load_folder, load_table

SHARES = (0.25, 0.5, 0.75, 1.0)
TABLES = {"houses": {"target": "price"}, "posters": {"target": "genres", "separator": "|"}}


def accuracy(X, y, train, test):
    """Return the accuracy of a logistic regression."""
    return (
        LogisticRegression(max_iter=300, tol=1e-3).fit(X[train], y[train]).score(X[test], y[test])
    )


def part(positions, y, groups, share, seed):
    """Return a share of the groups, with about the same share of the groups of each class."""
    random, progress = np.random.default_rng(seed), {}
    for label in np.unique(y[positions]):
        of_class = random.permutation(np.unique(groups[positions[y[positions] == label]]))
        progress |= {g: (k + random.random()) / len(of_class) for k, g in enumerate(of_class)}
    kept = sorted(progress, key=progress.get)[: round(share * len(progress))]
    return positions[np.isin(groups[positions], kept)]


def continued(X, y, groups, n_folds, draws):
    """Return coverage, mean absolute error and width of the bands, and the error of no curve."""
    X = PCA(256, random_state=0).fit_transform(X)
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=0)
    splits = list(folds.split(X, y, groups))
    truth = np.mean([accuracy(X, y, train, test) for train, test in splits])
    at = round(np.mean([len(train) for train, _ in splits]))
    results = []
    for seed in range(draws):
        half = part(np.arange(len(y)), y, groups, 0.5, seed)
        folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
        splits = [(half[a], half[b]) for a, b in folds.split(X[half], y[half], groups[half])]
        sets = [[part(a, y, groups, s, seed) for a, _ in splits] for s in SHARES]
        sizes = [np.mean([len(a) for a in of_size]) for of_size in sets]
        scores = [
            [accuracy(X, y, a, test) for a, (_, test) in zip(of_size, splits, strict=True)]
            for of_size in sets
        ]
        band = extrapolate(sizes, scores, at, random_state=0)
        inside = band.low <= truth <= band.high
        results.append((inside, band.mean - truth, band.high - band.low, band.score - truth))
    inside, error, width, plain = np.array(results, dtype=float).T
    return inside.mean(), error.mean(), np.abs(error).mean(), width.mean(), np.abs(plain).mean()


def chosen(X, raw, y, draws):
    """Return the highest and the corrected score, the truth and its cover for each draw.

    The truth is the accuracy of the models of the same folds on all other images. A model that is
    fitted on all images of the draw has a quarter more of them, and is the last column.
    """
    strategies = [
        (X, make_pipeline(PCA(16, random_state=0), LogisticRegression(C=1.0, max_iter=300))),
        (X, make_pipeline(PCA(16, random_state=0), LogisticRegression(C=0.01, max_iter=300))),
        (X, make_pipeline(PCA(4, random_state=0), LogisticRegression(max_iter=300))),
        (X, make_pipeline(PCA(16, random_state=0), SVC())),
        (raw, make_pipeline(PCA(16, random_state=0), LogisticRegression(max_iter=300))),
    ]
    results = []
    for seed in range(draws):
        few = part(np.arange(len(y)), y, np.arange(len(y)), 5 / 80, seed)
        rest = np.setdiff1d(np.arange(len(y)), few)
        cv = StratifiedKFold(5, shuffle=True, random_state=seed)
        right, truths = [], []
        for Z, model in strategies:
            right.append(np.empty(len(few)))
            scores = []
            for train, test in cv.split(few, y[few]):
                model.fit(Z[few[train]], y[few[train]])
                right[-1][test] = model.predict(Z[few[test]]) == y[few[test]]
                scores.append(model.score(Z[rest], y[rest]))
            truths.append(np.mean(scores))
        estimate = selection_bias(right, random_state=0)
        best = int(np.mean(right, axis=1).argmax())
        Z, model = strategies[best]
        refitted = model.fit(Z[few], y[few]).score(Z[rest], y[rest])
        inside = estimate.low <= truths[best] <= estimate.high
        results.append((estimate.highest, estimate.mean, truths[best], inside, refitted))
    return np.array(results, dtype=float)


def clip_art(random):
    """Draw shapes in flat colours."""
    image = Image.new("RGB", (200, 200), tuple(random.integers(0, 256, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for _ in range(random.integers(1, 8)):
        x, y, *size = [*random.integers(0, 150, 2).tolist(), *random.integers(20, 120, 2).tolist()]
        shape = random.choice([draw.rectangle, draw.ellipse, draw.line])
        shape((x, y, x + size[0], y + size[1]), fill=tuple(random.integers(0, 256, 3).tolist()))
    return np.asarray(image)


def spectrogram(random):
    """Return the spectrogram of a chirp in noise, in grey or in colours."""
    seconds = np.arange(16_000) / 8000
    sound = signal.chirp(seconds, random.uniform(50, 1000), 2, random.uniform(1000, 3900))
    sound += random.uniform(0.01, 1) * random.normal(size=len(seconds))
    power = np.log(signal.spectrogram(sound, 8000, nperseg=256, noverlap=200)[2][::-1] + 1e-9)
    level = np.clip((power - np.quantile(power, 0.02)) / np.ptp(power), 0, 1)
    ramps = [(0, 1), (0, 1), (0, 1)] if random.random() < 0.5 else [(0.3, 1), (0, 0.9), (0.4, 0.1)]
    return np.stack([255 * (a + (b - a) * level) for a, b in ramps], axis=2).astype(np.uint8)


def noise(random):
    """Return noise: each pixel on its own."""
    return random.integers(0, 256, (160, 160, 3), dtype=np.uint8)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), metavar="DIR")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--claims", nargs="+", type=int, choices=(1, 2, 3), default=[1, 2, 3])
    parser.add_argument("--cache", default="memory")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%")
    extractor, figures = ConvFeatureExtractor(cache=options.cache), {}
    flowers = [load_folder(options.data / "flowers" / name) for name in ("train", "test")]
    paths, y = (np.concatenate([getattr(f, a) for f in flowers]) for a in ("paths", "target"))
    signs = load_folder(options.data / "signs")
    X, Z = (extractor.fit(list(p)).transform(list(p)) for p in (paths, signs.paths))
    names = [Path(path) for path in signs.paths]
    tracks = np.unique([f"{p.parent.name}/{p.name[:5]}" for p in names], return_inverse=True)[1]
    if 1 in options.claims:
        first = np.sort(np.unique(X, axis=0, return_index=True)[1])  # without exact copies
        single = np.arange(len(first)), np.arange(len(Z))
        figures["continued"] = {
            "flowers": continued(X[first], y[first], single[0], 5, options.draws),
            "signs, by image": continued(Z, signs.target, single[1], 5, options.draws),
            "signs, by track": continued(Z, signs.target, tracks, 3, options.draws),
        }
        header = ("all images from half", "in the 90 % band", "mean error", "mean absolute error",
                  "width of the band", "without a curve")  # fmt: skip
        print_table(header, [(k, *map(float, v)) for k, v in figures["continued"].items()])
    if 2 in options.claims:
        raw = RawPixels().fit_transform(list(paths))
        results = chosen(X, raw, y, options.draws)
        highest, corrected, truth, inside, refitted = results.mean(axis=0).tolist()
        figures["chosen"] = results.tolist()
        rows = [("highest", highest, highest - truth), ("corrected", corrected, corrected - truth)]
        print_table(
            ("of 5 strategies", "mean", "bias"),
            [*rows, ("truth", truth, 0.0), ("refitted", refitted, refitted - truth)],
        )
        print(f"The interval contains the truth in {inside:.0%} of the draws.")
    if 3 in options.claims:
        random = np.random.default_rng(0)
        kinds = {"signs": Z}
        for make in (clip_art, spectrogram, noise):
            images = [make(random) for _ in range(200)]
            kinds[make.__name__] = extractor.fit(images).transform(images)
        for name, options_of_table in TABLES.items():
            table = options.data / name / f"{name}.csv"
            found = load_table(table, path_column="path", **options_of_table)
            kinds[name] = extractor.fit(found.paths).transform(found.paths)
        n = len(flowers[0].paths)
        novelty = Novelty.fit(X[:n])
        shares = {k: float(novelty.is_novel(rows).mean()) for k, rows in kinds.items()}
        shares["test flowers: false alarms"] = float(novelty.is_novel(X[n:]).mean())
        missing = [novelty_of_missing(X, y, label) for label in np.unique(y)]
        shares["a species that is missing in training"] = float(np.mean(missing))
        figures["novelty"] = shares
        print_table(("trained on flowers, tested on", "called novel"), list(shares.items()))
    print(machine())
    write_json(options.json, figures)


def novelty_of_missing(X, y, label):
    """Return the share of one species that is called novel if it is left out in training."""
    return Novelty.fit(X[y != label]).is_novel(X[y == label]).mean()


if __name__ == "__main__":
    main()
