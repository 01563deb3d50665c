"""The command `sklearn-tl predict`: the classes of images."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator

import numpy as np

from sklearn_tl._utils import tqdm
from sklearn_tl.cli.folders import files_below, in_words
from sklearn_tl.cli.messages import complain, problem_of
from sklearn_tl.cli.model_file import open_model

CHUNK = 64  # images that are answered at a time


def predict(options: argparse.Namespace) -> int:
    """Print the path, the class and its probability of each image, separated by tabs.

    Parameters
    ----------
    options : argparse.Namespace
        With `model` and `images`.

    Returns
    -------
    status : int
        1 if an image could not be read, else 0.
    """
    model = open_model(options.model)
    paths: list[str] = []
    for image in options.images:
        if not os.path.isdir(image):
            paths.append(image)
            continue
        below, others = files_below(image)
        if not below:
            raise ValueError(f"The folder {image} contains no image files.")
        if others:
            complain("warning", f"{image} has {in_words(others)}.")
        paths += below
    status = 0
    hidden = sys.stdout.isatty() or None  # there the answers show the progress
    for start in tqdm(range(0, len(paths), CHUNK), unit=f"{CHUNK} images", disable=hidden):
        for path, answer in _answers(model.predict_proba, paths[start : start + CHUNK]):
            if isinstance(answer, Exception):
                complain("error", _problem(path, answer))
                status = 1
            else:
                print(f"{path}\t{model.classes_[answer.argmax()]}\t{answer.max():.3f}")
        sys.stdout.flush()
    return status


def _answers(
    predict_proba: Callable, paths: list[str]
) -> Iterator[tuple[str, np.ndarray | Exception]]:
    """Yield each path with the probabilities of its image, or with the error of reading it."""
    try:
        rows = predict_proba(paths)
    except (OSError, ValueError, TypeError) as error:
        if len(paths) > 1:  # only some of them may be at fault
            half = len(paths) // 2
            yield from _answers(predict_proba, paths[:half])
            yield from _answers(predict_proba, paths[half:])
        elif "X[0]" in str(error):
            yield paths[0], error
        else:  # the model is at fault
            raise
    else:
        yield from zip(paths, rows, strict=True)


def _problem(path: str, error: Exception) -> str:
    problem = problem_of(path, str(error))
    if re.search(r"--(value-range|max-pixels|channels|page)", problem):  # no options of `predict`
        problem += " The model needs it: sklearn-tl study has this option."
    return problem
