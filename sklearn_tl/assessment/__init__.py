"""What predictions for images that a model was not trained on say about the data and the model.

All functions take arrays: true labels beside out-of-fold predictions or probabilities.
`find_label_errors` lists labels that are probably wrong. `class_report` and `error_report` say how
good the predictions are, per class or by the size of the true number. `calibration_report` says
whether probabilities can be taken at their word, and `apply_temperature` corrects them.
`coverage_curve` and `threshold_for_error` say how many images can be answered with few errors.
`score_interval`, `selection_bias` and `paired_bootstrap` say how much of a score or of a
difference is chance, and `extrapolate` what more images would bring.
"""

from sklearn_tl.assessment.calibration import Calibration, calibration_report
from sklearn_tl.assessment.coverage import (
    CoverageCurve,
    Threshold,
    coverage_curve,
    threshold_for_error,
)
from sklearn_tl.assessment.label_errors import LabelErrors, find_label_errors
from sklearn_tl.assessment.learning_curve import Extrapolation, extrapolate
from sklearn_tl.assessment.novelty import Novelty
from sklearn_tl.assessment.per_class import ClassReport, class_report
from sklearn_tl.assessment.regression_errors import ErrorReport, error_report
from sklearn_tl.assessment.scores import ScoreInterval, score_interval
from sklearn_tl.assessment.selection import (
    ChosenScore,
    Difference,
    paired_bootstrap,
    selection_bias,
)
from sklearn_tl.assessment.temperature import apply_temperature

__all__ = [
    "Calibration",
    "ChosenScore",
    "ClassReport",
    "CoverageCurve",
    "Difference",
    "ErrorReport",
    "Extrapolation",
    "LabelErrors",
    "Novelty",
    "ScoreInterval",
    "Threshold",
    "apply_temperature",
    "calibration_report",
    "class_report",
    "coverage_curve",
    "error_report",
    "extrapolate",
    "find_label_errors",
    "paired_bootstrap",
    "score_interval",
    "selection_bias",
    "threshold_for_error",
]
