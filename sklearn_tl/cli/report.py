"""The report of a study: one page of HTML that contains its pictures, and files beside it."""

import html
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sklearn.utils import estimator_html_repr

from sklearn_tl._utils import num_samples, replacing, safe_indexing
from sklearn_tl.cli.messages import in_report
from sklearn_tl.cli.report_classes import class_sections
from sklearn_tl.cli.report_duplicates import duplicates_section
from sklearn_tl.cli.report_errors import errors_section
from sklearn_tl.cli.report_labels import suspicious_section
from sklearn_tl.cli.report_numbers import number_sections
from sklearn_tl.cli.report_page import (
    page,
    picture,
    preformatted,
    section,
    table,
    without_scripts,
)
from sklearn_tl.cli.report_pictures import SURENESS, pictures, png, smaller
from sklearn_tl.cli.report_several_labels import label_section
from sklearn_tl.cli.report_subject import Subject, section_without
from sklearn_tl.cli.report_sureness import sureness_parts
from sklearn_tl.comparison import StrategyComparison
from sklearn_tl.extractor import ConvFeatureExtractor

PAGE = "report.html"
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

    Returns
    -------
    page : Path
        The HTML file. The pictures are in the same folder, as PNG files, and so are the lists, as
        CSV files.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    subject = Subject.of(comparison, extractor.read_images(X), y)
    if len(comparison.kept_) < num_samples(X):  # pictures are of the images that were compared
        X, y = (safe_indexing(values, comparison.kept_) for values in (X, y))
    sections = [section("Which strategy to take", preformatted(in_report(comparison.summary())))]
    for name, heading, figure in pictures(comparison, X, y, extractor):
        data = png(figure)
        _write(folder / f"{name}.png", data)
        parts = sureness_parts(comparison) if heading == SURENESS else []
        sections.append(section(heading, picture(smaller(data), heading), *parts))
    sections += _sections_of_predictions(subject, folder)
    sections.append(duplicates_section(subject, folder))
    sections += _sections_of_strategies(comparison)
    if left_out:
        items = "".join(f"<li>{html.escape(text)}</li>" for text in left_out)
        sections.append(section(f"Left out: {len(left_out)}", f"<ul>{items}</ul>"))
    _write(folder / PAGE, page(title, filter(None, sections)))
    return folder / PAGE


def _sections_of_predictions(subject: Subject, folder: Path) -> Iterator[str]:
    """Yield what the best strategy predicts for each image, and write the lists."""
    if subject.comparison.task_ == "regression":
        yield from number_sections(subject)
        yield errors_section(subject, folder)
        return
    if subject.probabilities is None:  # the picture is missing, too
        try:
            subject.comparison.calibration()
        except ValueError as error:
            yield section_without(SURENESS, error)
    if subject.comparison.task_ == "multilabel":
        yield label_section(subject)
    else:
        yield from class_sections(subject)
    yield errors_section(subject, folder)
    yield suspicious_section(subject, folder)


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


def _write(path: Path, data: bytes) -> None:
    with replacing(path) as part:
        part.write_bytes(data)
