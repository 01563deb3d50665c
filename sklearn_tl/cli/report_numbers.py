"""The errors of a regression over the range of each target, and the worst images."""

import numpy as np

from sklearn_tl.answers import number
from sklearn_tl.cli.report_page import paragraph, section, table
from sklearn_tl.cli.report_subject import Subject, section_without

HEADING = "Errors over the range"
MOST_WORST = 24


def number_sections(subject: Subject) -> list[str]:
    """Return the sections of a regression."""
    try:
        reports = subject.results.error_report()
    except ValueError as error:
        return [section_without(HEADING, error)]
    parts = []
    for name, report in zip(subject.results.target_names_, reports, strict=True):
        low, high = map(rounded, report.interval)
        text = (
            f"{name}: off by {rounded(report.mean_absolute_error)} on average ({low} to {high} at "
            f"{report.level:.0%}). Predictions are {rounded(abs(report.bias))} too "
            f"{'high' if report.bias > 0 else 'low'} on average. Below, one row for each fifth of "
            "the images, by the true number."
        )
        fifths = report.by_quintile
        rows = zip(
            map(number, fifths["low"]),
            map(number, fifths["high"]),
            fifths["n"].tolist(),
            map(rounded, fifths["mean_absolute_error"]),
            map(rounded, fifths["bias"]),
            strict=True,
        )
        header = ["from", "to", "images", "mean absolute error", "mean of predicted minus true"]
        parts += [paragraph(text), table(header, rows)]
    return [section(HEADING, *parts), _worst(subject)]


def rounded(x: float) -> str:
    """Return an error or a mean with four digits.

    Examples
    --------
    >>> rounded(25635.8), rounded(0.633053)
    ('25,640', '0.6331')
    """
    return f"{float(f'{x:.4g}'):,.10g}"


def worst_first(subject: Subject) -> np.ndarray:
    """Return (image, target) pairs by falling error, in standard deviations of each target."""
    truth, predicted = columns(subject)
    scale = truth.std(axis=0)
    errors = np.abs(predicted - truth) / np.where(scale > 0, scale, 1)
    order = np.argsort(-errors, axis=None, kind="stable")
    return np.column_stack(np.unravel_index(order, errors.shape))


def columns(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
    """Return the true and the predicted numbers, both of shape (n_images, n_targets)."""
    assert subject.predicted is not None  # the callers have asked before
    n = len(subject.truth)
    return subject.truth.reshape(n, -1), subject.predicted.reshape(n, -1)


def _worst(subject: Subject) -> str:
    truth, predicted = columns(subject)
    names, several = subject.results.target_names_, truth.shape[1] > 1
    header = ["image", subject.images.column, *(["target"] if several else [])]
    rows = [
        [
            subject.images.small(i),
            subject.images.name(i),
            *([names[j]] if several else []),
            *map(number, (truth[i, j], predicted[i, j], predicted[i, j] - truth[i, j])),
        ]
        for i, j in worst_first(subject)[:MOST_WORST].tolist()
    ]
    header += ["true", "predicted", "error"]
    return section("The worst images", table(header, rows, of_texts=True))
