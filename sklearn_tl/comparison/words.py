"""The sentences of a comparison's summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sklearn_tl.comparison.strategies import RAW

if TYPE_CHECKING:
    from sklearn_tl.comparison.result import StrategyComparison


def summary(comparison: StrategyComparison, n_images: int) -> str:
    """Say which strategy to take, and how sure the folds are."""
    names, best = comparison.strategies_, comparison.best_strategy_
    highest = max(names, key=lambda name: comparison.scores(name).mean())
    lines = [
        f"{n_images} images in {len(comparison.classes_)} classes, "
        f"{_number(len(comparison.splits_), 'fold')}. "
        "Mean score over the folds, with its standard error:",
        "",
        *_table(comparison),
        "",
        f"Take {best!r}: {_reason(best, highest)}",
        *[_compared(comparison, best, name) for name in names if name != best],
    ]
    if highest == RAW and len(names) > 1:
        lines.append(
            "Raw pixels win: what the network has learned from photographs does not help with "
            "these images."
        )
    elif RAW in names and comparison.difference(highest, RAW)[1] <= 0:
        lines.append("These folds do not show that transfer learning helps with these images.")
    return "\n".join([*lines, *_by_size(comparison)])


def standard_error(scores: np.ndarray) -> float:
    """Return the standard error of the mean score, or 0 if there is one fold."""
    return float(scores.std(ddof=1) / np.sqrt(len(scores))) if len(scores) > 1 else 0.0


def _number(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"


def _table(comparison: StrategyComparison) -> list[str]:
    width = max(map(len, comparison.strategies_))
    lines = []
    for name in comparison.strategies_:
        scores = comparison.scores(name)
        lines.append(f"  {name:{width}}  {scores.mean():.3f} ± {standard_error(scores):.3f}")
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
