"""How sure the answers are: figures for each strategy, and a picture."""

from typing import Any

from sklearn_tl.cli.report_page import paragraph, table
from sklearn_tl.comparison import ModelScore, StrategyComparison
from sklearn_tl.inspection import CoverageDisplay, ReliabilityDisplay

ERROR = 0.02  # of answers that nobody looks at
COLUMNS = {
    "log_loss": "log loss",
    "brier_score": "Brier score",
    "expected_calibration_error": "expected calibration error",
    "calibration_error_by_chance": "the same by chance",
    "mean_confidence": "mean confidence",
    "accuracy": "accuracy",
}


def sureness_parts(comparison: StrategyComparison | ModelScore) -> list[str]:
    """Return the table of the strategies with probabilities, and what follows from it.

    Raises
    ------
    ValueError
        If the best strategy has no probabilities for all images.
    """
    best = comparison.calibration()
    reports = {name: comparison.calibration(name) for name in comparison.probabilities_}
    rows = ([name, *(getattr(report, c) for c in COLUMNS)] for name, report in reports.items())
    what = "model" if isinstance(comparison, ModelScore) else "strategy"
    parts = [
        table([what, *COLUMNS.values()], rows),
        paragraph(f"{comparison.best_strategy_}: {best.summary()}"),
    ]
    others = [name for name in comparison.strategies_ if name not in reports]
    if others:
        parts.append(paragraph(f"Without probabilities: {', '.join(others)}."))
    if comparison.task_ == "classification":
        parts.append(paragraph(comparison.threshold_for_error(ERROR).summary()))
    return parts


def draw_sureness(comparison: StrategyComparison | ModelScore) -> Any:
    """Draw how far the probabilities of the best strategy are right, and its coverage.

    Returns
    -------
    figure : matplotlib Figure
    """
    import matplotlib.pyplot as plt

    if comparison.task_ == "multilabel":  # an image with several labels is not right or wrong
        return ReliabilityDisplay.from_results(comparison).figure_
    figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.5), layout="constrained")
    ReliabilityDisplay.from_results(comparison, ax=axes[0])
    CoverageDisplay.from_results(comparison, ax=axes[1])
    return figure
