"""Folders of image files, whose sub-folders are classes."""

import os
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import Bunch

from sklearn_tl._utils import check_option
from sklearn_tl.datasets.checking import check_reading, listed, problems_of
from sklearn_tl.datasets.problems import counted
from sklearn_tl.images import FORMATS, ImageWarning, missing_package, sniff

EXTENSIONS = {ending: name for name, endings in FORMATS.items() for ending in endings}
# Sub-folders with names of two of these groups are parts of a data set, and not classes.
PARTS = (
    {"train", "training"},
    {"test", "testing"},
    {"val", "valid", "validation"},
)

DESCR = """{folder}: {n_images}{classes}

Target: {target}

Left out
{left_out}
"""


class Files(NamedTuple):
    """The image files of a folder, and how many other files there are of each kind."""

    paths: list[str]
    others: Counter[str]


def load_folder(folder: str | os.PathLike, *, errors: str = "skip", **reading: Any) -> Bunch:
    """Find the images in a folder that has one sub-folder per class.

    Images are found at any depth, by the ending of their names in small or capital letters or, if
    the ending does not tell, by their content. Each image is read once, and nothing of it is kept.
    Names that begin with a dot are ignored.

    Parameters
    ----------
    folder : str or path
        The target of an image is the name of the sub-folder of `folder` that contains the image. A
        folder without sub-folders has no targets.
    errors : {"skip", "raise"}, default="skip"
        Whether images that cannot be read are left out, with a warning, or an error.
    **reading
        The parameters of :func:`sklearn_tl.check_images` that say how images are read:
        ``value_range``, ``channels``, ``page``, ``loader`` and ``max_pixels``. Pass the ones that
        your estimator has.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        A dictionary with the attributes

        paths : list of str
            The image files, sorted by class and name.
        target : ndarray of shape (n_images,) or None
            The class of each image, as text. None if there are no sub-folders with images.
        target_names : list of str
            The classes, sorted.
        groups : None
            A folder has none. Tables may have them: see :func:`load_table`.
        frame : pandas.DataFrame or None
            The columns `path` and `target`. None if pandas is not installed.
        left_out : list of str
            One sentence for each image that cannot be read, and for files that are not images.
        DESCR : str
            What was found and what was left out.

    Raises
    ------
    ValueError
        If the folder has no images that can be read, if its sub-folders are parts of a data set
        such as "train" and "test", or if an image cannot be read and `errors` is "raise".
    OSError
        If the folder cannot be opened.

    Warns
    -----
    sklearn_tl.ImageWarning
        If images are left out.

    See Also
    --------
    load_table : Read paths and targets from a table.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from sklearn_tl.datasets import load_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for path in ("cat/1.png", "cat/2.PNG", "dog/deep/er/1.jpg"):
    ...         file = Path(folder, path)
    ...         file.parent.mkdir(parents=True, exist_ok=True)
    ...         Image.new("RGB", (40, 30)).save(file)
    ...     data = load_folder(folder)
    >>> [Path(path).name for path in data.paths], data.target.tolist()
    (['1.png', '2.PNG', '1.jpg'], ['cat', 'cat', 'dog'])
    """
    check_option("errors", errors, ("skip", "raise"))
    check_reading("load_folder", reading)
    folder = os.fspath(folder)
    if os.path.isfile(folder):
        raise NotADirectoryError(
            f"{folder} is a file and not a folder. If it is a table: load_table({folder!r})"
        )
    parts, _ = find_parts(folder)
    if parts:
        one = os.path.join(folder, parts[-1])
        raise ValueError(
            f"{folder} is divided into {' and '.join(parts)}, which are not classes. Load one of "
            f"them: load_folder({one!r})"
        )
    found = find_images(folder)
    has_classes = any(files.paths for files in found.values())
    if not has_classes:
        found = {"": find_files(folder)}
    paths = [path for files in found.values() for path in files.paths]
    others = sum((files.others for files in found.values()), Counter[str]())
    if not paths:
        raise ValueError(f"{folder} contains no image files.{f' {_others(others)}' * bool(others)}")
    names = [name for name, files in found.items() for _ in files.paths]
    texts = problems_of(paths, reading)
    problems = [text for text in texts if text is not None]
    keep = [i for i, text in enumerate(texts) if text is None]
    if problems and (errors == "raise" or not keep):
        skip = '\nTo leave such images out: errors="skip"' if keep else ""
        raise ValueError(f"{_unreadable(problems, len(paths), folder)}{skip}")
    loose = find_loose_images(folder) if has_classes else []
    outside = [f"{counted(len(loose), 'image', 'images')} outside of sub-folders"] if loose else []
    lost = list(outside)
    lost += [in_words(others)] if any("pip install" in kind for kind in others) else []
    if problems:
        lost = [f"{_unreadable(problems, len(paths), folder)}", *lost]
    if lost:
        warnings.warn("Left out: " + "\nLeft out: ".join(lost), ImageWarning, stacklevel=2)
    left_out = [
        *problems,
        *(f"the sub-folder {name}, which has no images" for name in _empty(found) if has_classes),
        *outside,
        *([in_words(others)] if others else []),
    ]
    target = np.array([names[i] for i in keep]) if has_classes else None
    paths = [paths[i] for i in keep]
    classes = [] if target is None else np.unique(target).tolist()
    return Bunch(
        paths=paths,
        target=target,
        target_names=classes,
        groups=None,
        frame=_frame(paths, target),
        left_out=left_out,
        DESCR=DESCR.format(
            folder=folder,
            n_images=counted(len(paths), "image", "images"),
            classes=f" of {counted(len(classes), 'class', 'classes')}" if classes else "",
            target="the name of the sub-folder" if classes else "none, without sub-folders",
            left_out="\n".join(f"- {text}" for text in left_out) or "nothing",
        ),
    )


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
    OSError
        If the folder cannot be read.
    """
    return {name: find_files(os.path.join(folder, name)) for name in _sub_folders(folder)}


def find_parts(folder: str) -> tuple[list[str], tuple[str, str] | None]:
    """Find the sub-folders that are parts of a data set, such as "train" and "test".

    Parameters
    ----------
    folder : str

    Returns
    -------
    parts : list of str
        Names of sub-folders. Empty if the sub-folders are classes.
    pair : (str, str) or None
        The part to train on and the one to test on, if there are both.
    """
    names = _sub_folders(folder)
    by_group = [[name for name in names if name.lower() in group] for group in PARTS]
    parts = [name for name in names if any(name in group for group in by_group)]
    if sum(map(bool, by_group)) < 2 and not (parts and parts == names):
        return [], None
    train, test = by_group[0], by_group[1] or by_group[2]
    return parts, (train[0], test[0]) if train and test else None


def find_files(folder: str) -> Files:
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
            if os.path.exists(path) and not os.path.isfile(path):
                others["not a regular file"] += 1  # a pipe, say, from which reading may never end
                continue
            kind = kind_of(path)
            package = kind and missing_package(kind)
            if kind is None or package:
                ending = os.path.splitext(name)[1].lower() or "without an ending"
                others[f"{ending} (pip install {package})" if package else ending] += 1
            else:
                paths.append(path)
    return Files(sorted(paths), others)


def find_loose_images(folder: str) -> list[str]:
    """Return the names of the images in a folder that are in no sub-folder."""
    files = [e for e in os.scandir(folder) if e.is_file() and e.name[0] != "."]
    return [file.name for file in files if kind_of(file.path)]


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


def kind_of(path: str) -> str | None:
    """Return the format of an image file, or None for any other file."""
    known = EXTENSIONS.get(os.path.splitext(path)[1].lower())
    if known is not None:
        return known
    try:
        with open(path, "rb") as file:
            return sniff(file.read(16))
    except OSError:
        return None


def _sub_folders(folder: str) -> list[str]:
    return sorted(e.name for e in os.scandir(folder) if e.is_dir() and e.name[0] != ".")


def _empty(found: dict[str, Files]) -> Iterable[str]:
    return (name for name, files in found.items() if not files.paths)


def _others(others: Counter[str]) -> str:
    return f"It contains {in_words(others)}."


def _unreadable(problems: Sequence[str], n_images: int, folder: str) -> str:
    n = f"{len(problems)} of {counted(n_images, 'image', 'images')}"
    return f"{n} in {folder} cannot be read:\n{listed(problems)}"


def _frame(paths: list[str], target: np.ndarray | None) -> Any:
    try:
        import pandas as pd
    except ImportError:
        return None
    columns: dict[str, Any] = {"path": paths}
    return pd.DataFrame(columns if target is None else columns | {"target": target})
