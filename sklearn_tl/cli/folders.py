"""Folders of image files as the command line reads them: which classes and images are left out."""

import os
import shlex
from collections import Counter
from typing import NamedTuple

import numpy as np

from sklearn_tl.cli.problems import problem_of
from sklearn_tl.datasets import (
    Problems,
    counted,
    find_images,
    find_loose_images,
    find_parts,
    in_words,
)

LEAST = 2  # images that a class must have: one to train on and one to test on


class Folder(NamedTuple):
    """The images of a folder, and sentences about what was left out."""

    paths: list[str]
    labels: np.ndarray
    left_out: list[str]


def read_folder(
    folder: str, find_problems: Problems, errors: str = "skip", least: int = LEAST
) -> Folder:
    """List the images in a folder that has one sub-folder per class, and try to read each.

    Parameters
    ----------
    folder : str
    find_problems : callable
        Returns for each path a message that says why the image cannot be read, or None.
    errors : {"skip", "raise"}, default="skip"
        Whether such images are left out, or the first of them is an error.
    least : int, default=2
        Classes with fewer images are left out.

    Returns
    -------
    images : Folder

    Raises
    ------
    ValueError
        If an image cannot be read and `errors` is "raise", if the sub-folders are parts of a data
        set, or if fewer than two classes have `least` images that can be read.
    OSError
        If the folder cannot be opened.
    """
    _check_parts(folder)
    found = find_images(folder)
    paths = [path for files in found.values() for path in files.paths]
    labels = np.repeat(list(found), [len(files.paths) for files in found.values()])
    problems = {
        i: problem_of(paths[i], text)
        for i, text in enumerate(find_problems(paths) if paths else [])
        if text is not None
    }
    if problems and errors == "raise":
        first = problems[min(problems)]
        more = f" {len(problems) - 1} more cannot be read." if len(problems) > 1 else ""
        raise ValueError(f"{first}{more} To leave such images out: --errors skip")
    counts = Counter(labels[i] for i in range(len(paths)) if i not in problems)
    small = [name for name in found if counts[name] < least]
    classes = [name for name in found if name not in small]
    others = sum((files.others for files in found.values()), Counter[str]())
    if len(classes) < 2:
        raise ValueError(_too_few_classes(folder, classes, problems, others))
    left_out = [too_small(name, counts[name], least) for name in small]
    left_out += [problems[i] for i in sorted(problems)]
    n_loose = len(find_loose_images(folder))
    if n_loose:
        left_out.append(f"{counted(n_loose, 'image', 'images')} outside of sub-folders")
    if others:
        left_out.append(in_words(others))
    keep = [i for i in range(len(paths)) if i not in problems and labels[i] not in small]
    return Folder([paths[i] for i in keep], labels[keep], left_out)


def describe(labels: np.ndarray) -> str:
    """Return the numbers of classes and images in words.

    Parameters
    ----------
    labels : array-like of shape (n_images,)

    Returns
    -------
    text : str

    Examples
    --------
    >>> describe(["cat", "cat", "dog"])
    '2 classes, 3 images, 1 to 2 per class'
    """
    counts = Counter(labels).values()
    low, high = min(counts), max(counts)
    each = f"{low} to {high}" if low < high else f"{low}"
    n_classes = counted(len(counts), "class", "classes")
    return f"{n_classes}, {counted(len(labels), 'image', 'images')}, {each} per class"


def too_small(name: str, n_images: int, least: int) -> str:
    """Return the sentence that says why a class is left out."""
    has = counted(n_images, "readable image", "readable images")
    return f"the class {name}, since it has {has} and needs {least}"


def _check_parts(folder: str) -> None:
    """Raise a ValueError if sub-folders are parts of a data set, such as "train" and "test"."""
    parts, pair = find_parts(folder)
    if not parts:
        return
    one = shlex.quote(os.path.join(folder, parts[-1]))
    text = (
        f"{folder} is divided into {' and '.join(parts)}, which are not classes. Name one of "
        f"them: sklearn-tl study {one}"
    )
    if pair:
        train, test = (shlex.quote(os.path.join(folder, name)) for name in pair)
        text += f" To train on one and test on the other: --train {train} --test {test}"
    raise ValueError(text)


def _too_few_classes(folder, classes, problems, others):
    n_loose = len(find_loose_images(folder))
    text = (
        f"Found {counted(len(classes), 'sub-folder', 'sub-folders')} with {LEAST} or more readable "
        f"images in {folder}{f' ({classes[0]})' if classes else ''}, and "
        f"{counted(n_loose, 'image', 'images')} outside of sub-folders. At least 2 classes "
        "are needed, each in its own sub-folder: "
        f"{os.path.join(folder, 'cat', '1.jpg')}, {os.path.join(folder, 'dog', '1.jpg')}, ..."
    )
    if problems:
        text += f" {counted(len(problems), 'image', 'images')} cannot be read, the first of them: "
        text += problems[min(problems)]
    return f"{text} {in_words(others)}." if others else text
