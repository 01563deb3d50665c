"""The command `sklearn-tl predict`: what a model answers about images."""

import argparse
import contextlib
import csv
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sklearn_tl._utils import replacing, tqdm
from sklearn_tl.answers import Answer, Answers, answers_of, ask_each, with_remarks
from sklearn_tl.cli.messages import complain
from sklearn_tl.cli.model_file import check_writable, open_model
from sklearn_tl.cli.problems import problem_of
from sklearn_tl.cli.sureness import least_confidence
from sklearn_tl.datasets import find_files, in_words

CHUNK = 64  # images that are answered at a time


def predict(options: argparse.Namespace) -> int:
    """Print what a model answers about each image, or write it to a file for a spreadsheet.

    Parameters
    ----------
    options : argparse.Namespace
        Of `options.predict`.

    Returns
    -------
    status : int
        1 if an image could not be read, else 0.
    """
    if options.csv is not None:  # before the model is opened, and images are looked for
        check_csv(options.csv, [options.model, *options.images])
    model, paths = open_model(options.model), list_images(options.images)
    if options.csv is not None:
        check_csv(options.csv, paths)
    answers = answers_of(model, paths)
    answers = with_remarks(answers, model, least_confidence(answers, model, options))
    if (options.probabilities or options.top) and answers.kind == "regression":
        asked = "--top" if options.top else "--probabilities"
        raise ValueError(f"{options.model} predicts numbers. Leave {asked} out.")
    n_errors = 0
    with writer(options, answers) as write:
        for path, answer in ask_all(answers, paths, hidden=is_shown(options)):
            if isinstance(answer, Exception):
                n_errors += 1
                problem = why_unread(path, answer)
                complain("error", problem, [path])
                write(path, None, problem)
            else:
                write(path, answer, "")
    if options.csv is not None:
        unread = f", {n_errors} of them without an answer" if n_errors else ""
        print(f"Wrote {options.csv}: {len(paths)} images{unread}.")
    return 1 if n_errors else 0


def check_csv(path: Path, others: list[str]) -> None:
    """Raise a ValueError if the file cannot be written, or would replace a file that is read."""
    check_writable(path, "--csv", "answers.csv", others)


def list_images(images: list[str]) -> list[str]:
    """Return files, and the image files in folders."""
    paths: list[str] = []
    for image in images:
        if not os.path.isdir(image):
            paths.append(image)
            continue
        below, others = find_files(image)
        if not below:
            raise ValueError(f"The folder {image} contains no image files.")
        if others:
            complain("warning", f"{image} has {in_words(others)}.")
        paths += below
    return paths


def is_shown(options: argparse.Namespace) -> bool | None:
    """Return whether answers show the progress in a terminal; None lets the bar decide."""
    return (options.csv is None and sys.stdout.isatty()) or None


@contextlib.contextmanager
def writer(
    options: argparse.Namespace, answers: Answers
) -> Iterator[Callable[[str, Answer | None, str], None]]:
    """Yield a function that writes one answer, or why there is none."""
    shown = options.probabilities, options.top
    if options.csv is None:

        def write_line(path: str, answer: Answer | None, error: str) -> None:
            if answer is not None:
                print(answers.line(path, answer, *shown))

        yield write_line
        return
    # A spreadsheet takes the encoding from the first bytes. Names of files may be any bytes.
    form: dict[str, Any] = {"encoding": "utf-8-sig", "errors": "backslashreplace", "newline": ""}
    with replacing(options.csv) as part, open(part, "w", **form) as file:
        rows = csv.writer(file)
        rows.writerow(answers.header(*shown))

        def write_row(path: str, answer: Answer | None, error: str) -> None:
            if answer is None:
                rows.writerow(answers.cells_of_error(path, error, *shown))
            else:
                rows.writerow(answers.cells(path, answer, *shown))

        yield write_row


def ask_all(
    answers: Answers, paths: list[str], hidden: bool | None
) -> Iterator[tuple[str, Answer | Exception]]:
    """Yield each path with the answer about its image, and show a progress bar."""
    with tqdm(total=len(paths), unit="image", disable=hidden) as bar:
        for start in range(0, len(paths), CHUNK):
            chunk = paths[start : start + CHUNK]
            yield from ask_each(answers.ask, chunk)
            sys.stdout.flush()
            bar.update(len(chunk))


def why_unread(path: str, error: Exception) -> str:
    """Return in a sentence why an image has no answer."""
    problem = problem_of(path, str(error))
    if re.search(r"--(value-range|max-pixels|channels|page)", problem):  # no options of `predict`
        problem += " The model needs it: sklearn-tl study has this option."
    return problem
