"""The command `sklearn-tl app`: a page in the browser that asks a model about photographs."""

import argparse
import os

from sklearn_tl import persistence
from sklearn_tl.cli.model_file import open_model, pickle_refused
from sklearn_tl.cli.problems import problem_of


def app(options: argparse.Namespace) -> int:
    """Show the page of a model until Ctrl-C.

    Parameters
    ----------
    options : argparse.Namespace
        `model`, a path; `port`, an integer or None for a free port; `no_browser`, whether to leave
        the browser closed; and `allow_pickle`, whether to open other files than .sktl.

    Returns
    -------
    status : int
        0.

    Raises
    ------
    ValueError
        If the model is a pickle and these are not allowed, or cannot be opened, or if the port is
        taken.
    ImportError
        If the libraries of the page are not installed.
    """
    from sklearn_tl.pages import model_app, serve

    if not persistence.is_data(options.model) and not options.allow_pickle:
        raise ValueError(pickle_refused(options.model))
    model = open_model(options.model)
    page = model_app(model, os.path.basename(options.model), problem_of)
    serve(page, options.port, not options.no_browser)
    return 0
