"""The sentences of a comparison's summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sklearn_tl.comparison.strategies import RAW

if TYPE_CHECKING:
    from sklearn_tl.comparison.result import StrategyComparison


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
        f"Take {best!r}: {_reason(best, highest)}",
        *_errors(comparison, best),
        *[_compared(comparison, best, name) for name in names if name != best],
    ]
    if comparison.scores(highest).mean() <= comparison.dummy_scores_.mean():
        lines.append(
            f"No strategy beats always answering {comparison.dummy_name_}. Nothing that was "
            "tried can be learned from these images."
        )
    elif highest == RAW and len(names) > 1:
        lines.append(
            "Raw pixels win: what the network has learned from photographs does not help with "
            "these images."
        )
    elif RAW in names and comparison.difference(highest, RAW)[1] <= 0:
        lines.append("These folds do not show that transfer learning helps with these images.")
    return "\n".join([*lines, *_by_size(comparison)])


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


def _reason(best: str, highest: str) -> str:
    if best == highest:
        return "no other strategy scores higher."
    return (
        f"{highest!r} scores higher, but by less than one standard error, and {best!r} is the "
        "cheaper of the two."
    )


def _compared(comparison: StrategyComparison, best: str, other: str) -> str:
    mean, low, high = comparison.difference(other, best)
    if mean == 0:
        return f"- {other!r} scores the same."
    start = f"- {other!r} scores {abs(mean):.3f} {'higher' if mean > 0 else 'lower'}"
    if not np.isfinite(low):
        return f"{start}. One fold cannot show whether that is chance."
    if low == high:
        sure = "The difference is the same in all folds, which are too few to say more."
    elif low <= 0 <= high:
        sure = "These folds cannot tell the two apart."
    else:
        sure = "The difference is more than chance."
    ahead = int((comparison.scores(other) > comparison.scores(best)).sum())
    return (
        f"{start} (95 % interval {low:+.3f} to {high:+.3f}; ahead in {ahead} of "
        f"{len(comparison.splits_)} folds). {sure}"
    )


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
