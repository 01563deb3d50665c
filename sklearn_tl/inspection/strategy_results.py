"""The part of a comparison's result that its displays read."""

from typing import Protocol

import numpy as np


class StrategyResults(Protocol):
    """What :func:`compare_strategies` returns, as far as the displays need it."""

    strategies_: list[str]
    best_strategy_: str
    results_: dict[str, np.ndarray]

    def scores(self, strategy: str, train_size: int | None = None) -> np.ndarray:
        """Return the scores on each fold, by default with the largest training sets."""

    def fit_time(self, strategy: str) -> float:
        """Return the mean time of a fit in seconds."""
