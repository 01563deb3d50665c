"""What each public name is, for type checkers, and where to load it from when it is first used."""

from . import (
    annotation as annotation,
    answers as answers,
    assessment as assessment,
    backbones as backbones,
    cache as cache,
    card as card,
    comparison as comparison,
    datasets as datasets,
    duplicates as duplicates,
    embedding as embedding,
    export as export,
    finetuning as finetuning,
    images as images,
    inspection as inspection,
    linear as linear,
    persistence as persistence,
    targets as targets,
)
from .backbones import list_backbones as list_backbones
from .cache import (
    cache_info as cache_info,
    clear_cache as clear_cache,
    limit_cache as limit_cache,
)
from .classifier import FineTuneClassifier as FineTuneClassifier
from .comparison import (
    StrategyComparison as StrategyComparison,
    compare_strategies as compare_strategies,
)
from .duplicates import (
    Duplicates as Duplicates,
    find_duplicates as find_duplicates,
)
from .export import (
    export_onnx as export_onnx,
    to_module as to_module,
)
from .extractor import ConvFeatureExtractor as ConvFeatureExtractor
from .images import (
    ImageWarning as ImageWarning,
    LazyImages as LazyImages,
    check_images as check_images,
)
from .inspection import (
    CoverageDisplay as CoverageDisplay,
    EmbeddingDisplay as EmbeddingDisplay,
    LabelScoresDisplay as LabelScoresDisplay,
    PredictionGridDisplay as PredictionGridDisplay,
    ReliabilityDisplay as ReliabilityDisplay,
    StrategyCurvesDisplay as StrategyCurvesDisplay,
    StrategyDisplay as StrategyDisplay,
    TrainingHistoryDisplay as TrainingHistoryDisplay,
    class_activation_maps as class_activation_maps,
)
from .labelling import rank_for_labelling as rank_for_labelling
from .persistence import (
    load as load,
    read_card as read_card,
    save as save,
)
from .regressor import FineTuneRegressor as FineTuneRegressor
from .transfer_classifier import TransferClassifier as TransferClassifier
from .transfer_regressor import TransferRegressor as TransferRegressor

__version__: str
