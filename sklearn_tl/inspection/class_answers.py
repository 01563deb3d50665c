"""One class per image: the surest errors, and titles with the class and its probability."""

import textwrap
from typing import Any, Self

import numpy as np

from sklearn_tl.inspection.answers import Answers
from sklearn_tl.inspection.drawing import shortened


class ClassAnswers(Answers):
    """The predicted class of each image, its probability, and the true class."""

    task = "classification"
    no_errors = "No image is misclassified"

    @classmethod
    def read(cls, n_images: int, y_true: Any, probabilities: Any, classes: Any) -> Self:
        """Return the answers that probabilities (n_images, n_classes) stand for."""
        y_true, probabilities = np.asarray(y_true), np.asarray(probabilities)
        classes = np.unique(y_true) if classes is None else np.asarray(classes)
        expected = (n_images, len(classes))
        if probabilities.shape != expected or y_true.shape != expected[:1]:
            raise ValueError(
                f"Found {n_images} images, labels of shape {y_true.shape}, probabilities of "
                f"shape {probabilities.shape} and {len(classes)} classes. Expected one label per "
                "image, and probabilities of shape (n_images, n_classes). If a class has no image "
                "in y_true, pass classes=."
            )
        return cls(y_true, classes[probabilities.argmax(axis=1)], probabilities.max(axis=1))

    def _wrong(self) -> np.ndarray:
        wrong = np.flatnonzero(self.y_pred != self.y_true)
        return wrong[np.argsort(-self._sure()[wrong], kind="stable")]

    def _unsure(self) -> np.ndarray:
        return np.argsort(self._sure(), kind="stable")

    def _sure(self) -> np.ndarray:
        assert self.confidences is not None  # `read` sets them
        return self.confidences

    def title(self, i: int) -> str:
        """Return the predicted class, and the true one if it is another."""
        right = self.y_pred[i] == self.y_true[i]
        sure = "" if self.confidences is None else f" ({self.confidences[i]:.2f})"
        predicted = textwrap.fill(f"{'✓' if right else '✗'} {shortened(self.y_pred[i])}{sure}", 30)
        return predicted if right else f"{predicted}\ntrue: {shortened(self.y_true[i], 24)}"
