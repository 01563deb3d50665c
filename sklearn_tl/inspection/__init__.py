"""Pictures of trainings, embeddings, predictions and comparisons, and what a network looks at."""

from sklearn_tl.inspection.activation_maps import class_activation_maps
from sklearn_tl.inspection.displays import (
    EmbeddingDisplay,
    PredictionGridDisplay,
    TrainingHistoryDisplay,
)
from sklearn_tl.inspection.drawing import require_matplotlib
from sklearn_tl.inspection.strategy_displays import StrategyCurvesDisplay, StrategyDisplay

__all__ = [
    "EmbeddingDisplay",
    "PredictionGridDisplay",
    "StrategyCurvesDisplay",
    "StrategyDisplay",
    "TrainingHistoryDisplay",
    "class_activation_maps",
    "require_matplotlib",
]
