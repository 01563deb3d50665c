"""What a model says about images and what is true, for the grid of predictions."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np


@dataclass(frozen=True, eq=False)
class Answers(ABC):
    """Predictions for images with the true values. There is one subclass per task.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_images,) or (n_images, n_outputs)
    confidences : ndarray of shape (n_images,) or (n_images, n_labels), or None
        Probability of the predicted class, or of each label.
    names : list of str or None
        Names of the labels or of the numbers.
    """

    y_true: Any
    y_pred: Any
    confidences: np.ndarray | None = None
    names: list[str] | None = None

    task: ClassVar[str]
    orders: ClassVar[tuple[str, ...]] = ("wrong", "unsure", "first")
    no_errors: ClassVar[str] = ""

    def order(self, show: str) -> np.ndarray:
        """Return the positions of the images to show, in order."""
        if show == "first":
            return np.arange(len(self.y_true))
        return self._wrong() if show == "wrong" else self._unsure()

    def take(self, positions: np.ndarray) -> Self:
        """Return the answers about some images."""
        sure = None if self.confidences is None else self.confidences[positions]
        y_true, y_pred = self.y_true[positions], self.y_pred[positions]
        return replace(self, y_true=y_true, y_pred=y_pred, confidences=sure)

    @abstractmethod
    def title(self, i: int) -> str:
        """Return the words above an image."""

    @abstractmethod
    def _wrong(self) -> np.ndarray:
        """Return the positions of the images with errors, the worst first."""

    @abstractmethod
    def _unsure(self) -> np.ndarray:
        """Return the positions of all images, those with the least sure predictions first."""
