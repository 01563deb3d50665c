"""What the pictures of scores share: the score of chance, and where an axis ends."""

from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_tl.inspection.drawing import shortened

if TYPE_CHECKING:  # only an argument: neither room needs the other to run
    from sklearn_tl.comparison import StrategyComparison

R2 = ("R²", "r2")
LOWEST = -0.5  # a single R² may be -100, and the others would be one point
DUMMY_LINE = {"color": "0.3", "linestyle": ":", "linewidth": 1.2, "zorder": 1}


def parameters_of(comparison: "StrategyComparison") -> dict[str, Any]:
    """Return the parameters of a display that say what the scores are, and the one of chance."""
    dummy = float(np.mean(comparison.dummy_scores_))
    return {
        "score_name": shortened(comparison.score_name_, 60),
        "dummy_score": dummy if np.isfinite(dummy) else None,
        "dummy_name": f"always {comparison.dummy_name_}",
    }


def lowest_shown(score_name: str, scores: Any) -> float:
    """Return where an axis ends: minus infinity, or a bound if a low R² would squash the others."""
    scores = np.asarray(scores, dtype=float)
    is_cut = score_name in R2 and scores.size and scores.min() < LOWEST < scores.max()
    return LOWEST if is_cut else -np.inf
