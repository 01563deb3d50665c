"""A parser whose errors take one line, and what several commands say in their `--help`."""

import argparse
import difflib
import re
from collections.abc import Callable
from typing import Any, NoReturn

from sklearn_tl import __version__
from sklearn_tl.cli.options.values import natural

MODEL_FILES = """\
model files:
  A model file whose name ends in .sktl contains data and no code. Opening one runs no code, whoever
  made it. Any other name makes a joblib file. A joblib file is a pickle, and opening one may run
  any code: open only joblib files that you trust.
"""


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors take one line, and whose options have one spelling."""

    def __init__(self, prog: str, *, usage: str, description: str, epilog: str) -> None:
        super().__init__(
            prog,
            usage,
            description,
            epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.add_argument("--version", action="version", version=f"sklearn-tl {__version__}")

    def error(self, message: str) -> NoReturn:
        """Print the message on one line and exit with status 2."""
        text = message if message.endswith((".", "?", "!")) else f"{message}."
        self.exit(2, f"sklearn-tl: error: {text} For help: {self.prog} --help\n")

    def parse_args(self, args=None, namespace=None):
        """Return the options, or suggest one that is spelled like an unknown one."""
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            known = re.findall(r"--[\w-]+", self.format_help())
            close = difflib.get_close_matches(unknown[0], known, n=1)
            guess = f" Did you mean {close[0]}?" if close else ""
            self.error(f"{unknown[0]!r} is not an option, and no argument is expected here.{guess}")
        return options


def add_table_options(
    options: argparse.ArgumentParser, *, target: str, group: str
) -> Callable[..., Any]:
    """Add the options that say what a table contains.

    Parameters
    ----------
    options : ArgumentParser
    target, group : str
        The help of --target and --group.

    Returns
    -------
    add : callable
        The `add_argument` of the group, for further options.
    """
    add = options.add_argument_group("what a table contains").add_argument
    add(
        "--path-column",
        metavar="NAME",
        help="the column of paths; default: the only one that names image files",
    )
    add("--target", nargs="+", metavar="NAME", help=target)
    add("--group", metavar="NAME", help=group)
    add(
        "--images",
        metavar="DIR",
        help="the folder that the paths are relative to; default: the folder of the table",
    )
    add(
        "--separator",
        metavar="TEXT",
        help="what is between several tags in a cell, for example '|'",
    )
    return add


def add_page_options(options: argparse.ArgumentParser) -> None:
    """Add the options of the commands that show a page in the browser."""
    options.add_argument(
        "--port", metavar="N", type=natural, help="of the address; default: a free one"
    )
    options.add_argument(
        "--no-browser",
        action="store_true",
        help="print the address, and do not open it in the browser",
    )


def add_allow_pickle(options: argparse.ArgumentParser) -> None:
    """Add the option of the commands that people use for models of others."""
    options.add_argument(
        "--allow-pickle",
        action="store_true",
        help="also open a file whose name does not end in .sktl; it may run any code",
    )
