"""Tables as the command line reads them: what is said of them, and two that belong together."""

import argparse
from collections import Counter
from typing import Any

import numpy as np

from sklearn_tl.cli.folders import LEAST, describe, too_small
from sklearn_tl.cli.messages import complain, reword
from sklearn_tl.datasets import Problems, Table, as_labels, counted, is_table, read_table

OPTIONS = ("path_column", "target", "group", "images", "separator", "task")


def table_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options that only tables have, as parameters of `read_table`."""
    values = {name: getattr(options, name) for name in OPTIONS}
    target = values["target"]
    return values | {"target": target[0] if target and len(target) == 1 else target}


def check_no_table_options(options: argparse.Namespace, folder: str) -> None:
    """Raise a ValueError if an option for tables comes with a folder."""
    if options.target is not None and is_table(options.target[-1]):
        raise ValueError(f"TABLE must come before the options: {options.target[-1]}")
    for name in OPTIONS:
        if getattr(options, name) is not None:
            raise ValueError(
                f"--{name.replace('_', '-')} is an option for tables, but {folder} is not a table. "
                "Name a file that ends in .csv, .tsv, .txt or .parquet."
            )


def load_one(options: argparse.Namespace, find_problems: Problems) -> Table:
    """Read the table of a study, and say what it contains."""
    table = _read(options.folder, options, find_problems, table_options(options))
    _say(options.folder, table)
    return table


def load_two(options: argparse.Namespace, find_problems: Problems) -> tuple[Table, Table]:
    """Read the table to train on and the one to test on, which has the same columns and labels.

    Raises
    ------
    ValueError
        If the second table has classes or tags that the first one lacks, or `--group` is given.
    """
    if options.group is not None:
        raise ValueError("--group makes folds, and there are none with --train and --test.")
    parameters = table_options(options)
    train = _read(options.train, options, find_problems, parameters)
    path, targets = train.columns.path, train.columns.targets
    parameters |= {"path_column": path, "target": targets, "task": train.task}
    parameters["may_lack_separator"] = True
    # In a table with "3.0" and "x" the class is "3.0". In one with "3.0" alone it would be 3.
    is_text = train.task == "classification" and train.target.dtype.kind == "U"
    parameters["as_text"] = is_text
    test = _read(options.test, options, find_problems, parameters, least=1)
    if options.separator is not None:
        names = train.target.columns
        check_known(options, "tag", set(test.target.columns) - set(names))
        test = test._replace(target=test.target.reindex(columns=names, fill_value=0))
    if train.task == "classification":
        known = set(train.target)
        unknown = set(test.target) - known
        if not is_text and test.target.dtype.kind == "U":  # numbers, and something else
            unknown = {text for text in test.target if as_labels([text])[0] not in known}
        check_known(options, "class", unknown)
    _say(options.train, train)
    _say(options.test, test)
    return train, test


def check_known(options: argparse.Namespace, what: str, unknown: set) -> None:
    """Raise a ValueError if a class or tag is tested that is not trained."""
    if unknown:
        raise ValueError(
            f"The {what} {min(unknown)} of --test {options.test} has no images in --train "
            f"{options.train}. Both must have the same names."
        )


def _read(
    file: str,
    options: argparse.Namespace,
    find_problems: Problems,
    parameters: dict[str, Any],
    least: int = LEAST,
) -> Table:
    """Read a table, and leave classes out that have too few images."""
    table = read_table(file, errors=options.errors, find_problems=find_problems, **parameters)
    if table.task != "classification":
        return table
    counts = Counter(table.target.tolist())
    small = sorted(label for label, n in counts.items() if n < least)
    if small and len(counts) - len(small) < 2:
        n_classes = counted(len(counts), "class", "classes")
        raise ValueError(
            f"{file} has {n_classes} in {table.columns.targets[0]!r}, and "
            f"{len(counts) - len(small)} of them with {least} or more images. At least 2 such "
            "classes are needed. If the cells are numbers to predict: --task regression"
        )
    keep = np.flatnonzero(~np.isin(table.target, small))
    return table._replace(
        paths=[table.paths[i] for i in keep],
        target=table.target[keep],
        groups=None if table.groups is None else table.groups[keep],
        frame=table.frame.iloc[keep],
        left_out=[
            *(too_small(str(label), counts[label], least) for label in small),
            *table.left_out,
        ],
    )


def _say(file: str, table: Table) -> None:
    """Print what a table contains, and what of it was guessed or left out."""
    for sentence in table.left_out:
        print(f"Left out: {reword(sentence)}")
    for doubt in table.doubts:
        complain("warning", doubt)
    n_images = counted(len(table.paths), "image", "images")
    print(f"{file}: {describe(table.target) if table.task == 'classification' else n_images}")
    for remark in table.remarks:
        print(reword(remark))


def named_target(table: Table) -> Any:
    """Return the targets, with a name if they are a column of numbers."""
    if table.task != "regression" or hasattr(table.target, "columns"):
        return table.target
    import pandas as pd

    return pd.Series(table.target, name=table.columns.targets[0])


def both(train: Any, test: Any) -> Any:
    """Return the targets of two tables, one after the other."""
    if isinstance(train, np.ndarray):
        return np.concatenate([train, test])
    import pandas as pd

    return pd.concat([train, test], ignore_index=True)
