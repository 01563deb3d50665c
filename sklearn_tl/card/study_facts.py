"""What a comparison says of the images, and of the strategy that it chose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import binomtest

from sklearn_tl._utils import num_samples
from sklearn_tl.targets import Multiclass, read_targets

if TYPE_CHECKING:
    from sklearn_tl.comparison import StrategyComparison

LEVEL = 0.95
SHOWN = 20  # sentences about what was left out


def data_of(
    comparison: StrategyComparison,
    y: Any,
    name: str,
    left_out: Sequence[str],
    groups_given: bool,
    n_fitted: int | None,
) -> dict[str, Any]:
    """Return what the images are, and what is known of groups and copies."""
    n_given, kept = num_samples(y), comparison.kept_
    task, targets = read_targets(y, n_given, comparison.task_)
    targets = targets[kept]
    facts: dict[str, Any] = {
        "name": name,
        "n_images": len(kept),
        "n_fitted": len(kept) if n_fitted is None else n_fitted,
        "classes": None,
        "targets": None,
    }
    if isinstance(task, Multiclass):
        names, counts = task.classes, np.bincount(targets, minlength=len(task.classes))
    elif comparison.task_ == "multilabel":
        names, counts = np.array(comparison.target_names_), (targets > 0).sum(axis=0)
    if comparison.task_ == "regression":
        columns = targets.reshape(len(kept), -1).T
        facts["targets"] = [
            {"name": of, "low": float(column.min()), "high": float(column.max())}
            for of, column in zip(comparison.target_names_, columns, strict=True)
        ]
    else:
        pairs = zip(names, counts.tolist(), strict=True)
        facts["classes"] = [{"name": str(of), "n_images": n} for of, n in pairs]
    facts["groups"] = _groups(comparison, groups_given)
    facts["duplicates"] = _duplicates(comparison, n_given - len(kept))
    # A card of thousands of lines would be read by nobody.
    more = [f"{len(left_out) - SHOWN:,} more"] if len(left_out) > SHOWN else []
    return facts | {"left_out": [*map(str, left_out[:SHOWN]), *more]}


def _groups(comparison: StrategyComparison, given: bool) -> dict[str, Any]:
    """Return how many images belong together, and how many folds divide them all the same."""
    sizes = np.array([], dtype=int)
    n_divided = 0
    if comparison.groups_ is not None:
        sizes = np.bincount(comparison.groups_)
        n_divided = sum(
            bool(np.isin(comparison.groups_[test], comparison.groups_[train]).any())
            for train, test in comparison.splits_
        )
    together = sizes[sizes > 1]
    return {
        "given": given,
        "n_groups": len(together),
        "n_images": int(together.sum()),
        "n_folds_that_divide_them": n_divided,
    }


def _duplicates(comparison: StrategyComparison, n_dropped: int) -> dict[str, Any] | None:
    """Return how many copies and frames of sequences there are; None if nobody looked for them."""
    found = comparison.duplicates_
    if found is None:
        return None
    links = found.pairs[found.kinds != "copy"]
    return {
        "n_copies": len(found.copies),
        "n_in_sequences": len(np.unique(links)),
        "n_copies_with_other_labels": len(found.conflicts),
        "n_dropped": n_dropped,
    }


def scores_of(comparison: StrategyComparison) -> dict[str, Any]:
    """Return the score of the best strategy on images that it was not trained on."""
    best = comparison.best_strategy_
    scores = comparison.scores(best)
    mean, k = float(scores.mean()), len(scores)
    errors = comparison.mean_absolute_errors_.get(best)
    of_dummy = comparison.dummy_absolute_error_
    claimed = comparison.ungrouped_scores_
    return {
        "name": comparison.score_name_,
        "mean": mean,
        "standard_error": None if k == 1 else _number(scores.std(ddof=1) / math.sqrt(k)),
        "n_folds": k,
        "n_test_images": len(np.unique(np.concatenate([test for _, test in comparison.splits_]))),
        "n_strategies": len(comparison.strategies_),
        "interval": _interval(comparison, mean),
        "level": LEVEL,
        "dummy": {
            "name": comparison.dummy_name_,
            "mean": _number(comparison.dummy_scores_.mean()),
        },
        "if_folds_divided_groups": None if claimed is None else _number(claimed.mean()),
        "absolute_errors": None
        if errors is None or of_dummy is None
        else [
            {"name": name, "error": float(error), "of_dummy": float(dummy)}
            for name, error, dummy in zip(comparison.target_names_, errors, of_dummy, strict=True)
        ],
    }


def _interval(comparison: StrategyComparison, mean: float) -> list[float] | None:
    """Return what to expect on new images, if that follows from single images."""
    expected = comparison.expected_score()
    if expected is not None:
        return [float(expected.low), float(expected.high)]
    # Of one strategy on one test set, Wilson's interval of the accuracy.
    was_chosen = len(comparison.strategies_) > 1
    if comparison.score_name_ != "accuracy" or was_chosen or len(comparison.splits_) > 1:
        return None
    tested = np.unique(np.concatenate([test for _, test in comparison.splits_]))
    n = len(tested) if comparison.units is None else len(np.unique(comparison.units[tested]))
    found = binomtest(round(mean * n), n).proportion_ci(LEVEL, method="wilson")
    return [float(found.low), float(found.high)]


def per_class(comparison: StrategyComparison) -> list[dict[str, Any]] | None:
    """Return the figures of each class, if every image was tested once."""
    try:
        report = comparison.class_report()
    except ValueError:
        return None
    figures = ("precision", "recall", "f1")
    rows = []
    for i, name in enumerate(report.classes):
        row: dict[str, Any] = {"name": str(name), "n_images": int(report.support[i])}
        for figure in figures:
            low, high = getattr(report, f"{figure}_interval")[i].tolist()
            row[figure] = [_number(getattr(report, figure)[i]), low, high]
        rows.append(row)
    return rows


def remarks_of(comparison: StrategyComparison) -> dict[str, Any]:
    """Return what is known of the probabilities and of the labels."""
    facts: dict[str, Any] = {"calibration": None, "label_errors": None}
    if comparison.best_strategy_ not in comparison.probabilities_:
        return facts
    found = comparison.calibration()
    facts["calibration"] = {
        "accuracy": found.accuracy,
        "mean_confidence": found.mean_confidence,
        "expected_calibration_error": found.expected_calibration_error,
        "is_overconfident": bool(found.is_overconfident),
        "is_underconfident": bool(found.is_underconfident),
    }
    errors = comparison.label_errors()
    facts["label_errors"] = {
        "n_listed": len(errors.positions),
        "n_by_chance": round(errors.false_alarms * errors.n_images),
    }
    return facts


def _number(value: float) -> float | None:
    """Return a number that JSON can hold: NaN has no form there."""
    return float(value) if np.isfinite(value) else None
