"""Which columns of a table have the paths, the targets and the groups."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sklearn_tl._utils import close_matches
from sklearn_tl.datasets.close_files import close_file
from sklearn_tl.datasets.folders import EXTENSIONS, kind_of

if TYPE_CHECKING:
    import pandas as pd

SAMPLE = 50  # cells of a column that are tried


class Columns(NamedTuple):
    """The names of the columns that are used, and sentences about the ones that were guessed."""

    path: str
    targets: list[str]
    group: str | None
    guessed: list[str]


def choose_columns(
    cells: "pd.DataFrame",
    file: str,
    folder: str,
    path_column: str | None,
    target: str | Sequence[str] | None,
    group: str | None,
) -> Columns:
    """Choose the columns of a table, and guess the ones that were not named.

    Parameters
    ----------
    cells : pandas.DataFrame of str
    file : str
        The name of the table, for messages.
    folder : str
        The folder that the paths are relative to.
    path_column, group : str or None
    target : str, list of str or None

    Raises
    ------
    ValueError
        If a column does not exist, or there is not exactly one candidate for a guess.
    """
    names = list(cells.columns)
    for name in names:
        if _is_image(find_file(folder, name)):
            raise _lacks_header(names, name, file)
    targets = _as_list(target, names)
    for name in [path_column, *targets, group]:
        if name is not None and name not in names:
            raise ValueError(
                f"{file} has no column {name!r}.{close_matches(name, names)} Its columns are "
                f"{_quoted(names)}."
            )
    guessed = []
    others = [name for name in names if name not in (*targets, group)]
    if path_column is None:
        path_column = _guess_path(cells, others, file, folder, named=[*targets, group])
        guessed.append(f"Paths are in the column {path_column!r}.")
    elif path_column in (*targets, group):
        raise ValueError(f"The column {path_column!r} cannot be path_column and something else.")
    if os.path.splitext(path_column)[1].lower() in EXTENSIONS:
        raise _lacks_header(names, path_column, file)
    if target is not None and not targets:
        raise ValueError("target is empty. Expected the name of a column, or a list of names.")
    if len(set(targets)) < len(targets) or group in targets:
        raise ValueError(f"target={target!r} and group={group!r} name a column twice.")
    if not targets:
        targets = [_guess_target([name for name in others if name != path_column], file)]
        guessed.append(f"The target is the column {targets[0]!r}.")
    return Columns(path_column, targets, group, guessed)


def find_file(folder: str, cell: str) -> str:
    """Return the path that a cell stands for. Windows' backslashes are understood elsewhere."""
    path = os.path.join(folder, cell)
    if "\\" in cell and not os.path.isfile(path):
        other = os.path.join(folder, cell.replace("\\", "/"))
        return other if os.path.isfile(other) else path
    return path


def _as_list(target: str | Sequence[str] | None, names: list[str]) -> list[str]:
    """Return the names of the target columns, which must be text."""
    if target is None:
        return []
    targets = [target] if isinstance(target, str) or not isinstance(target, Sequence) else target
    for name in targets:
        if not isinstance(name, str):
            raise TypeError(
                f"target={target!r} must be the name of a column, or a list of names. The columns "
                f"are {_quoted(names)}."
            )
    return list(targets)


def _lacks_header(names: list[str], image: str, file: str) -> ValueError:
    return ValueError(
        f"{file} has no header: its first row is {_quoted(names)}, and {image!r} is the name of an "
        "image. Add a first row with the names of the columns, for example path and label."
    )


def _guess_path(
    cells: "pd.DataFrame", names: list[str], file: str, folder: str, named: Sequence[str | None]
) -> str:
    shares = {name: _share_of_images(cells[name].tolist(), folder) for name in names}
    candidates = [name for name, share in shares.items() if share > 0.5]
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise ValueError(
            f"Several columns of {file} name image files: {_quoted(candidates)}. Name one: "
            f"path_column={candidates[0]!r}"
        )
    for name in filter(None, named):
        if _share_of_images(cells[name].tolist(), folder) > 0.5:
            raise ValueError(
                f"The column {name!r} of {file} names the image files, so it cannot be the target "
                f"or the group. Its columns are {_quoted(list(cells))}."
            )
    likely = max(names, key=lambda name: shares[name], default=None)
    endings = [n for n in names if any(_has_ending(cell) for cell in cells[n].head(SAMPLE))]
    likely = endings[0] if endings and not (likely and shares[likely]) else likely
    if likely is None:
        raise ValueError(f"{file} has no column with paths. Its columns are {list(cells)}.")
    example = next((cell for cell in cells[likely] if cell), "")
    close = close_file(folder, example)
    if close is not None:
        raise ValueError(
            f"No column of {file} names image files that exist. For example, {example!r} in "
            f"{likely!r} does not exist in {folder or os.curdir!r}. Did you mean {close!r}?"
        )
    raise ValueError(
        f"No column of {file} names image files that exist. Its columns are "
        f"{_quoted(list(cells))}. For example, {example!r} in {likely!r} was looked for in "
        f"{folder or os.curdir!r}. If paths are relative to another folder, set images=FOLDER. To "
        f"name the column: path_column={likely!r}"
    )


def _is_image(path: str) -> bool:
    return os.path.isfile(path) and kind_of(path) is not None


def _has_ending(cell: str) -> bool:
    return os.path.splitext(cell)[1].lower() in (".jpg", ".jpeg", ".png", ".tif", ".tiff")


def _share_of_images(cells: list[str], folder: str) -> float:
    cells = [cell for cell in cells if cell]
    if not cells:
        return 0.0
    some = [cells[i] for i in np.unique(np.linspace(0, len(cells) - 1, SAMPLE).astype(int))]
    found = [find_file(folder, cell) for cell in some]
    return sum(map(_is_image, found)) / len(some)


def _guess_target(names: list[str], file: str) -> str:
    if len(names) == 1:
        return names[0]
    if not names:
        raise ValueError(f"{file} has no column for the target beside those of paths and groups.")
    raise ValueError(
        f"Several columns of {file} could be the target: {_quoted(names)}. Name one: "
        f"target={names[-1]!r}"
    )


def _quoted(names: list[str]) -> str:
    return ", ".join(map(repr, names))
