"""Images with labels for a model that is finished: a folder or a table, in the model's words."""

import argparse
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from sklearn_tl.answers import Answers
from sklearn_tl.cli.folders import describe, read_folder
from sklearn_tl.cli.messages import complain, reword
from sklearn_tl.cli.tables import check_no_table_options, table_options
from sklearn_tl.datasets import counted, is_table, read_table

SHOWN = 10  # names in one line
NAMELESS = ("prediction", "target ", "label ")  # names that `answers_of` has made up
WHAT = {"multilabel": "several labels per image", "regression": "numbers"}


class Labelled(NamedTuple):
    """Images, and what they should be answered with.

    Parameters
    ----------
    name : str
        Of the folder or the table.
    paths : list of str
    y : ndarray of shape (n_images,) or (n_images, n_outputs)
        Classes as text; an indicator matrix with the labels of the model; or numbers.
    groups : ndarray of shape (n_images,) or None
    left_out : list of str
        One sentence about each kind of image that is not among them.
    n_found : int
        How many images were to be scored before any of them was left out.
    """

    name: str
    paths: list[str]
    y: np.ndarray
    groups: np.ndarray | None
    left_out: list[str]
    n_found: int

    def take(self, positions: np.ndarray, left_out: list[str]) -> "Labelled":
        """Return some of the images, and add sentences about the others."""
        return self._replace(
            paths=[self.paths[i] for i in positions],
            y=self.y[positions],
            groups=None if self.groups is None else self.groups[positions],
            left_out=[*self.left_out, *left_out],
        )

    def describe(self, is_classes: bool) -> str:
        """Return in words what is scored, and how many images are left out."""
        n = len(self.paths)
        what = describe(self.y) if is_classes else counted(n, "image", "images")
        if n == self.n_found:
            return what
        are = "is" if self.n_found - n == 1 else "are"
        return f"{what}. {self.n_found - n} of {self.n_found} images {are} left out"


def read_labelled(options: argparse.Namespace, answers: Answers, model: Any) -> Labelled:
    """List the images of a folder or a table whose labels a model may know.

    No image is read yet. Images of classes that the model does not know are left out.

    Parameters
    ----------
    options : argparse.Namespace
        Of `options.score`.
    answers : Answers
        Of the model.
    model : classifier or regressor

    Raises
    ------
    ValueError
        If the labels are of another kind than the model's answers, or it knows too few of them.
    """
    if is_table(options.folder):
        found = _of_table(options, answers, model)
    else:
        check_no_table_options(options, options.folder)
        if answers.kind != "classification":
            raise ValueError(
                f"{options.model} predicts {WHAT[answers.kind]}, which the names of sub-folders "
                f"do not say. Name a table: sklearn-tl score {options.model} TABLE.csv"
            )
        folder = read_folder(options.folder, lambda paths: [None] * len(paths), least=1)
        name = os.path.basename(os.path.abspath(options.folder))
        n_found = len(folder.paths)
        found = Labelled(name, folder.paths, folder.labels, None, folder.left_out, n_found)
    if answers.kind == "classification":
        return _of_known_classes(found, answers.names, os.path.basename(options.model))
    return found


def say_missing(names: Iterable[str]) -> None:
    """Name the classes or labels of a model that have no images, if there are any."""
    if missing := list(names):
        print(f"Without images, so not scored: {_some(missing)}")


def _of_known_classes(found: Labelled, names: list[str], model: str) -> Labelled:
    """Leave out classes that the model does not know. At least two others must have images."""
    known = np.isin(found.y, names)
    left_out = []
    if not known.all():
        others = sorted(set(found.y[~known].tolist()))
        n = counted(int((~known).sum()), "image", "images")
        left_out = [f"{n} of classes that {model} does not know: {_some(others)}"]
    missing = sorted(set(names) - set(found.y[known].tolist()))
    if len(names) - len(missing) < 2:
        raise ValueError(
            f"{found.name} has images of {len(names) - len(missing)} of the {len(names)} classes "
            f"of {model} ({_some(names)}). At least 2 are needed. Its own classes are "
            f"{_some(sorted(set(found.y.tolist())))}."
        )
    return found.take(np.flatnonzero(known), left_out)


def _of_table(options: argparse.Namespace, answers: Answers, model: Any) -> Labelled:
    parameters = table_options(options) | {"task": answers.kind}
    has_columns = answers.kind == "regression" or (
        answers.kind == "multilabel" and options.separator is None
    )
    if parameters["target"] is None and has_columns and not answers.names[0].startswith(NAMELESS):
        names = answers.names
        parameters["target"] = names[0] if len(names) == 1 else names
    is_text = answers.kind == "classification" and np.asarray(model.classes_).dtype.kind in "UO"
    table = read_table(
        options.folder,
        errors="skip",
        find_problems=lambda paths: [None] * len(paths),
        may_lack_separator=True,
        as_text=is_text,
        **parameters,
    )
    for doubt in table.doubts:
        complain("warning", doubt)
    for remark in table.remarks:
        print(reword(remark))
    found = Labelled(
        name=os.path.basename(options.folder),
        paths=table.paths,
        y=np.array([]),
        groups=table.groups,
        left_out=[reword(text) for text in table.left_out],
        n_found=len(table.paths),
    )
    if answers.kind == "classification":
        return found._replace(y=np.array([str(label) for label in table.target.tolist()]))
    if answers.kind == "regression":
        return found._replace(y=_numbers(table.target, answers.names, options))
    return _with_labels(found, table.target, answers.names, os.path.basename(options.model))


def _numbers(target: Any, names: list[str], options: argparse.Namespace) -> np.ndarray:
    """Return the numbers of a table in the order of the model's."""
    given = list(target.columns) if hasattr(target, "columns") else []
    n_given = len(given) or 1
    if n_given != len(names):
        raise ValueError(
            f"{options.model} predicts {counted(len(names), 'number', 'numbers')} per image "
            f"({_some(names)}), but --target names {n_given}. Name the columns in this order."
        )
    if given and set(given) == set(names):
        target = target[names]
    return np.asarray(target, dtype=float)


def _with_labels(found: Labelled, target: Any, names: list[str], model: str) -> Labelled:
    """Return the images with the indicator matrix of the labels that the model knows."""
    given = [str(name) for name in target.columns]
    target = target.set_axis(given, axis=1)
    others = sorted(set(given) - set(names))
    missing = [name for name in names if name not in given]
    if len(missing) == len(names):
        raise ValueError(
            f"{found.name} has none of the labels of {model} ({_some(names)}). Its own labels are "
            f"{_some(given)}."
        )
    say_missing(missing)
    said = [f"labels that {model} does not know: {_some(others)}"] if others else []
    y = target.reindex(columns=names, fill_value=0).to_numpy(dtype=int)
    return found._replace(y=y, left_out=[*found.left_out, *said])


def _some(names: list[str]) -> str:
    """Return names with commas between them, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
