"""The report of a comparison: pictures as PNG files, and one page of HTML that holds all of it."""

import base64
import html
import io
from pathlib import Path

from sklearn.utils import estimator_html_repr

from sklearn_tl._utils import replacing
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.inspection import (
    EmbeddingDisplay,
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
    "mean_test_score": "mean score",
    "std_test_score": "standard deviation",
    "rank_test_score": "rank",
    "mean_fit_time": "seconds of a fit",
    "mean_score_time": "seconds of a test",
    "frozen_time": "seconds in frozen layers",
    "n_trainable_parameters": "parameters trained",
    "pickle_size": "bytes of a pickle",
}
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto;
       padding: 0 1rem; }
h1, h2 { line-height: 1.2; } img { max-width: 100%; height: auto; }
pre { background: #f4f4f4; padding: 1rem; overflow-x: auto; white-space: pre-wrap; }
table { border-collapse: collapse; font-size: 0.9rem; display: block; overflow-x: auto; }
th, td { padding: 0.3rem 0.7rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child { text-align: left; }
"""


def write_report(folder, comparison, X, y, *, title, backbone, left_out=()):
    """Write the report of a comparison.

    Parameters
    ----------
    folder : path
        Made where it does not exist.
    comparison : StrategyComparison
    X, y : images and labels
        Of the comparison.
    title : str
    backbone : str, torch.nn.Module or callable
        Whose embeddings are drawn.
    left_out : sequence of str
        What is said of images that are no part of it.

    Returns
    -------
    page : Path
        Of the HTML file. The pictures lie beside it.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    sections = [_section("Which strategy", _paragraphs(comparison.summary()))]
    for name, heading, figure in _pictures(comparison, X, y, backbone):
        data = _png(figure)
        _write(folder / f"{name}.png", data)
        encoded = base64.b64encode(data).decode()
        image = f'<img alt="{html.escape(heading)}" src="data:image/png;base64,{encoded}">'
        sections.append(_section(heading, image))
    sections.append(_section("All figures", _table(comparison.results_)))
    sections.append(
        _section(
            f"The best one, {comparison.best_strategy_}",
            estimator_html_repr(comparison.best_estimator_),
        )
    )
    if left_out:
        items = "".join(f"<li>{html.escape(text)}</li>" for text in left_out)
        sections.append(_section(f"Left out: {len(left_out)} images", f"<ul>{items}</ul>"))
    title = html.escape(title)
    page = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n'
        f"<body><h1>{title}</h1>\n" + "\n".join(sections) + "\n</body></html>\n"
    )
    _write(folder / PAGE, page.encode())
    return folder / PAGE


def _pictures(comparison, X, y, backbone):
    """Yield (file name, heading, figure) of each picture."""
    display = StrategyDisplay.from_results(comparison)
    yield "strategies", "Scores and cost", display.figure_
    if len(set(comparison.results_["train_size"])) > 1:
        display = StrategyCurvesDisplay.from_results(comparison)
        yield "curves", "Scores by the number of training images", display.figure_
    display = EmbeddingDisplay.from_estimator(
        ConvFeatureExtractor(backbone), X, y, method="tsne", thumbnails=True
    )
    yield "embeddings", "Map of the embeddings", display.figure_
    probabilities = comparison.probabilities_.get(comparison.best_strategy_)
    if probabilities is not None:
        for show, heading in (("wrong", "Surest errors"), ("unsure", "Least sure")):
            display = PredictionGridDisplay.from_predictions(
                X, y, probabilities, classes=comparison.classes_, show=show, n_images=12
            )
            yield show, f"{heading}, each image predicted by the other folds", display.figure_
    if getattr(comparison.best_estimator_, "history_", None):
        display = TrainingHistoryDisplay.from_estimator(comparison.best_estimator_)
        yield "history", "Training of the best one on all images", display.figure_


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


def _paragraphs(text):
    return f"<pre>{html.escape(text)}</pre>"


def _table(results):
    head = "".join(f"<th>{html.escape(label)}</th>" for label in COLUMNS.values())
    rows = zip(*(results[name] for name in COLUMNS), strict=True)
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
