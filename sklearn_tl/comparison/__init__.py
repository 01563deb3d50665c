"""Strategies of transfer learning are cross-validated on the same folds."""

from sklearn_tl.comparison.compare import compare_strategies, default_strategies
from sklearn_tl.comparison.raw_pixels import RawPixels
from sklearn_tl.comparison.result import StrategyComparison

__all__ = ["RawPixels", "StrategyComparison", "compare_strategies", "default_strategies"]
