"""The command `sklearn-tl score`: how good a model is on images whose labels are known."""

import argparse
import os
from typing import Any

import numpy as np

from sklearn_tl.answers import NOVEL, Answer, Answers, answers_of, with_remarks
from sklearn_tl.cli.labelled import Labelled, read_labelled, say_missing
from sklearn_tl.cli.messages import complain, in_report
from sklearn_tl.cli.model_file import open_model
from sklearn_tl.cli.predict import ask_all, check_csv, why_unread
from sklearn_tl.cli.report_parts import make_folder
from sklearn_tl.cli.report_predictions import write_predictions
from sklearn_tl.cli.report_score import write_score_report
from sklearn_tl.cli.report_subject import Subject
from sklearn_tl.comparison import ModelScore
from sklearn_tl.datasets import counted
from sklearn_tl.embedding import image_reader
from sklearn_tl.extractor import extractor_of
from sklearn_tl.images import ImageSequence, Reading, as_images
from sklearn_tl.inspection import require_matplotlib


def score(options: argparse.Namespace) -> int:
    """Print how good a model is, and write its report and its predictions.

    Parameters
    ----------
    options : argparse.Namespace
        Of `options.score`.

    Returns
    -------
    status : int
        1 if an image could not be read, else 0. Whatever else goes wrong is an exception.
    """
    if options.report:  # before the work what writing would raise after it
        require_matplotlib()
        make_folder(options.report)
    if options.csv:
        check_csv(options.csv, [options.model, options.folder])
    model = open_model(options.model)
    name = os.path.basename(options.model)
    labelled = read_labelled(options, answers_of(model), model)
    if options.csv:
        check_csv(options.csv, labelled.paths)
    answers = with_remarks(answers_of(model, labelled.paths), model)
    labelled, found, n_unread = ask(labelled, answers)
    print(f"{options.folder}: {labelled.describe(answers.kind == 'classification')}")
    if answers.kind == "classification":
        say_missing(sorted(set(answers.names) - set(labelled.y.tolist())))
    for sentence in labelled.left_out:
        print(f"Left out: {sentence}")
    images = read_by(model, labelled.paths)
    result, truth = scored(labelled, answers, found, name)
    said = "\n".join(
        [result.summary(), *about_training(model, images, name), *about_novelty(found)]
    )
    print(f"\n{in_report(said)}\n")
    subject = Subject.of_model(result, images, truth)
    if options.csv:
        n = write_predictions(options.csv, subject)
        print(f"Wrote {options.csv}: {n} images.")
    if options.report:
        page = write_score_report(
            options.report,
            subject,
            title=f"{name} on {labelled.name}",
            said=said,
            model=model,
            extractor=extractor_of(model),
            left_out=labelled.left_out,
        )
        print(f"Wrote {page}, its pictures and its lists.")
    if n_unread:
        unread = counted(n_unread, "image", "images")
        complain("error", f"{unread} cannot be read, so the score is of the others.")
    return 1 if n_unread else 0


def ask(labelled: Labelled, answers: Answers) -> tuple[Labelled, list[Answer], int]:
    """Return the images that can be read, the answers about them, and the number of the others.

    Raises
    ------
    ValueError
        If no image can be read, or only those of one class.
    """
    found: list[Answer] = []
    keep, problems = [], []
    for i, (path, answer) in enumerate(ask_all(answers, labelled.paths, hidden=None)):
        if isinstance(answer, Exception):
            problems.append(why_unread(path, answer))
        else:
            keep.append(i)
            found.append(answer)
    if not keep:
        raise ValueError(f"None of the images of {labelled.name} can be read: {problems[0]}")
    readable = labelled.take(np.array(keep), problems)
    if problems and answers.kind == "classification" and len(set(readable.y.tolist())) < 2:
        raise ValueError(
            f"Only images of the class {readable.y[0]} of {labelled.name} can be read. At least 2 "
            f"classes are needed. The first of the others: {problems[0]}"
        )
    return readable, found, len(problems)


def scored(
    labelled: Labelled, answers: Answers, found: list[Answer], name: str
) -> tuple[ModelScore, np.ndarray]:
    """Return the score of a model's answers, and the true values in its form."""
    values = np.array([answer.values for answer in found])
    chosen = [answer.chosen for answer in found]
    names, truth = np.array(answers.names), labelled.y
    rows: np.ndarray | None = values
    if answers.kind == "classification":
        predicted = names[[positions[0] for positions in chosen]]
        order = np.argsort(names)  # classes that are numbers have another order as text
        names, rows = names[order], values[:, order]
    elif answers.kind == "multilabel":
        predicted = np.zeros(values.shape, dtype=int)
        for row, positions in zip(predicted, chosen, strict=True):
            row[list(positions)] = 1
    else:
        predicted, rows = values.reshape(truth.shape), None
    result = ModelScore(
        truth,
        predicted,
        rows,
        task=answers.kind,
        names=names,
        groups=labelled.groups,
        name=name,
    )
    return result, truth


def read_by(model: Any, paths: list[str]) -> ImageSequence:
    """Return images as a model reads them."""
    reader = image_reader(model)
    return as_images(paths, Reading()) if reader is None else reader.read_images(paths)


def about_training(model: Any, images: ImageSequence, name: str) -> list[str]:
    """Warn if the model was trained on some of the images at the same paths.

    It does not recognise copies of them at other paths.
    """
    count = getattr(image_reader(model), "count_trained_on", None)
    n = 0 if count is None else count(images)
    if n == 0:
        return []
    sentence = (
        f"{name} was trained on at least {n} of these images at the same paths, so the score is "
        "too high. Take others."
    )
    complain("warning", sentence, [name])
    return [sentence]


def about_novelty(found: list[Answer]) -> list[str]:
    """Say how many images are unlike those of the training, if there are any."""
    n = sum(NOVEL in answer.remark for answer in found)
    if n == 0:
        return []
    are = "image is" if n == 1 else "images are"
    return [f"{n} {are} {NOVEL}, of {counted(len(found), 'image', 'images')}."]
