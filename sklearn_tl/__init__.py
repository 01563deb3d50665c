"""Transfer learning for images as scikit-learn estimators."""

from sklearn_tl.backbones import list_backbones
from sklearn_tl.cache import cache_info, clear_cache, limit_cache
from sklearn_tl.classifier import FineTuneClassifier
from sklearn_tl.comparison import StrategyComparison, compare_strategies
from sklearn_tl.duplicates import Duplicates, find_duplicates
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.images import ImageWarning, LazyImages, check_images
from sklearn_tl.inspection import (
    CoverageDisplay,
    EmbeddingDisplay,
    LabelScoresDisplay,
    PredictionGridDisplay,
    ReliabilityDisplay,
    StrategyCurvesDisplay,
    StrategyDisplay,
    TrainingHistoryDisplay,
    class_activation_maps,
)
from sklearn_tl.labelling import rank_for_labelling
from sklearn_tl.persistence import load, save
from sklearn_tl.regressor import FineTuneRegressor
from sklearn_tl.transfer_classifier import TransferClassifier
from sklearn_tl.transfer_regressor import TransferRegressor

__all__ = [
    "ConvFeatureExtractor",
    "FineTuneClassifier",
    "FineTuneRegressor",
    "TransferClassifier",
    "TransferRegressor",
    "list_backbones",
    "check_images",
    "LazyImages",
    "ImageWarning",
    "clear_cache",
    "cache_info",
    "limit_cache",
    "save",
    "load",
    "compare_strategies",
    "StrategyComparison",
    "find_duplicates",
    "Duplicates",
    "rank_for_labelling",
    "class_activation_maps",
    "TrainingHistoryDisplay",
    "EmbeddingDisplay",
    "PredictionGridDisplay",
    "LabelScoresDisplay",
    "ReliabilityDisplay",
    "CoverageDisplay",
    "StrategyDisplay",
    "StrategyCurvesDisplay",
]
__version__ = "0.1.0"
