"""Claim: out-of-fold probabilities find wrong labels, and say how far they can be trusted.

A logistic regression on embeddings predicts each image from the other folds. Three tables:

- wrong labels: the share of images that are listed if all labels are right; and, after 5 % of the
  labels were changed at random, how many of these are found
- calibration: log loss and expected calibration error, before and after a temperature that was
  fitted on the other folds
- thresholds: the error among the answered images of one half, with the threshold from the other
  half; "as seen" is the lowest threshold at which the error of the first half is small enough

`--data` has the folders flowers, signs and posters. Signs are frames of films, and all frames of a
film are in one fold. Digits come with scikit-learn, as pixels.
"""

import argparse
from pathlib import Path

import numpy as np
from _report import machine, print_table, write_json
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupShuffleSplit,
    KFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.multiclass import OneVsRestClassifier

from sklearn_tl import ConvFeatureExtractor
from sklearn_tl.assessment import (
    apply_temperature,
    calibration_report,
    coverage_curve,
    find_label_errors,
    threshold_for_error,
)
from sklearn_tl.datasets import load_folder, load_table

WRONG = 0.05  # the share of labels that are changed
MODELS = {
    "C=1": LogisticRegression(max_iter=2000),
    "C chosen": GridSearchCV(LogisticRegression(max_iter=2000), {"C": [0.001, 0.01, 0.1, 1]}, cv=3),
}


def flowers(data, rows):
    folder = load_folder(data / "flowers" / "train")
    return rows(folder.paths), codes_of(folder.target), None


def signs(data, rows):
    folder = load_folder(data / "signs")
    films = [f"{path.parent.name} {path.stem[:5]}" for path in map(Path, folder.paths)]
    return rows(folder.paths), codes_of(folder.target), codes_of(films)


def digits(data, rows):
    X, y = load_digits(return_X_y=True)
    return X / 16, y, None


def codes_of(values):
    return np.unique(values, return_inverse=True)[1]


def out_of_fold(X, y, groups, model, seed=0):
    """Return the probabilities of each image, and the number of the fold that it was tested in."""
    if y.ndim == 2:
        folds = KFold(5, shuffle=True, random_state=seed)
    elif groups is None:
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    else:
        folds = StratifiedGroupKFold(3, shuffle=True, random_state=seed)
    splits = list(folds.split(X, y, groups))
    fold = np.empty(len(y), dtype=int)
    for number, (_, test) in enumerate(splits):
        fold[test] = number
    return cross_val_predict(model, X, y, cv=splits, method="predict_proba"), fold


def with_wrong_labels(y, seed):
    """Return labels of which some were changed to another class, and their positions."""
    random = np.random.default_rng(seed)
    changed = random.choice(len(y), round(WRONG * len(y)), replace=False)
    n_classes = y.max() + 1
    wrong = y.copy()
    wrong[changed] = (y[changed] + random.integers(1, n_classes, len(changed))) % n_classes
    return wrong, changed


def wrong_labels(name, X, y, groups, n_draws):
    """Yield a row of the first table for each model."""
    for model_name, model in MODELS.items():
        clean = find_label_errors(y, out_of_fold(X, y, groups, model)[0])
        figures = []
        for seed in range(n_draws if model_name == "C=1" else max(1, n_draws // 5)):
            labels, changed = with_wrong_labels(y, seed)
            errors = find_label_errors(labels, out_of_fold(X, labels, groups, model, seed)[0])
            first = np.isin(errors.ranking[: len(changed)], changed).mean()
            listed = np.isin(errors.positions, changed)
            figures.append((first, listed.sum() / len(changed), listed.sum() / max(1, len(listed))))
        share = len(clean.positions) / len(y)
        yield (name, model_name, f"{share:.2%}", *np.mean(figures, axis=0).tolist())


def calibration(name, X, y, groups, model):
    """Return a row of the second table."""
    rows, fold = out_of_fold(X, y, groups, model)
    before = calibration_report(y, rows, groups=groups)
    after = np.empty_like(rows)
    for number in np.unique(fold):
        test = fold == number
        # All classes have a column, although a class may be missing among the other folds.
        others = calibration_report(y[~test], rows[~test], np.arange(rows.shape[1]))
        after[test] = apply_temperature(rows[test], others.temperature, task=before.task)
    report = calibration_report(y, after, groups=groups)
    word = ("no", "over")[before.is_overconfident] if not before.is_underconfident else "under"
    return (
        name, before.accuracy, before.mean_confidence, word, before.temperature,
        before.log_loss, report.log_loss, before.expected_calibration_error,
        report.expected_calibration_error, before.calibration_error_by_chance,
    )  # fmt: skip


def thresholds(name, X, y, groups, model, error, n_splits):
    """Yield a row of the third table for each rule."""
    rows, _ = out_of_fold(X, y, groups, model)
    confidence, right = rows.max(axis=1), rows.argmax(axis=1) == y
    splitter = ShuffleSplit if groups is None else GroupShuffleSplit
    halves = list(splitter(n_splits, train_size=0.5, random_state=0).split(X, y, groups))
    for rule in ("as seen", "bound"):
        errors, shares = [], []
        for one, other in halves:
            units = None if groups is None else groups[one]
            least = _threshold(rule, y[one], rows[one], error, units)
            answered = confidence[other] >= least
            shares.append(answered.mean())
            errors.append((answered & ~right[other]).sum() / max(1, answered.sum()))
        above = np.mean(np.array(errors) > error)
        yield name, error, rule, float(np.mean(errors)), f"{above:.0%}", float(np.mean(shares))


def _threshold(rule, y, rows, error, groups):
    columns = np.arange(rows.shape[1])
    if rule == "bound":
        return threshold_for_error(y, rows, columns, error=error, groups=groups).threshold
    curve = coverage_curve(y, rows, columns)
    return curve.thresholds[1 - curve.accuracy <= error].min(initial=np.inf)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), metavar="DIR")
    parser.add_argument("--draws", type=int, default=10, help="random changes of labels")
    parser.add_argument("--splits", type=int, default=20, help="random halves")
    parser.add_argument("--cache", default="memory")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    extractor = ConvFeatureExtractor(cache=options.cache)
    sets = {"flowers": flowers, "signs": signs, "digits": digits}
    sets = {name: read(options.data, extractor.fit_transform) for name, read in sets.items()}
    posters = load_table(
        options.data / "posters" / "posters.csv", path_column="path", target="genres",
        separator="|",
    )  # fmt: skip
    matrix = np.asarray(posters.target)
    several = (
        extractor.fit_transform(posters.paths), matrix[:, matrix.sum(axis=0) >= 20], None,
    )  # fmt: skip
    model = MODELS["C=1"]
    figures = {}

    def show(title, header, rows):
        rows = list(rows)
        print(f"\n{title}\n")
        print_table(header, rows)
        print(flush=True)
        figures[title] = [header, *rows]

    show(
        "Calibration",
        ("data", "accuracy", "confidence", "overconfident", "temperature", "log loss", "after",
         "ECE", "after", "by chance"),
        [
            *(calibration(name, *data, model) for name, data in sets.items()),
            calibration("posters", *several, OneVsRestClassifier(model)),
        ],
    )  # fmt: skip
    show(
        "Thresholds",
        ("data", "error asked for", "rule", "error", "splits above", "answered"),
        (
            row
            for name, error in (("flowers", 0.02), ("digits", 0.02), ("signs", 0.2))
            for row in thresholds(name, *sets[name], model, error, options.splits)
        ),
    )
    show(
        "Wrong labels",
        ("data", "model", "listed, labels right", "found in first 5 %", "found in list",
         "share of list wrong"),
        (row for name, data in sets.items() for row in wrong_labels(name, *data, options.draws)),
    )  # fmt: skip
    print(machine())
    write_json(options.json, figures)


if __name__ == "__main__":
    main()
