"""What the sections of a report are about: a comparison, its images and their true values."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sklearn_tl.cli.answers import number
from sklearn_tl.cli.report_images import ReportImages
from sklearn_tl.cli.report_page import paragraph, section
from sklearn_tl.comparison import StrategyComparison
from sklearn_tl.images import ImageSequence
from sklearn_tl.targets import Multiclass, read_targets


@dataclass(frozen=True, eq=False)
class Subject:
    """A comparison, and the images that it is about.

    Parameters
    ----------
    comparison : StrategyComparison
    images : ReportImages
        Those that were compared: the predictions count these.
    every : ReportImages
        All of the user's X, also copies that were left out.
    truth : ndarray of shape (n_images,) or (n_images, n_outputs)
        The true labels, indicator matrix or numbers of `images`.
    every_truth : ndarray
        The same of `every`.
    """

    comparison: StrategyComparison
    images: ReportImages
    every: ReportImages
    truth: np.ndarray
    every_truth: np.ndarray

    @classmethod
    def of(cls, comparison: StrategyComparison, images: ImageSequence, y: Any) -> Self:
        """Return the subject for all of the user's images and targets."""
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

    @property
    def predicted(self) -> np.ndarray | None:
        """The predictions of the best strategy, if it was asked about all images."""
        return self.comparison.predictions_.get(self.comparison.best_strategy_)

    @property
    def probabilities(self) -> np.ndarray | None:
        """The probabilities of the best strategy, if it has any for all images."""
        return self.comparison.probabilities_.get(self.comparison.best_strategy_)

    def words(self, value: Any) -> str:
        """Return a true or predicted value as text: a class, the labels, or the numbers."""
        if self.comparison.task_ == "classification":
            return str(value)
        row, names = np.ravel(value), self.comparison.target_names_
        if self.comparison.task_ == "multilabel":
            return ", ".join(names[j] for j in np.flatnonzero(row)) or "no label"
        return ", ".join(number(x) for x in row)


def section_without(heading: str, reason: Exception | str) -> str:
    """Return a section that says why it is empty."""
    return section(heading, paragraph(f"Left out: {reason}"))
