"""The sentences of a comparison's summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sklearn_tl._choices import RAW
from sklearn_tl.comparison.words_of_predictions import about_predictions

if TYPE_CHECKING:
    from sklearn_tl.comparison.result import StrategyComparison

LEAST_SIZES = 3  # from which a learning curve is drawn on


def summary(comparison: StrategyComparison, y: np.ndarray) -> str:
    """Say which strategy to take, and how sure the folds are."""
    names, best = comparison.strategies_, comparison.best_strategy_
    highest = max(names, key=lambda name: comparison.scores(name).mean())
    lines = [
        f"{_images(comparison, y)}, {_number(len(comparison.splits_), 'fold')}. "
        f"Mean {comparison.score_name_} over the folds, with its standard error:",
        "",
        *_table(comparison),
        "",
        *_groups(comparison),
        f"Take {best!r}: {_reason(comparison, highest)}",
        *_expected(comparison),
        *_errors(comparison, best),
        *[_compared(comparison, best, name) for name in names if name != best],
    ]
    if comparison.scores(highest).mean() <= comparison.dummy_scores_.mean():
        lines.append(
            f"No strategy beats always answering {comparison.dummy_name_}. Nothing that was "
            "tried can be learned from these images."
        )
    elif RAW in names and len(names) > 1:
        lines += _transfer(comparison, highest)
    lines += about_predictions(comparison, y)
    return "\n".join([*lines, *_by_size(comparison), *_more_images(comparison)])


def _groups(comparison: StrategyComparison) -> list[str]:
    """Say that groups stay whole, and what folds that divide them would claim."""
    if comparison.groups_ is None:
        return []
    sizes = np.bincount(comparison.groups_)
    groups = _number(int((sizes > 1).sum()), "group")
    together = f"{sizes[sizes > 1].sum()} of the images belong to {groups}"
    divided = sum(
        bool(np.isin(comparison.groups_[test], comparison.groups_[train]).any())
        for train, test in comparison.splits_
    )
    line = f"{together}, which no fold divides."
    if divided:
        line = f"{together}, some of which {divided} of the folds divide: the scores are too high."
    claimed, best = comparison.ungrouped_scores_, comparison.best_strategy_
    if claimed is not None:
        honest = comparison.scores(best).mean()
        line += (
            f" Folds that divide them would claim {claimed.mean():.3f} for {best!r} instead of "
            f"{honest:.3f}."
        )
    return [line, ""]


def _expected(comparison: StrategyComparison) -> list[str]:
    """Say what to expect of the choice on new images."""
    expected = comparison.expected_score()
    if expected is None:
        return []
    n = len(comparison.strategies_)
    corrected = f", corrected for the choice among {n} strategies" if n > 1 else ""
    return [
        f"On new images, expect {expected.low:.3f} to {expected.high:.3f} "
        f"(95 % interval{corrected})."
    ]


def _transfer(comparison: StrategyComparison, highest: str) -> list[str]:
    """Say whether transfer learning helps, unless it clearly does."""
    others = [name for name in comparison.strategies_ if name != RAW]
    best = max(others, key=lambda name: comparison.scores(name).mean())
    _, low, high = comparison.difference(best, RAW)
    if low > 0:
        return []
    if high < 0:
        return [
            "Raw pixels win: what the network has learned from photographs does not help with "
            "these images."
        ]
    if not np.isfinite(low):
        return ["So few folds cannot show whether transfer learning helps with these images."]
    return ["These folds do not show that transfer learning helps with these images."]


def _images(comparison: StrategyComparison, y: np.ndarray) -> str:
    """Say how many images there are, and what is to be predicted."""
    if comparison.classes_ is not None:
        return f"{len(y)} images in {len(comparison.classes_)} classes"
    if comparison.task_ == "multilabel":
        return f"{len(y)} images with {y.shape[1]} labels, {y.sum(axis=1).mean():.2g} per image"
    ranges = [
        f"{name} from {_value(low)} to {_value(high)}"
        for name, low, high in zip(
            comparison.target_names_,
            np.atleast_1d(y.min(axis=0)),
            np.atleast_1d(y.max(axis=0)),
            strict=True,
        )
    ]
    return f"{len(y)} images, {', '.join(ranges)}"


def _value(x: float) -> str:
    """Return a number with three digits or more, and without an exponent if it is large."""
    return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.3g}"


def _errors(comparison: StrategyComparison, best: str) -> list[str]:
    """Say how large the errors of a regression are, in the units of its targets."""
    if comparison.dummy_absolute_error_ is None:
        return []
    errors, others = comparison.mean_absolute_errors_[best], comparison.dummy_absolute_error_
    return [
        f"It is off by {_value(error)} on average in {name}; the mean of the training images is "
        f"off by {_value(other)}."
        for name, error, other in zip(comparison.target_names_, errors, others, strict=True)
    ]


def standard_error(scores: np.ndarray) -> float:
    """Return the standard error of the mean score, or 0 if there is one fold."""
    return float(scores.std(ddof=1) / np.sqrt(len(scores))) if len(scores) > 1 else 0.0


def _number(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"


def _table(comparison: StrategyComparison) -> list[str]:
    dummy = f"(always {comparison.dummy_name_})"
    has_dummy = bool(np.isfinite(comparison.dummy_scores_).all())
    width = max(map(len, [*comparison.strategies_, *([dummy] if has_dummy else [])]))
    lines = []
    for name in comparison.strategies_:
        scores = comparison.scores(name)
        lines.append(f"  {name:{width}}  {scores.mean():.3f} ± {standard_error(scores):.3f}")
    if has_dummy:
        scores = comparison.dummy_scores_
        lines.append(f"  {dummy:{width}}  {scores.mean():.3f} ± {standard_error(scores):.3f}")
    return lines


def _reason(comparison: StrategyComparison, highest: str) -> str:
    best = comparison.best_strategy_
    top = comparison.scores(highest).mean()
    if comparison.scores(best).mean() == top:
        tied = [
            name
            for name in comparison.strategies_
            if name != best and comparison.scores(name).mean() == top
        ]
        also = f" {' and '.join(map(repr, tied))} {'ties' if len(tied) == 1 else 'tie'} with it."
        return f"no other strategy scores higher.{also if tied else ''}"
    of_best, of_highest = comparison.fit_time(best), comparison.fit_time(highest)
    why = (
        f"a fit takes {_seconds(of_best)} instead of {_seconds(of_highest)}"
        if of_best < of_highest
        else f"{best!r} comes first in the list"
    )
    return f"{highest!r} scores higher, but by less than one standard error, and {why}."


def _seconds(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:,.0f} s"


def _compared(comparison: StrategyComparison, best: str, other: str) -> str:
    mean, low, high = comparison.difference(other, best)
    if mean == 0:
        return f"- {other!r} scores the same."
    start = f"- {other!r} scores {abs(mean):.3f} {'higher' if mean > 0 else 'lower'}"
    n_folds = len(comparison.splits_)
    ahead = int((comparison.scores(other) > comparison.scores(best)).sum())
    count = f"ahead in {ahead} of {_number(n_folds, 'fold')}"
    if not np.isfinite(low):
        few = "One fold is" if n_folds == 1 else f"{n_folds} folds are"
        return f"{start} ({count}). {few} too few for an interval."
    if low == high:
        sure = "The difference is the same in all folds, which are too few to say more."
    elif low <= 0 <= high:
        sure = "These images cannot tell the two apart."
    else:
        sure = "The difference is more than chance."
    return f"{start} (95 % interval {low:+.3f} to {high:+.3f}; {count}). {sure}"


def _by_size(comparison: StrategyComparison) -> list[str]:
    """Name the best strategy for each training size, if there are several sizes."""
    sizes = sorted(set(comparison.results_["train_size"].tolist()))
    if len(sizes) < 2:
        return []
    lines = ["", "Highest mean score by the number of training images:"]
    for size in sizes:
        means = {name: comparison.scores(name, size).mean() for name in comparison.strategies_}
        top = max(means, key=lambda name: means[name])
        lines.append(f"  {size:6d}  {top} ({means[top]:.3f})")
    return lines


def _more_images(comparison: StrategyComparison) -> list[str]:
    """Say what twice as many images would bring, if there are enough training sizes to tell."""
    sizes = sorted(set(comparison.results_["train_size"].tolist()))
    if len(sizes) < LEAST_SIZES or len(comparison.splits_) < 2:
        return []
    n_classes = None if comparison.classes_ is None else len(comparison.classes_)
    if comparison.results_["mean_test_score"].max() > 1:  # nobody knows how high it can be
        return []
    return [comparison.more_images(sizes[-1]).sentence(n_classes)]
