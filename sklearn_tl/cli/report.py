"""The report of a study: one page of HTML that contains its pictures, which are also PNG files."""

import base64
import html
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import PredictionErrorDisplay
from sklearn.utils import estimator_html_repr

from sklearn_tl._utils import replacing
from sklearn_tl.comparison import StrategyComparison
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.inspection import (
    EmbeddingDisplay,
    LabelScoresDisplay,
    PredictionGridDisplay,
    StrategyCurvesDisplay,
    StrategyDisplay,
    TrainingHistoryDisplay,
)

PAGE = "report.html"
DPI = 110
COLUMNS = {
    "strategy": "strategy",
    "train_size": "training images",
    "mean_test_score": "mean score",  # whose name comes from the comparison
    "std_test_score": "standard deviation",
    "rank_test_score": "rank",
    "mean_fit_time": "seconds per fit",
    "mean_score_time": "seconds per test",
    "frozen_time": "seconds in frozen layers",
    "n_trainable_parameters": "trained parameters",
    "pickle_size": "bytes of the pickle",
}
BY_OTHERS = "each predicted by a model that was trained on the other folds"
WORST = {
    "classification": f"The most confident errors, {BY_OTHERS}",
    "multilabel": f"The most confident errors (+ wrongly added, − missed), {BY_OTHERS}",
    "regression": f"The largest errors, {BY_OTHERS}",
}
UNSURE = f"The least confident predictions, {BY_OTHERS}"
MOST_TARGETS = 4  # that have a picture of their own
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto;
       padding: 0 1rem; }
h1, h2 { line-height: 1.2; } img { max-width: 100%; height: auto; }
pre { background: #f4f4f4; padding: 1rem; overflow-x: auto; white-space: pre-wrap; }
table { border-collapse: collapse; font-size: 0.9rem; display: block; overflow-x: auto; }
th, td { padding: 0.3rem 0.7rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child { text-align: left; }
"""


def write_report(
    folder: str | os.PathLike,
    comparison: StrategyComparison,
    X: Any,
    y: Any,
    *,
    title: str,
    extractor: ConvFeatureExtractor,
    left_out: Sequence[str] = (),
) -> Path:
    """Write the report of a comparison.

    Parameters
    ----------
    folder : path
        Created if it does not exist.
    comparison : StrategyComparison
    X, y : images and targets
        The ones that were compared. `y` may also be a table.
    title : str
    extractor : ConvFeatureExtractor
        Fitted. It makes the embeddings of the map, and reads the images for all pictures.
    left_out : sequence of str
        One sentence about each image or class that is not part of the comparison.

    Returns
    -------
    page : Path
        The HTML file. The pictures are in the same folder, as PNG files.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    sections = [_section("Which strategy to take", _preformatted(comparison.summary()))]
    for name, heading, figure in _pictures(comparison, X, y, extractor):
        data = _png(figure)
        _write(folder / f"{name}.png", data)
        encoded = base64.b64encode(data).decode()
        image = f'<img alt="{html.escape(heading)}" src="data:image/png;base64,{encoded}">'
        sections.append(_section(heading, image))
    if comparison.mean_absolute_errors_:
        sections.append(_section("Mean absolute errors", _table_of_errors(comparison)))
    figures = _table(comparison.results_, comparison.score_name_)
    sections.append(_section("All figures", figures))
    sections.append(
        _section(
            f"The best strategy: {comparison.best_strategy_}",
            estimator_html_repr(comparison.best_estimator_),
        )
    )
    if left_out:
        items = "".join(f"<li>{html.escape(text)}</li>" for text in left_out)
        sections.append(_section(f"Left out: {len(left_out)}", f"<ul>{items}</ul>"))
    title = html.escape(title)
    page = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n'
        f"<body><h1>{title}</h1>\n" + "\n".join(sections) + "\n</body></html>\n"
    )
    # Names of files may be any bytes, and not all of them are UTF-8.
    _write(folder / PAGE, page.encode(errors="backslashreplace"))
    return folder / PAGE


def _pictures(
    comparison: StrategyComparison, X: Any, y: Any, extractor: ConvFeatureExtractor
) -> Iterator[tuple[str, str, Any]]:
    """Yield (file name, heading, figure) of each picture."""
    yield "strategies", "Scores and cost", StrategyDisplay.from_results(comparison).figure_
    if len(set(comparison.results_["train_size"])) > 1:
        curves = StrategyCurvesDisplay.from_results(comparison)
        yield "curves", "Scores by the number of training images", curves.figure_
    targets: dict[str, Any] = {
        "task": comparison.task_,
        "target_names": comparison.target_names_ or None,
    }
    points = EmbeddingDisplay.from_estimator(
        extractor, X, y, method="tsne", thumbnails=True, **targets
    )
    yield "embeddings", "Map of the embeddings", points.figure_
    yield from _pictures_of_predictions(comparison, X, y, extractor, targets)
    if getattr(comparison.best_estimator_, "history_", None):
        history = TrainingHistoryDisplay.from_estimator(comparison.best_estimator_)
        yield "history", "Training of the best strategy on all images", history.figure_


def _pictures_of_predictions(
    comparison: StrategyComparison,
    X: Any,
    y: Any,
    extractor: ConvFeatureExtractor,
    targets: dict[str, Any],
) -> Iterator[tuple[str, str, Any]]:
    """Yield the pictures of what the best strategy predicts, if it was asked about all images."""
    best, is_regression = comparison.best_strategy_, comparison.task_ == "regression"
    of = comparison.predictions_ if is_regression else comparison.probabilities_
    if best not in of:
        return
    if is_regression:
        figure = predicted_against_actual(np.asarray(y), of[best], comparison.target_names_)
        n = len(comparison.target_names_)
        which = f" of the first {MOST_TARGETS} of {n} numbers" if n > MOST_TARGETS else ""
        yield "predicted", f"Predicted against actual values{which}, {BY_OTHERS}", figure
    elif comparison.task_ == "multilabel":
        names = comparison.target_names_
        scores = LabelScoresDisplay.from_predictions(y, of[best], target_names=names)
        yield "labels", f"Average precision of each label, {BY_OTHERS}", scores.figure_
    images = extractor.read_images(X)
    headings = {"wrong": WORST[comparison.task_]} | ({} if is_regression else {"unsure": UNSURE})
    for show, heading in headings.items():
        grid = PredictionGridDisplay.from_predictions(
            images, y, of[best], classes=comparison.classes_, show=show, n_images=12, **targets
        )
        yield show, heading, grid.figure_


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


def _png(figure):
    import matplotlib.pyplot as plt

    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=DPI)
    plt.close(figure)
    return buffer.getvalue()


def _write(path, data):
    with replacing(path) as part:
        part.write_bytes(data)


def _section(heading, body):
    return f"<h2>{html.escape(heading)}</h2>\n{body}"


def _preformatted(text):
    return f"<pre>{html.escape(text)}</pre>"


def _table(results, score_name):
    labels = COLUMNS | {"mean_test_score": f"{score_name} (mean)"}
    return _rows(labels.values(), zip(*(results[name] for name in COLUMNS), strict=True))


def _table_of_errors(comparison):
    """Return how far each strategy is off on average, in the units of each target."""
    errors = comparison.mean_absolute_errors_ | {
        "(always the mean of the training images)": comparison.dummy_absolute_error_
    }
    rows = ([name, *(f"{error:,.4g}" for error in of_name)] for name, of_name in errors.items())
    return _rows(["strategy", *comparison.target_names_], rows)


def _rows(labels, rows):
    head = "".join(f"<th>{html.escape(label)}</th>" for label in labels)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(_text(x))}</td>" for x in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(x):
    if isinstance(x, str):
        return x
    if float(x).is_integer():
        return f"{int(x):,}"
    return f"{x:,.3f}" if abs(x) < 1000 else f"{x:,.0f}"
