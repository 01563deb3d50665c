"""The pictures of a report, drawn by the room `inspection`."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image
from sklearn.metrics import PredictionErrorDisplay

from sklearn_tl.cli.report_sureness import draw_sureness
from sklearn_tl.comparison import ModelScore, StrategyComparison
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.images import ImageSequence
from sklearn_tl.inspection import (
    EmbeddingDisplay,
    LabelScoresDisplay,
    PredictionGridDisplay,
    StrategyCurvesDisplay,
    StrategyDisplay,
    TrainingHistoryDisplay,
)

DPI = 110
BY_OTHERS = ", each predicted by a model that was trained on the other folds"
WORST = {
    "classification": "The most confident errors",
    "multilabel": "The most confident errors (+ wrongly added, − missed)",
    "regression": "The largest errors",
}
UNSURE = "The least confident predictions"
SURENESS = "How sure the answers are"
MOST_TARGETS = 4  # that have a picture of their own


def pictures(
    comparison: StrategyComparison, X: Any, y: Any, extractor: ConvFeatureExtractor
) -> Iterator[tuple[str, str, Any]]:
    """Yield (file name, heading, figure) of each picture."""
    yield "strategies", "Scores and cost", StrategyDisplay.from_results(comparison).figure_
    if len(set(comparison.results_["train_size"])) > 1:
        curves = StrategyCurvesDisplay.from_results(comparison)
        yield "curves", "Scores by the number of training images", curves.figure_
    yield embedding_map(comparison, X, y, extractor)
    yield from pictures_of_predictions(comparison, extractor.read_images(X), y, BY_OTHERS)
    if getattr(comparison.best_estimator_, "history_", None):
        history = TrainingHistoryDisplay.from_estimator(comparison.best_estimator_)
        yield "history", "Training of the best strategy on all images", history.figure_


def embedding_map(
    results: StrategyComparison | ModelScore, X: Any, y: Any, extractor: ConvFeatureExtractor
) -> tuple[str, str, Any]:
    """Return the picture of the embeddings."""
    points = EmbeddingDisplay.from_estimator(
        extractor, X, y, method="tsne", thumbnails=True, **_targets(results)
    )
    return "embeddings", "Map of the embeddings", points.figure_


def pictures_of_predictions(
    results: StrategyComparison | ModelScore, images: ImageSequence, y: Any, by: str = ""
) -> Iterator[tuple[str, str, Any]]:
    """Yield the pictures of what a model, or the best strategy, predicts for all images.

    Parameters
    ----------
    results : StrategyComparison or ModelScore
        Without predictions for all images, there are no pictures.
    images : ImageSequence
    y : targets
        The true values.
    by : str, default=""
        What a heading adds about where the predictions come from.
    """
    best, is_regression = results.best_strategy_, results.task_ == "regression"
    of = results.predictions_ if is_regression else results.probabilities_
    if best not in of:
        return
    if is_regression:
        figure = predicted_against_actual(np.asarray(y), of[best], results.target_names_)
        n = len(results.target_names_)
        which = f" of the first {MOST_TARGETS} of {n} numbers" if n > MOST_TARGETS else ""
        yield "predicted", f"Predicted against actual values{which}{by}", figure
    elif results.task_ == "multilabel":
        names = results.target_names_
        scores = LabelScoresDisplay.from_predictions(y, of[best], target_names=names)
        yield "labels", f"Average precision of each label{by}", scores.figure_
    headings = {"wrong": WORST[results.task_]} | ({} if is_regression else {"unsure": UNSURE})
    for show, heading in headings.items():
        grid = PredictionGridDisplay.from_predictions(
            images,
            y,
            of[best],
            classes=results.classes_,
            show=show,
            n_images=12,
            **_targets(results),
        )
        yield show, f"{heading}{by}", grid.figure_
    if not is_regression:
        yield "sureness", SURENESS, draw_sureness(results)


def _targets(results: StrategyComparison | ModelScore) -> dict[str, Any]:
    return {"task": results.task_, "target_names": results.target_names_ or None}


def predicted_against_actual(y: np.ndarray, predicted: np.ndarray, names: list[str]) -> Any:
    """Draw predicted against actual values, for each of the first targets."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    truth, predicted = y.reshape(len(y), -1), predicted.reshape(len(y), -1)
    n = min(MOST_TARGETS, truth.shape[1])
    columns = min(2, n)
    rows = -(-n // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(4.5 * columns, 4.5 * rows), layout="constrained", squeeze=False
    )
    for unused in axes.flat[n:]:
        unused.set_axis_off()
    for j, ax in enumerate(axes.flat[:n]):
        PredictionErrorDisplay.from_predictions(
            truth[:, j],
            predicted[:, j],
            kind="actual_vs_predicted",
            subsample=None,
            ax=ax,
            scatter_kwargs={"alpha": 0.5},
        )
        ax.set_title(names[j], parse_math=False)
        for axis in (ax.xaxis, ax.yaxis):  # scikit-learn's ticks are at no round numbers
            axis.set_major_locator(MaxNLocator(5))
    return figure


def png(figure: Any) -> bytes:
    """Return a figure as a PNG file, and close it."""
    import matplotlib.pyplot as plt

    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=DPI)
    plt.close(figure)
    return buffer.getvalue()


def smaller(data: bytes) -> bytes:
    """Return a PNG file, or a JPEG file of the same picture if that is smaller: photographs are."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        image.convert("RGB").save(buffer, "JPEG", quality=85)
    return min(data, buffer.getvalue(), key=len)
