"""What a model answers about images, as text for a terminal and as cells of a spreadsheet."""

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_regressor

from sklearn_tl.targets import has_several_labels, label_probabilities

# A cell that begins with one of these is run as a formula by a spreadsheet.
FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class Answers(NamedTuple):
    """What a model answers.

    Parameters
    ----------
    kind : {"classification", "multilabel", "regression"}
    names : list of str
        The classes, the labels or the targets.
    ask : callable
        Takes paths and returns an array (n_images, n_names) of probabilities or numbers.
    """

    kind: str
    names: list[str]
    ask: Callable[[list[str]], np.ndarray]

    def header(self, probabilities: bool) -> list[str]:
        """Return the names of the columns of a spreadsheet."""
        if self.kind == "regression":
            return _different(["path"], self.names, ["error"])
        before = ["path", "prediction"]
        before += ["probability"] if self.kind == "classification" else []
        return _different(before, self.names if probabilities else [], ["error"])

    def cells(self, path: str, values: np.ndarray, probabilities: bool) -> list[str]:
        """Return a row of a spreadsheet."""
        if self.kind == "regression":
            return [safe(path), *map(number, values), ""]
        row = [safe(path), safe(self.prediction(values))]
        row += [f"{values.max():.6f}"] if self.kind == "classification" else []
        return [*row, *([f"{p:.6f}" for p in values] if probabilities else []), ""]

    def cells_of_error(self, path: str, error: str, probabilities: bool) -> list[str]:
        """Return a row of a spreadsheet for an image that cannot be read."""
        return [safe(path), *[""] * (len(self.header(probabilities)) - 2), safe(error)]

    def line(self, path: str, values: np.ndarray, probabilities: bool) -> str:
        """Return a line for a terminal."""
        if self.kind == "regression":
            return "\t".join([path, *map(number, values)])
        parts = [path, self.prediction(values)]
        parts += [f"{values.max():.3f}"] if self.kind == "classification" else []
        if probabilities:
            parts += [f"{name}={p:.3f}" for name, p in zip(self.names, values, strict=True)]
        return "\t".join(parts)

    def prediction(self, values: np.ndarray) -> str:
        """Return the class, or the labels whose probability is above one half."""
        if self.kind == "classification":
            return self.names[values.argmax()]
        return ", ".join(self.names[j] for j in np.flatnonzero(values > 0.5))


def answers_of(model: Any) -> Answers:
    """Find out what a fitted model answers.

    Parameters
    ----------
    model : classifier with `predict_proba`, or regressor

    Returns
    -------
    answers : Answers
    """
    last = model[-1] if hasattr(model, "steps") else model
    last = getattr(last, "best_estimator_", last)
    given = getattr(model, "target_names_", getattr(last, "target_names_", None))
    names = None if given is None else [str(name) for name in given]
    if is_regressor(model):
        names = names or _targets(last)
        return Answers("regression", names, _numbers_of(model, len(names)))
    classes = model.classes_
    is_multilabel = has_several_labels(model) or getattr(last, "multilabel_", False)
    if names is None and not is_multilabel:
        return Answers("classification", [str(name) for name in classes], model.predict_proba)
    names = names or [f"label {j}" for j in range(len(classes))]
    return Answers("multilabel", names, lambda paths: label_probabilities(model, paths))


def number(x: float) -> str:
    """Return a number with six digits or more, and without an exponent.

    Examples
    --------
    >>> number(865200.25), number(5858123.0), number(0.125), number(-1e-05)
    ('865200', '5858123', '0.125', '-0.00001')
    """
    digits = 0 if abs(x) >= 1e5 else 6
    rounded = float(f"{x:.0f}" if digits == 0 else f"{x:.6g}")
    return np.format_float_positional(rounded, trim="-")


def safe(text: str) -> str:
    """Return a text that a spreadsheet shows and does not run as a formula.

    Examples
    --------
    >>> safe("cat"), safe("=1+1"), safe("-5"), safe("-x")
    ('cat', "'=1+1", '-5', "'-x")
    """
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


def _different(before: list[str], names: Iterable[str], after: list[str]) -> list[str]:
    """Return the names of columns, so that no two are equal."""
    fixed = {*before, *after}
    return [
        *before,
        *(safe(f"{name} (value)" if name in fixed else name) for name in names),
        *after,
    ]


def _numbers_of(model: Any, n_targets: int) -> Callable[[list[str]], np.ndarray]:
    def ask(paths: list[str]) -> np.ndarray:
        numbers = np.asarray(model.predict(paths)).reshape(len(paths), -1)
        if numbers.shape[1] != n_targets:
            raise ValueError(
                f"The model predicts {numbers.shape[1]} numbers per image, but has names for "
                f"{n_targets}. Set model.target_names_ in Python, and save the model again."
            )
        return numbers

    return ask


def _targets(last: Any) -> list[str]:
    """Return names for the numbers of a regressor that has no names for them."""
    coefficients = np.shape(getattr(last, "coef_", ()))
    n = coefficients[0] if len(coefficients) == 2 else 1
    return ["prediction"] if n == 1 else [f"target {j}" for j in range(n)]
