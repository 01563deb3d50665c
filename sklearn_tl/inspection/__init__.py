"""Pictures in scikit-learn's form, and maps of what a network looks at.

The displays show a training, embeddings, predictions, how sure they are, and a comparison of
strategies.
`class_activation_maps` returns which parts of an image speak for a class.
`map_picture` draws them into a picture of the image, and `picture_of` is the picture without them.
`require_matplotlib` says what to install, for commands that will draw later. `thumbnail` and
`short_path` make small pictures of images and short names of files.
"""

from sklearn_tl.inspection.activation_maps import class_activation_maps
from sklearn_tl.inspection.coverage import CoverageDisplay
from sklearn_tl.inspection.display import require_matplotlib
from sklearn_tl.inspection.drawing import short_path, thumbnail
from sklearn_tl.inspection.embedding_map import EmbeddingDisplay
from sklearn_tl.inspection.label_scores import LabelScoresDisplay
from sklearn_tl.inspection.map_pictures import map_picture, picture_of
from sklearn_tl.inspection.prediction_grid import PredictionGridDisplay
from sklearn_tl.inspection.reliability import ReliabilityDisplay
from sklearn_tl.inspection.strategy_curves import StrategyCurvesDisplay
from sklearn_tl.inspection.strategy_scores import StrategyDisplay
from sklearn_tl.inspection.training_history import TrainingHistoryDisplay

__all__ = [
    "CoverageDisplay",
    "EmbeddingDisplay",
    "LabelScoresDisplay",
    "PredictionGridDisplay",
    "ReliabilityDisplay",
    "StrategyCurvesDisplay",
    "StrategyDisplay",
    "TrainingHistoryDisplay",
    "class_activation_maps",
    "map_picture",
    "picture_of",
    "require_matplotlib",
    "short_path",
    "thumbnail",
]
