"""Numbers: the largest errors, and titles with the predicted and the true value."""

import math
from typing import Any, Self

import numpy as np

from sklearn_tl.inspection.answers import Answers
from sklearn_tl.inspection.drawing import shortened
from sklearn_tl.inspection.reading import check_shape, names_of_outputs, numbers_of

MOST = 3  # targets that a title names
WIDTH = 34  # characters of a title


class NumberAnswers(Answers):
    """The predicted numbers of each image, and the true ones."""

    task = "regression"
    orders = ("wrong", "first")

    @classmethod
    def read(cls, n_images: int, y_true: Any, predicted: Any, names: Any) -> Self:
        """Return the answers of a regression of one target or several."""
        truth, numbers = numbers_of(y_true, "y_true"), numbers_of(predicted, "predicted")
        check_shape(truth, n_images, "one number per image (n_images,) or several")
        if truth.size != numbers.size or len(truth) != len(numbers):
            raise ValueError(
                f"Found predictions of shape {numbers.shape} and y_true of shape {truth.shape}. "
                "Expected the same numbers per image in both."
            )
        shape = truth.shape[:1] if truth.size == len(truth) else truth.shape
        named = names_of_outputs(y_true, names, truth.size // max(1, n_images), "target")
        return cls(truth.reshape(shape), numbers.reshape(shape), None, named)

    def _wrong(self) -> np.ndarray:
        """Return the images by their largest error, in standard deviations of the target."""
        return np.argsort(-self._errors().max(axis=1), kind="stable")

    def _unsure(self) -> np.ndarray:
        raise ValueError(  # the grid asks for `orders` before
            "show='unsure' needs probabilities, which a regression does not have."
        )

    def _errors(self) -> np.ndarray:
        truth, predicted = self._columns()
        scale = truth.std(axis=0)
        return np.abs(predicted - truth) / np.where(scale > 0, scale, 1)

    def _columns(self) -> tuple[np.ndarray, np.ndarray]:
        truth, predicted = (np.asarray(y, dtype=float) for y in (self.y_true, self.y_pred))
        return truth.reshape(len(truth), -1), predicted.reshape(len(truth), -1)

    def title(self, i: int) -> str:
        """Return the predicted and the true value, of several targets those with the largest error.

        All images have the same number of decimals.
        """
        truth, predicted = self._columns()
        both = np.vstack([truth, predicted])
        pairs = [
            (few_digits(p, both[:, j]), few_digits(t, both[:, j]))
            for j, (p, t) in enumerate(zip(predicted[i], truth[i], strict=True))
        ]
        if len(pairs) == 1:
            return f"predicted: {pairs[0][0]}\ntrue: {pairs[0][1]}"
        order = np.argsort(-self._errors()[i], kind="stable").tolist()
        lines = []
        for j in order[:MOST]:
            name = f"target {j}" if self.names is None else str(self.names[j])
            values = f": {pairs[j][0]} (true: {pairs[j][1]})"
            lines.append(f"{shortened(name, max(8, WIDTH - len(values)))}{values}")
        if len(order) > MOST:
            lines.append(f"and {len(order) - MOST} more")
        return "\n".join(lines)


def few_digits(value: float, column: np.ndarray) -> str:
    """Return a number with two digits of the standard deviation of the numbers around it."""
    spread = float(np.std(column)) or float(np.abs(column).max()) or 1.0
    decimals = 1 - math.floor(math.log10(spread)) if np.isfinite(spread) else 2
    if not -5 < decimals < 6:  # too many digits before or after the point
        return f"{value:.3g}".replace("-", "−")
    rounded = round(value, max(0, decimals)) + 0.0  # which makes 0 of -0
    return f"{rounded:,.{max(0, decimals)}f}".replace("-", "−")
