"""Several labels per image: titles name those that are wrongly added, and those that are missed."""

from typing import Any, Self

import numpy as np

from sklearn_tl.inspection.answers import Answers
from sklearn_tl.inspection.drawing import shortened
from sklearn_tl.inspection.reading import check_shape, indicator_matrix, names_of_outputs

MOST = 3  # wrong labels that a title names
WIDTH = 34  # characters of a title
NEAR_HALF = 0.1


class LabelAnswers(Answers):
    """The predicted labels of each image, the probability of each label, and the true labels."""

    task = "multilabel"
    no_errors = "No label is wrong"

    @classmethod
    def read(cls, n_images: int, y_true: Any, probabilities: Any, names: Any) -> Self:
        """Return the answers that probabilities (n_images, n_labels) stand for."""
        truth = indicator_matrix(y_true)
        probabilities = np.asarray(probabilities)
        check_shape(truth, n_images, "an indicator matrix (n_images, n_labels)")
        if probabilities.shape != truth.shape:
            raise ValueError(
                f"Found probabilities of shape {probabilities.shape} and y_true of shape "
                f"{truth.shape}. Expected one column per label in both."
            )
        named = names_of_outputs(y_true, names, truth.shape[1], "label")
        return cls(truth, (probabilities > 0.5).astype(int), probabilities, named)

    def _wrong(self) -> np.ndarray:
        is_wrong = self.y_pred != self.y_true
        worst = np.where(is_wrong, np.abs(self._sure() - self.y_true), 0).max(axis=1)
        order = np.argsort(-worst, kind="stable")
        return order[is_wrong[order].any(axis=1)]

    def _unsure(self) -> np.ndarray:
        return np.argsort(np.abs(self._sure() - 0.5).min(axis=1), kind="stable")

    def _sure(self) -> np.ndarray:
        """Return the probabilities, or 0 and 1 if they are not known."""
        return np.asarray(self.y_pred if self.confidences is None else self.confidences, float)

    def title(self, i: int) -> str:
        """Return the wrong labels, the most confident first; or all labels if they are right."""
        truth, predicted = np.asarray(self.y_true[i]), np.asarray(self.y_pred[i])
        sure = self._sure()[i]
        wrong = np.flatnonzero(predicted != truth)
        wrong = wrong[np.argsort(-np.abs(sure - truth)[wrong], kind="stable")]
        lines = [self._label(i, j, "+" if predicted[j] else "−") for j in wrong[:MOST].tolist()]
        if len(wrong) > MOST:
            lines.append(f"and {len(wrong) - MOST} more")
        if len(wrong) == 0:
            names = [self._name(j) for j in np.flatnonzero(truth).tolist()]
            lines = [shortened(f"✓ {', '.join(names) or 'no label'}", WIDTH)]
        least = int(np.abs(sure - 0.5).argmin())
        is_near = abs(sure[least] - 0.5) < NEAR_HALF
        is_named = self.confidences is None or least in wrong[:MOST]
        if not is_named and (is_near or len(wrong) == 0):
            lines.append(self._label(i, least, "least sure: "))
        return "\n".join(lines)

    def _label(self, i: int, j: int, before: str) -> str:
        sure = "" if self.confidences is None else f" ({self.confidences[i][j]:.2f})"
        return f"{before}{shortened(self._name(j), WIDTH - len(before) - len(sure))}{sure}"

    def _name(self, j: int) -> str:
        return f"label {j}" if self.names is None else str(self.names[j])
