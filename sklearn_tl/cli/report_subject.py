"""What the sections of a report are about: predictions, their images and the true values."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sklearn_tl.answers import number
from sklearn_tl.cli.report_images import ReportImages
from sklearn_tl.cli.report_page import paragraph, section
from sklearn_tl.comparison import ModelScore, StrategyComparison
from sklearn_tl.images import ImageSequence
from sklearn_tl.targets import Multiclass, read_targets


@dataclass(frozen=True, eq=False)
class Subject:
    """Predictions, and the images that they are about.

    Parameters
    ----------
    results : StrategyComparison or ModelScore
        The predictions of the best strategy of a study, or of one model.
    images : ReportImages
        Those that were predicted: the predictions count these.
    every : ReportImages
        All of the user's X, also copies that were left out.
    truth : ndarray of shape (n_images,) or (n_images, n_outputs)
        The true labels, indicator matrix or numbers of `images`.
    every_truth : ndarray
        The same of `every`.
    """

    results: StrategyComparison | ModelScore
    images: ReportImages
    every: ReportImages
    truth: np.ndarray
    every_truth: np.ndarray

    @classmethod
    def of(cls, comparison: StrategyComparison, images: ImageSequence, y: Any) -> Self:
        """Return the subject of a comparison, for all of the user's images and targets."""
        task, targets = read_targets(y, len(images), comparison.task_)
        truth = task.classes[targets] if isinstance(task, Multiclass) else targets
        kept = comparison.kept_
        return cls(
            comparison,
            ReportImages(images.take(kept)),
            ReportImages(images),
            truth[kept],
            truth,
        )

    @classmethod
    def of_model(cls, score: ModelScore, images: ImageSequence, truth: np.ndarray) -> Self:
        """Return the subject of one model, for images and their true values."""
        shown = ReportImages(images)
        return cls(score, shown, shown, truth, truth)

    @property
    def predicted(self) -> np.ndarray | None:
        """The predictions of the best strategy, if it was asked about all images."""
        return self.results.predictions_.get(self.results.best_strategy_)

    @property
    def probabilities(self) -> np.ndarray | None:
        """The probabilities of the best strategy, if it has any for all images."""
        return self.results.probabilities_.get(self.results.best_strategy_)

    def words(self, value: Any) -> str:
        """Return a true or predicted value as text: a class, the labels, or the numbers."""
        if self.results.task_ == "classification":
            return str(value)
        row, names = np.ravel(value), self.results.target_names_
        if self.results.task_ == "multilabel":
            return ", ".join(names[j] for j in np.flatnonzero(row)) or "no label"
        return ", ".join(number(x) for x in row)


def section_without(heading: str, reason: Exception | str) -> str:
    """Return a section that says why it is empty."""
    return section(heading, paragraph(f"Left out: {reason}"))
