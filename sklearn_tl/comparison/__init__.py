"""Compare ways of transfer learning on the user's own images, all on the same folds.

The room hands out `compare_strategies` and its result `StrategyComparison`; the strategies that it
compares by default (`default_strategies`; `QUICK_STRATEGIES` names those that train no layers of
the network); `expected_seconds`, which says beforehand how long the others will take;
`ModelScore`, which says of one finished model what a comparison says of its best strategy;
`ImagePredictions`, which both have; `RawPixels`, the transformer that embeddings must beat; and
`in_double_precision`, the function of a step of these strategies that changes no number.
"""

from sklearn_tl._choices import QUICK_STRATEGIES
from sklearn_tl.comparison.compare import compare_strategies
from sklearn_tl.comparison.duration import expected_seconds
from sklearn_tl.comparison.image_predictions import ImagePredictions
from sklearn_tl.comparison.model_score import ModelScore
from sklearn_tl.comparison.raw_pixels import RawPixels
from sklearn_tl.comparison.result import StrategyComparison
from sklearn_tl.comparison.strategies import default_strategies, in_double_precision

__all__ = [
    "ImagePredictions",
    "ModelScore",
    "QUICK_STRATEGIES",
    "RawPixels",
    "StrategyComparison",
    "compare_strategies",
    "default_strategies",
    "expected_seconds",
    "in_double_precision",
]
