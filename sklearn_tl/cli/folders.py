"""Folders of image files: which classes and files they contain, and which files cannot be read."""

import os
import shlex
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from sklearn_tl._utils import tqdm
from sklearn_tl.cli.messages import problem_of
from sklearn_tl.images import FORMATS

EXTENSIONS = tuple(ending for endings in FORMATS.values() for ending in endings)
NOT_CLASSES = {"train", "training", "test", "testing", "val", "valid", "validation"}
LEAST = 2  # images that a class must have: one to train on and one to test on


class Folder(NamedTuple):
    """The images of a folder, and sentences about those that were left out."""

    paths: list[str]
    labels: np.ndarray
    left_out: list[str]


def read_folder(folder: str, read: Callable[[str], object], errors: str = "skip") -> Folder:
    """List the images in a folder that has one sub-folder per class, and try to read each.

    Parameters
    ----------
    folder : str
    read : callable
        Called with each path, in several threads. Raises OSError or ValueError if that image
        cannot be read.
    errors : {"skip", "raise"}, default="skip"
        Whether such images are left out, or the first of them is an error.

    Returns
    -------
    images : Folder

    Raises
    ------
    ValueError
        If an image cannot be read and `errors` is "raise", or fewer than two classes have two
        images that can be read.
    """
    found = find_images(folder)
    paths = [path for of_class in found.values() for path in of_class]
    labels = np.repeat(list(found), [len(of_class) for of_class in found.values()])
    problems = find_problems(paths, read)
    if problems and errors == "raise":
        first = problems[min(problems)]
        more = f" {len(problems) - 1} more cannot be read." if len(problems) > 1 else ""
        raise ValueError(f"{first}{more} To leave such images out: --errors skip")
    counts = Counter(labels[i] for i in range(len(paths)) if i not in problems)
    small = [name for name in found if counts[name] < LEAST]
    classes = [name for name in found if name not in small]
    if len(classes) < 2:
        raise ValueError(_too_few_classes(folder, classes, problems))
    left_out = [
        f"the class {name}, since it has {counts[name]} readable images and needs {LEAST}"
        for name in small
    ]
    left_out += [problems[i] for i in sorted(problems)]
    keep = [i for i in range(len(paths)) if i not in problems and labels[i] not in small]
    return Folder([paths[i] for i in keep], labels[keep], left_out)


def find_images(folder: str) -> dict[str, list[str]]:
    """Find the classes of a folder and their image files.

    Parameters
    ----------
    folder : str

    Returns
    -------
    found : dict of str to list of str
        Name of each sub-folder → sorted paths of the image files in it, at any depth.

    Raises
    ------
    ValueError
        If the sub-folders are parts of a data set, such as "train" and "test", and not classes.
    OSError
        If the folder cannot be read.
    """
    names = sorted(e.name for e in os.scandir(folder) if e.is_dir() and e.name[0] != ".")
    if names and {name.lower() for name in names} <= NOT_CLASSES:
        raise ValueError(
            f"{folder} is divided into {' and '.join(names)}, which are not classes. Name one of "
            f"them: sklearn-tl study {shlex.quote(os.path.join(folder, names[-1]))}"
        )
    return {name: files_below(os.path.join(folder, name)) for name in names}


def files_below(folder: str) -> list[str]:
    """Find the image files in a folder.

    Parameters
    ----------
    folder : str

    Returns
    -------
    paths : list of str
        Sorted. Files and folders whose names begin with a dot are not searched.
    """
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "."]
        names = [name for name in files if name.lower().endswith(EXTENSIONS) and name[0] != "."]
        found += [os.path.join(parent, name) for name in names]
    return sorted(found)


def find_problems(paths: list[str], read: Callable[[str], object]) -> dict[int, str]:
    """Read each image once and keep nothing of it.

    Parameters
    ----------
    paths : list of str
    read : callable
        As for `read_folder`.

    Returns
    -------
    problems : dict of int to str
        Position of each image that cannot be read → a sentence that says why.
    """

    def problem(path):
        try:
            read(path)
        except (OSError, ValueError) as error:
            return problem_of(path, error)
        return None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(problem, paths)
        found = list(tqdm(results, "reading", len(paths), unit="image", disable=None))
    return {i: text for i, text in enumerate(found) if text is not None}


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
    return f"{len(counts)} classes, {len(labels)} images, {each} per class"


def _too_few_classes(folder, classes, problems):
    loose = [name for name in os.listdir(folder) if name.lower().endswith(EXTENSIONS)]
    text = (
        f"Found {len(classes)} sub-folders with {LEAST} or more readable images in {folder}"
        f"{f' ({classes[0]})' if classes else ''}, and {len(loose)} images outside of sub-folders. "
        "At least 2 classes are needed, each in its own sub-folder: "
        f"{os.path.join(folder, 'cat', '1.jpg')}, {os.path.join(folder, 'dog', '1.jpg')}, ..."
    )
    if problems:
        text += f" {len(problems)} images cannot be read, the first of them: "
        text += problems[min(problems)]
    return text
