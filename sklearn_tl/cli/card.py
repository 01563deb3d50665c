"""The command `sklearn-tl card`: what is known of a model, and what it must not be used for."""

import argparse
import json
from typing import Any

from sklearn_tl import persistence
from sklearn_tl.card import to_markdown
from sklearn_tl.cli.model_file import is_data, open_model, pickle_refused


def card(options: argparse.Namespace) -> int:
    """Print the card of a model as Markdown, or as JSON.

    Parameters
    ----------
    options : argparse.Namespace
        `model` is the path of the file. With `json`, programs can read what is printed.
        `allow_pickle` says whether to open other files than .sktl.

    Returns
    -------
    status : int
        0. Whatever goes wrong is an exception.
    """
    found = read(options.model, options.allow_pickle)
    print(json.dumps(found, indent=2) if options.json else to_markdown(found).rstrip())
    return 0


def read(path: str, allow_pickle: bool) -> dict[str, Any]:
    """Return the card in a model file.

    Raises
    ------
    ValueError
        If the file cannot be opened, is not a model file, or is a pickle that is not allowed.
    """
    try:
        if is_data(path):
            return persistence.read_card(path)
    except OSError as error:
        raise ValueError(f"{path} cannot be opened: {error.strerror or error}.") from error
    if not allow_pickle:
        raise ValueError(pickle_refused(path))
    return persistence.card_of(open_model(path))
