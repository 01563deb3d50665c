"""What can be said of paths before torch is loaded."""

import argparse
import os


def check_paths(options: argparse.Namespace) -> None:
    """Raise an error if a folder, a table or a model is missing, or there are too many of them.

    Parameters
    ----------
    options : argparse.Namespace
        Of any command.

    Raises
    ------
    OSError
        If a folder or a table does not exist.
    ValueError
        If a model does not exist, or --train, --test and FOLDER do not go together.
    """
    folder, train, test = (getattr(options, name, None) for name in ("folder", "train", "test"))
    if (train is None) != (test is None):
        raise ValueError("--train and --test belong together: name a folder or table for each.")
    if train is not None and folder is not None:
        raise ValueError(f"FOLDER {folder} and --train {train} exclude each other: leave one out.")
    for path in filter(None, (folder, train, test)):
        os.stat(path)
    model = getattr(options, "model", None)
    if model is not None and not os.path.lexists(model):
        raise ValueError(f"{model} cannot be opened: No such file or directory.")
