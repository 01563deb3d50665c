"""`load_table`: paths, targets and groups from a table, with all of its problems at once."""

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.utils import Bunch

from sklearn_tl._choices import TASKS
from sklearn_tl._utils import check_option
from sklearn_tl.datasets.cells import as_labels, natural
from sklearn_tl.datasets.checking import Problems, check_reading, problems_of
from sklearn_tl.datasets.columns import Columns, choose_columns, find_file
from sklearn_tl.datasets.problems import TableError, counted
from sklearn_tl.datasets.table_files import read_cells, require_pandas
from sklearn_tl.datasets.table_problems import (
    problems_of_files,
    problems_of_repetitions,
    problems_of_rows,
)
from sklearn_tl.datasets.table_targets import choose_targets
from sklearn_tl.images import ImageWarning

if TYPE_CHECKING:
    import pandas as pd

SKIP = 'To leave such rows out: errors="skip"'

DESCR = """{file}: {n_images}

Paths: the column {path!r}, relative to {folder}
Target: {target}
Groups: {group}
Task: {task}

Remarks
{remarks}

Left out
{left_out}
"""


class Table(NamedTuple):
    """What a table contains.

    Parameters
    ----------
    paths : list of str
    target : ndarray of shape (n_images,) or pandas.DataFrame
    groups : ndarray of shape (n_images,) or None
    frame : pandas.DataFrame
    task : {"classification", "multilabel", "regression"}
    columns : Columns
    folder : str
        The folder that the paths are relative to.
    remarks : list of str
        What was guessed.
    doubts : list of str
        What may be wrong, though it can be read.
    left_out : list of str
    """

    paths: list[str]
    target: Any
    groups: np.ndarray | None
    frame: "pd.DataFrame"
    task: str
    columns: Columns
    folder: str
    remarks: list[str]
    doubts: list[str]
    left_out: list[str]

    @property
    def target_names(self) -> list[str]:
        """The names of the numbers or labels, or the classes as text."""
        if hasattr(self.target, "columns"):
            return [str(name) for name in self.target.columns]
        if self.task == "classification":
            return [str(name) for name in np.unique(self.target)]
        return self.columns.targets


def load_table(
    file: str | os.PathLike,
    target: str | Sequence[str] | None = None,
    *,
    path_column: str | None = None,
    group: str | None = None,
    images: str | os.PathLike | None = None,
    separator: str | None = None,
    task: str | None = None,
    errors: str = "raise",
    **reading: Any,
) -> Bunch:
    r"""Read the paths of images and their targets from a table.

    The table has a header, and one row per image. Each image is read once, and nothing of it is
    kept. All problems of the table come in one error, with the numbers of the rows.

    Parameters
    ----------
    file : str or path
        A CSV file, whose cells are separated by commas, semicolons, tabs or vertical bars (``.csv``
        or ``.txt``); a file with tabs (``.tsv``); or a Parquet file (``.parquet``, which needs
        pyarrow).
    target : str, list of str or None, default=None
        The column of the targets; or several columns of numbers, or of 0 and 1 for labels. None
        takes the only column that is left.
    path_column : str or None, default=None
        The column of paths. None takes the only column in which most cells name an image file.
    group : str or None, default=None
        The column of groups, for example of patients. Images of one group belong in the same fold.
    images : str or path or None, default=None
        The folder that the paths are relative to. None is the folder of the table.
    separator : str or None, default=None
        What is between the tags in a cell of `target`, for example ``"|"``. An empty cell is then
        an image without tags.
    task : {"classification", "multilabel", "regression"} or None, default=None
        What the targets stand for. None guesses: text and few whole numbers are classes, tags and
        columns of 0 and 1 are several labels, and other numbers are a regression.
    errors : {"raise", "skip"}, default="raise"
        Whether rows with problems are an error, or left out, with a warning. Four problems are
        always errors, since the other rows cannot be trusted either: a file with different
        targets, numbers such as "1,200" that are not written as a computer expects, a separator
        that no cell contains, and tags that are written as a list of Python.
    **reading
        The parameters of :func:`sklearn_tl.check_images` that say how images are read:
        ``value_range``, ``channels``, ``page``, ``loader`` and ``max_pixels``. Pass the ones that
        your estimator has.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        A dictionary with the attributes

        paths : list of str
            The image files, in the order of the table.
        target : ndarray of shape (n_images,) or pandas.DataFrame
            Labels or numbers. A table with one column per tag or number if there are several.
        groups : ndarray of shape (n_images,) or None
            The group of each image.
        frame : pandas.DataFrame
            All columns of the rows that are kept. The index has the numbers of the rows, as a
            spreadsheet shows them: the header is row 1.
        target_names : list of str
            The classes, the tags, or the names of the columns of numbers.
        task : str
            The task that was named or guessed.
        left_out : list of str
            One sentence for each kind of problem, if `errors` is "skip".
        DESCR : str
            What was found, guessed and left out.

    Raises
    ------
    ValueError
        If the file has no header, if a column does not exist or cannot be guessed, or if rows have
        problems: files that are missing or cannot be read, repeated rows, empty targets, cells that
        are not numbers, or a separator that no cell contains.
    TypeError
        If `file` is not a path, or `target` is not a name or a list of names.
    ImportError
        If pandas is not installed.
    OSError
        If the table cannot be opened.

    Warns
    -----
    sklearn_tl.ImageWarning
        If rows are left out, or if cells can be read and may mean something else: several tags
        without a `separator`, "Red" and "red", or "1.200" for a thousand. No such doubt is raised
        if `task` is named.

    See Also
    --------
    load_folder : Take the names of sub-folders as labels.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from sklearn_tl.datasets import load_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("1.png", "2.png", "3.png"):
    ...         Image.new("RGB", (40, 30)).save(Path(folder, name))
    ...     table = Path(folder, "posters.csv")
    ...     _ = table.write_text("path,genres\n1.png,Drama|Crime\n2.png,Comedy\n3.png,Drama\n")
    ...     data = load_table(table, separator="|")
    >>> data.task, data.target_names
    ('multilabel', ['Comedy', 'Crime', 'Drama'])
    >>> data.target.to_numpy().tolist()
    [[0, 1, 1], [1, 0, 0], [0, 0, 1]]
    """
    check_reading("load_table", reading)
    if not isinstance(file, str | os.PathLike):
        raise TypeError(
            f"load_table reads a file, but file is a {type(file).__name__}. A table in memory "
            "needs no reading: pass its column of paths as X and its column of targets as y."
        )
    table = read_table(
        os.fspath(file),
        path_column=path_column,
        target=target,
        group=group,
        images=None if images is None else os.fspath(images),
        separator=separator,
        task=task,
        errors=errors,
        find_problems=lambda paths: problems_of(paths, reading),
    )
    for doubt in table.doubts:
        warnings.warn(doubt, ImageWarning, stacklevel=2)
    if table.left_out:
        sentences = [f"{os.fspath(file)}: rows were left out.", *table.left_out]
        warnings.warn("\n- ".join(sentences), ImageWarning, stacklevel=2)
    columns = table.columns
    return Bunch(
        paths=table.paths,
        target=table.target,
        groups=table.groups,
        frame=table.frame,
        target_names=table.target_names,
        task=table.task,
        left_out=table.left_out,
        DESCR=DESCR.format(
            file=os.fspath(file),
            n_images=counted(len(table.paths), "image", "images"),
            path=columns.path,
            folder=table.folder or os.curdir,
            target=", ".join(columns.targets),
            group="none" if columns.group is None else f"the column {columns.group!r}",
            task=table.task,
            remarks=_as_list([*table.remarks, *table.doubts]),
            left_out=_as_list(table.left_out),
        ),
    )


def read_table(
    file: str,
    *,
    path_column: str | None,
    target: str | Sequence[str] | None,
    group: str | None,
    images: str | None,
    separator: str | None,
    task: str | None,
    errors: str,
    find_problems: Problems,
    may_lack_separator: bool = False,
    as_text: bool = False,
) -> Table:
    """Read a table as :func:`load_table` does.

    Parameters
    ----------
    file : str
    path_column, target, group, images, separator, task, errors
        As those of :func:`load_table`.
    find_problems : callable
        Returns for each path a sentence that says why the image cannot be read, or None.
    may_lack_separator : bool, default=False
        Whether no cell needs to contain the separator, since another table does.
    as_text : bool, default=False
        Whether classes are the text of their cells, also if all of them are numbers.

    Returns
    -------
    table : Table

    Raises
    ------
    ValueError, ImportError, OSError
        As :func:`load_table`.
    """
    pd = require_pandas()
    check_option("errors", errors, ("skip", "raise"))
    if task is not None:
        check_option("task", task, TASKS)
    if separator == "":
        raise ValueError("separator is empty. Expected what is between two tags, such as '|'.")
    if separator is not None and separator.isalnum():
        raise ValueError(
            f"separator={separator!r} would divide words or numbers that contain it. Expected what "
            "is between two tags, such as '|'. A word needs spaces around it: ' and '."
        )
    if images is not None and not os.path.isdir(images):
        raise ValueError(f"images={images!r} is not a folder.")
    folder = os.path.dirname(file) if images is None else images
    cells, ragged = read_cells(file)
    columns = choose_columns(cells, file, folder, path_column, target, group)
    targets = choose_targets(cells, columns.targets, separator, task, may_lack_separator, as_text)
    paths = {row: find_file(folder, cell) for row, cell in cells[columns.path].items() if cell}
    problems = [
        *problems_of_rows(cells, ragged, columns, targets),
        *problems_of_files(paths, cells[columns.path], folder, images, find_problems),
        *targets.problems,
    ]
    bad = {row for problem in problems for row in problem.rows}
    problems += problems_of_repetitions(paths, targets, bad)
    bad = {row for problem in problems for row in problem.rows}
    keep = [row for row in cells.index if row not in bad]
    can_go_on = all(problem.can_be_left_out for problem in problems) and len(keep) > 0
    if problems and (errors == "raise" or not can_go_on):
        raise TableError(file, problems, [*targets.doubts, *([SKIP] if can_go_on else [])])
    y, of_task, remark = targets.read(keep)
    columns_of_frame = {name: natural(cells.loc[keep, name].tolist()) for name in cells.columns}
    return Table(
        paths=[paths[row] for row in keep],
        target=y,
        groups=None if group is None else as_labels(cells.loc[keep, group].tolist()),
        frame=pd.DataFrame(columns_of_frame, index=pd.Index(keep, name="row")),
        task=of_task,
        columns=columns,
        folder=folder,
        remarks=[*columns.guessed, *remark],
        doubts=targets.doubts,
        left_out=[problem.sentence for problem in problems],
    )


def _as_list(sentences: list[str]) -> str:
    return "\n".join(f"- {text}" for text in sentences) or "nothing"
