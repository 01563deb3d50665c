"""The report of a study: one page of HTML that contains its pictures, and files beside it."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sklearn.utils import estimator_html_repr

from sklearn_tl._utils import num_samples, safe_indexing
from sklearn_tl.card import card_of_study
from sklearn_tl.cli.messages import in_report
from sklearn_tl.cli.report_card import card_section
from sklearn_tl.cli.report_duplicates import duplicates_section
from sklearn_tl.cli.report_page import (
    preformatted,
    section,
    table,
    without_scripts,
)
from sklearn_tl.cli.report_parts import left_out_section, picture_sections, write_page
from sklearn_tl.cli.report_pictures import pictures
from sklearn_tl.cli.report_predictions import sections_of_predictions
from sklearn_tl.cli.report_subject import Subject
from sklearn_tl.comparison import StrategyComparison
from sklearn_tl.extractor import ConvFeatureExtractor

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


def write_report(
    folder: str | os.PathLike,
    comparison: StrategyComparison,
    X: Any,
    y: Any,
    *,
    title: str,
    extractor: ConvFeatureExtractor,
    left_out: Sequence[str] = (),
    card: dict[str, Any] | None = None,
) -> Path:
    """Write the report of a comparison.

    Parameters
    ----------
    folder : path
        Created if it does not exist.
    comparison : StrategyComparison
    X, y : images and targets
        As they were passed to the comparison. `y` may also be a table.
    title : str
    extractor : ConvFeatureExtractor
        Fitted. It makes the embeddings of the map, and reads the images for all pictures.
    left_out : sequence of str
        One sentence about each image or class that is not part of the comparison.
    card : dict or None, default=None
        The model card, as `sklearn_tl.card.card_of_study` returns it. None makes it here.

    Returns
    -------
    page : Path
        The HTML file. The pictures are in the same folder, as PNG files, and so are the lists, as
        CSV files, and the model card, as Markdown.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if card is None:
        card = card_of_study(comparison, y, name=title, left_out=left_out)
    subject = Subject.of(comparison, extractor.read_images(X), y)
    if len(comparison.kept_) < num_samples(X):  # pictures are of the images that were compared
        X, y = (safe_indexing(values, comparison.kept_) for values in (X, y))
    sections = [section("Which strategy to take", preformatted(in_report(comparison.summary())))]
    sections += picture_sections(pictures(comparison, X, y, extractor), comparison, folder)
    sections += sections_of_predictions(subject, folder)
    sections.append(duplicates_section(subject, comparison.duplicates_, folder))
    sections += _sections_of_strategies(comparison)
    sections.append(left_out_section(left_out))
    sections.append(card_section(card, folder))
    return write_page(folder, title, sections)


def _sections_of_strategies(comparison: StrategyComparison) -> Iterator[str]:
    """Yield the figures of all strategies, and the best one in full."""
    if comparison.mean_absolute_errors_:
        yield section("Mean absolute errors", _table_of_errors(comparison))
    results = comparison.results_
    labels = COLUMNS | {"mean_test_score": f"{comparison.score_name_} (mean)"}
    rows = zip(*(results[name] for name in COLUMNS), strict=True)
    yield section("All figures", table(labels.values(), rows))
    diagram = without_scripts(estimator_html_repr(comparison.best_estimator_))
    yield section(f"The best strategy: {comparison.best_strategy_}", diagram)


def _table_of_errors(comparison: StrategyComparison) -> str:
    """Return how far each strategy is off on average, in the units of each target."""
    errors = dict(comparison.mean_absolute_errors_)
    if comparison.dummy_absolute_error_ is not None:
        errors["(always the mean of the training images)"] = comparison.dummy_absolute_error_
    rows = ([name, *(f"{error:,.4g}" for error in of_name)] for name, of_name in errors.items())
    return table(["strategy", *comparison.target_names_], rows)
