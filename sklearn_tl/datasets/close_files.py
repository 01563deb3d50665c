"""The file that a path which does not exist seems to mean."""

import os
import unicodedata


def close_file(folder: str, cell: str) -> str | None:
    """Return the path of a file that differs from a cell in a way that people do not see.

    That is in small and capital letters, in the form of accents (a Mac writes "ü" as two
    characters), or in the ending of the name.

    Parameters
    ----------
    folder : str
        The folder that the path is relative to.
    cell : str
        The path.

    Returns
    -------
    path : str or None
        As it would be written in the cell. None if no file is close.
    """
    cell = cell.replace("\\", "/")
    start, name = os.path.split(cell)
    # Of an absolute path only the name is compared.
    found, parts = ([start], [name]) if os.path.isabs(cell) else ([], cell.split("/"))
    for i, part in enumerate(parts):
        is_last = i == len(parts) - 1
        close = _close_name(os.path.join(folder or os.curdir, *found), part, is_last)
        if close is None:
            return None
        found.append(close)
    path = "/".join(found)
    return path if os.path.isfile(os.path.join(folder, path)) else None


def _close_name(folder: str, part: str, may_lack_ending: bool) -> str | None:
    if part in ("", os.curdir, os.pardir):
        return part
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return None
    alike = [name for name in names if _plain(name) == _plain(part)]
    if not alike and may_lack_ending:
        stems = _plain(part), _plain(os.path.splitext(part)[0])
        alike = [name for name in names if _plain(os.path.splitext(name)[0]) in stems]
    return min(alike, key=lambda name: name != part, default=None)  # the part itself first


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
