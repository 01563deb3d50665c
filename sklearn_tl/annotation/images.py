"""The images of a folder, by the paths that a table keeps, and in an order that never changes."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sklearn_tl.annotation.names import FORMULA
from sklearn_tl.datasets import find_files


def images_to_label(folder: str | os.PathLike, table: Path) -> tuple[list[str], list[str], str]:
    """Find the images of a folder.

    Parameters
    ----------
    folder : str or path
    table : Path
        The table of answers, to whose folder names are relative.

    Returns
    -------
    paths : list of str
        To open the files.
    names : list of str
        The paths as the table has them, with "/" between folders. Those that a spreadsheet would
        take for a formula begin with "./".
    left_out : str
        How many files have a name that a table cannot hold, in words. Empty if there are none.

    Raises
    ------
    ValueError
        If the folder has no images, or is not a folder.
    """
    folder = os.fspath(folder)
    if not os.path.isdir(folder):
        kind = "is a file and not a folder" if os.path.exists(folder) else "does not exist"
        raise ValueError(f"The folder {folder!r} {kind}. Name a folder of images.")
    found, _ = find_files(folder)
    if not found:
        raise ValueError(f"The folder {folder} contains no image files.")
    paths, names, left_out = [], [], []
    for path in found:
        name = _name(path, table)
        if name.isprintable() and name == name.strip():
            paths.append(path)
            names.append(name)
        else:
            left_out.append(path)
    remark = ""
    if left_out:
        files = "1 file has a name" if len(left_out) == 1 else f"{len(left_out)} files have names"
        remark = f"{files} that a table cannot hold, for example {left_out[0]!r}. Rename to label."
    if not paths:
        raise ValueError(f"No image in {folder} can be labelled: {remark}")
    return paths, names, remark


def shares(names: Sequence[str], seed: int = 0) -> np.ndarray:
    """Return a number from 0 to 1 per name, which looks random and is the same at each start.

    It depends on the name alone, so new images in a folder change nothing for the others.
    """
    digests = (hashlib.sha256(f"{seed}/{name}".encode()).digest() for name in names)
    return np.array([int.from_bytes(digest[:8]) / 2**64 for digest in digests])


def _name(path: str, table: Path) -> str:
    try:
        name = os.path.relpath(path, table.parent)
    except ValueError:  # another drive of Windows
        name = os.path.abspath(path)
    name = name.replace(os.sep, "/")
    # The same file, but not a formula if a spreadsheet opens the table.
    return f"./{name}" if name[0] in FORMULA else name
