"""What a model answers about images, as text for a terminal and as cells of a spreadsheet."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_regressor

from sklearn_tl.classifier import FineTuneClassifier
from sklearn_tl.targets import check_label_values, has_several_labels, label_probabilities
from sklearn_tl.transfer_classifier import TransferClassifier

# A cell that begins with one of these is run as a formula by a spreadsheet.
FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class Answer(NamedTuple):
    """What a model answers about one image.

    Parameters
    ----------
    values : ndarray of shape (n_names,)
        Probabilities, or numbers.
    chosen : sequence of int, default=()
        The positions of the class or the labels that the model predicts; empty for numbers, and
        if the model is unsure.
    remark : str, default=""
        Why the answer may be wrong.
    """

    values: np.ndarray
    chosen: Sequence[int] = ()
    remark: str = ""

    @property
    def confidence(self) -> float:
        """The probability of the predicted class, or of the most probable one."""
        return float(self.values[self.chosen[0]] if self.chosen else self.values.max())


class Answers(NamedTuple):
    """What a model answers.

    Parameters
    ----------
    kind : {"classification", "multilabel", "regression"}
    names : list of str
        The classes, the labels or the targets.
    ask : callable
        Takes paths and returns an `Answer` for each of them.
    has_remarks : bool, default=False
        Whether answers may have remarks.
    """

    kind: str
    names: list[str]
    ask: Callable[[list[str]], list[Answer]]
    has_remarks: bool = False

    def header(self, probabilities: bool, top: int = 0) -> list[str]:
        """Return the names of the columns of a spreadsheet.

        Parameters
        ----------
        probabilities : bool
            Whether each class or label has a column with its probability.
        top : int, default=0
            How many of the most probable classes or labels have two columns each, for their names
            and probabilities. The methods below have the same parameters.
        """
        after = ["remark", "error"] if self.has_remarks else ["error"]
        if self.kind == "regression":
            return _different(["path"], self.names, after)
        before = ["path", "prediction"]
        before += ["probability"] if self.kind == "classification" else []
        for k in range(1, min(top, len(self.names)) + 1):
            before += [f"top {k}", f"probability {k}"]
        return _different(before, self.names if probabilities else [], after)

    def cells(self, path: str, answer: Answer, probabilities: bool, top: int = 0) -> list[str]:
        """Return a row of a spreadsheet."""
        after = [answer.remark, ""] if self.has_remarks else [""]
        if self.kind == "regression":
            return [safe(path), *map(number, answer.values), *after]
        row = [safe(path), safe(self.prediction(answer))]
        row += [f"{answer.confidence:.6f}"] if self.kind == "classification" else []
        for j in most_probable(answer, top):
            row += [safe(self.names[j]), f"{answer.values[j]:.6f}"]
        return [*row, *([f"{p:.6f}" for p in answer.values] if probabilities else []), *after]

    def cells_of_error(self, path: str, error: str, probabilities: bool, top: int = 0) -> list[str]:
        """Return a row of a spreadsheet for an image that cannot be read."""
        n_empty = len(self.header(probabilities, top)) - 2
        return [safe(path), *[""] * n_empty, safe(error)]

    def line(self, path: str, answer: Answer, probabilities: bool, top: int = 0) -> str:
        """Return a line for a terminal."""
        if self.kind == "regression":
            parts = [path, *map(number, answer.values)]
        else:
            parts = [path, self.prediction(answer)]
            parts += [f"{answer.confidence:.3f}"] if self.kind == "classification" else []
            shown = [
                *most_probable(answer, top),
                *(range(len(self.names)) if probabilities else ()),
            ]
            parts += [f"{self.names[j]}={answer.values[j]:.3f}" for j in shown]
        return "\t".join([*parts, *filter(None, [answer.remark])])

    def prediction(self, answer: Answer) -> str:
        """Return the class or the labels that the model predicts."""
        return ", ".join(self.names[j] for j in answer.chosen)


def answers_of(model: Any, images: Iterable[str] = ()) -> Answers:
    """Find out what a fitted model answers.

    Parameters
    ----------
    model : classifier with `predict_proba`, or regressor
    images : iterable of str, default=()
        Paths. No attribute of a model says for sure how many labels or numbers it predicts. If no
        names do, the prediction for the first of these images that can be read does.

    Returns
    -------
    answers : Answers

    Raises
    ------
    ValueError
        If the model predicts labels that have other values than 0 and 1.
    """
    inner, given = _innermost(model)
    names = None if given is None else [str(name) for name in given]
    if is_regressor(model):
        if names is None:
            n = int(np.prod(_shape_of_prediction(model, images)[1:]))
            names = ["prediction"] if n == 1 else [f"target {j}" for j in range(n)]
        return Answers("regression", names, _numbers_of(model, len(names)))
    # What it predicts follows from the probabilities, so the network runs once and not twice.
    is_ours = isinstance(inner, FineTuneClassifier | TransferClassifier)
    several = names is not None or has_several_labels(model)
    if several or (not is_ours and len(_shape_of_prediction(model, images)) == 2):
        check_label_values(model)
        names = names or [f"label {j}" for j in range(len(model.classes_))]
        return Answers("multilabel", names, _labels_of(model, is_ours))
    classes = np.asarray(model.classes_).tolist()
    return Answers("classification", list(map(str, classes)), _classes_of(model, is_ours))


def most_probable(answer: Answer, n: int) -> list[int]:
    """Return the positions of the most probable classes or labels, from the most probable on.

    Parameters
    ----------
    answer : Answer
    n : int
        How many, if there are as many.
    """
    return np.argsort(-answer.values, kind="stable")[:n].tolist()


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
    given, taken = [safe(name) for name in names], {*before, *after}
    cells = []
    for name in given:
        cell = name
        while cell in taken or (cell != name and cell in given):
            cell += " (value)"
        taken.add(cell)
        cells.append(cell)
    return [*before, *cells, *after]


def _innermost(model: Any) -> tuple[Any, Any]:
    """Return the model within pipelines and searches, and the outermost names of its targets."""
    names = None
    while True:
        names = getattr(model, "target_names_", None) if names is None else names
        if hasattr(model, "steps"):
            model = model[-1]
        elif hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        else:
            return model, names


def _shape_of_prediction(model: Any, images: Iterable[str]) -> tuple[int, ...]:
    """Return the shape of the prediction for the first image that can be read."""
    for path in images:
        try:
            return model.predict([path]).shape
        except (OSError, ValueError, TypeError) as error:
            if "X[0]" not in str(error):  # the model is at fault
                raise
    return (1,)


def _classes_of(model: Any, most_probable: bool) -> Callable[[list[str]], list[Answer]]:
    positions = {label: j for j, label in enumerate(np.asarray(model.classes_).tolist())}

    def ask(paths: list[str]) -> list[Answer]:
        probabilities = model.predict_proba(paths)
        if most_probable:
            chosen = probabilities.argmax(axis=1).tolist()
        else:
            chosen = [positions[label] for label in np.asarray(model.predict(paths)).tolist()]
        return [Answer(row, (j,)) for row, j in zip(probabilities, chosen, strict=True)]

    return ask


def _labels_of(model: Any, most_probable: bool) -> Callable[[list[str]], list[Answer]]:
    def ask(paths: list[str]) -> list[Answer]:
        probabilities = label_probabilities(model, paths)
        labels = probabilities > 0.5 if most_probable else model.predict(paths)
        labels = labels.toarray() if hasattr(labels, "toarray") else np.asarray(labels)
        pairs = zip(probabilities, labels, strict=True)
        return [Answer(row, np.flatnonzero(chosen).tolist()) for row, chosen in pairs]

    return ask


def _numbers_of(model: Any, n_targets: int) -> Callable[[list[str]], list[Answer]]:
    def ask(paths: list[str]) -> list[Answer]:
        numbers = np.asarray(model.predict(paths)).reshape(len(paths), -1)
        if numbers.shape[1] != n_targets:
            raise ValueError(
                f"The model predicts {numbers.shape[1]} numbers per image, but has names for "
                f"{n_targets}. Set model.target_names_ in Python, and save the model again."
            )
        return [Answer(row) for row in numbers]

    return ask
