"""Transfer learning for images as scikit-learn estimators."""

from sklearn_tl.backbones import list_backbones
from sklearn_tl.cache import clear_cache
from sklearn_tl.classifier import FineTuneClassifier
from sklearn_tl.extractor import ConvFeatureExtractor

__all__ = ["ConvFeatureExtractor", "FineTuneClassifier", "clear_cache", "list_backbones"]
__version__ = "0.1.0"
