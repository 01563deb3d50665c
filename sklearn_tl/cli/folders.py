"""Folders of image files: their classes, and which files are not images or cannot be read."""

import os
import shlex
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sklearn_tl.cli.messages import problem_of
from sklearn_tl.images import FORMATS, missing_package, sniff

EXTENSIONS = {ending: name for name, endings in FORMATS.items() for ending in endings}
# Sub-folders with names of two of these groups are parts of a data set, and not classes.
PARTS = (
    {"train", "training"},
    {"test", "testing"},
    {"val", "valid", "validation"},
)
LEAST = 2  # images that a class must have: one to train on and one to test on

Problems = Callable[[list[str]], list[str | None]]  # paths → what is wrong with each, or None


class Files(NamedTuple):
    """The image files of a folder, and how many other files there are of each kind."""

    paths: list[str]
    others: Counter[str]


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
        If an image cannot be read and `errors` is "raise", or fewer than two classes have
        `least` images that can be read.
    """
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
    left_out = [
        f"the class {name}, since it has {counts[name]} readable images and needs {least}"
        for name in small
    ]
    left_out += [problems[i] for i in sorted(problems)]
    n_loose = len(_loose_images(folder))
    if n_loose:
        left_out.append(f"{n_loose} images outside of sub-folders")
    if others:
        left_out.append(in_words(others))
    keep = [i for i in range(len(paths)) if i not in problems and labels[i] not in small]
    return Folder([paths[i] for i in keep], labels[keep], left_out)


def find_images(folder: str) -> dict[str, Files]:
    """Find the classes of a folder and their image files.

    Parameters
    ----------
    folder : str

    Returns
    -------
    found : dict of str to Files
        Name of each sub-folder → the files in it, at any depth.

    Raises
    ------
    ValueError
        If the sub-folders are parts of a data set, such as "train" and "test", and not classes.
    OSError
        If the folder cannot be read.
    """
    names = sorted(e.name for e in os.scandir(folder) if e.is_dir() and e.name[0] != ".")
    parts = [name for name in names if any(name.lower() in group for group in PARTS)]
    groups = [group for group in PARTS if any(name.lower() in group for name in parts)]
    if len(groups) > 1 or (parts and parts == names):
        one = os.path.join(folder, parts[-1])
        text = (
            f"{folder} is divided into {' and '.join(parts)}, which are not classes. Name one of "
            f"them: sklearn-tl study {shlex.quote(one)}"
        )
        by_group = [[n for n in parts if n.lower() in group] for group in PARTS]
        train, test = by_group[0], by_group[1] or by_group[2]
        if train and test:
            pair = [shlex.quote(os.path.join(folder, name)) for name in (train[0], test[0])]
            text += f" To train on one and test on the other: --train {pair[0]} --test {pair[1]}"
        raise ValueError(text)
    return {name: files_below(os.path.join(folder, name)) for name in names}


def files_below(folder: str) -> Files:
    """Find the files in a folder, and recognise images by their ending or their content.

    Parameters
    ----------
    folder : str

    Returns
    -------
    files : Files
        Sorted. Files and folders whose names begin with a dot are neither searched nor counted.
    """
    paths, others = [], Counter[str]()
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "."]
        for name in names:
            path = os.path.join(parent, name)
            if name[0] == ".":
                continue
            kind = _kind(path)
            package = kind and missing_package(kind)
            if kind is None or package:
                ending = os.path.splitext(name)[1].lower() or "without an ending"
                others[f"{ending} (pip install {package})" if package else ending] += 1
            else:
                paths.append(path)
    return Files(sorted(paths), others)


def in_words(others: Counter[str]) -> str:
    """Return how many files there are that are not images, and of which kinds.

    Examples
    --------
    >>> in_words(Counter({".txt": 9, ".heic (pip install pillow-heif)": 3}))
    '12 other files: 9 .txt, 3 .heic (pip install pillow-heif)'
    """
    by_number = sorted(others.items(), key=lambda pair: (-pair[1], pair[0]))
    kinds = ", ".join(f"{n} {kind}" for kind, n in by_number)
    n = others.total()
    return f"{n} other {'file' if n == 1 else 'files'}: {kinds}"


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


def _kind(path: str) -> str | None:
    """Return the format of an image file, or None for any other file."""
    known = EXTENSIONS.get(os.path.splitext(path)[1].lower())
    if known is not None:
        return known
    try:
        with open(path, "rb") as file:
            return sniff(file.read(16))
    except OSError:
        return None


def _loose_images(folder: str) -> list[str]:
    files = [e for e in os.scandir(folder) if e.is_file() and e.name[0] != "."]
    return [file.name for file in files if _kind(file.path)]


def _too_few_classes(folder, classes, problems, others):
    text = (
        f"Found {len(classes)} sub-folders with {LEAST} or more readable images in {folder}"
        f"{f' ({classes[0]})' if classes else ''}, and {len(_loose_images(folder))} images outside "
        "of sub-folders. At least 2 classes are needed, each in its own sub-folder: "
        f"{os.path.join(folder, 'cat', '1.jpg')}, {os.path.join(folder, 'dog', '1.jpg')}, ..."
    )
    if problems:
        text += f" {len(problems)} images cannot be read, the first of them: "
        text += problems[min(problems)]
    return f"{text} {in_words(others)}." if others else text
