"""The program: one of its commands, with errors on one line and an exit status."""

import argparse
import difflib
import io
import os
import re
import shlex
import sys
import warnings
from importlib import import_module

from sklearn_tl.cli.messages import complain
from sklearn_tl.cli.options import program
from sklearn_tl.cli.options.study import DEMONSTRATION
from sklearn_tl.cli.paths import check_paths


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        The arguments; None takes those of the process.

    Returns
    -------
    status : int
        0; 1 after errors, which were printed; 130 after Ctrl-C; 141 if nobody reads the output.

    Raises
    ------
    SystemExit
        With status 2 if the arguments are wrong, and 0 after --help and --version.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be any bytes
    command, options = _parse(sys.argv[1:] if argv is None else list(argv))
    with warnings.catch_warnings():
        seen: set[str] = set()
        warnings.showwarning = lambda message, *_, **__: _warn(message, seen)
        try:
            check_paths(options)
            # Loads torch, which takes seconds.
            run = getattr(import_module(f"sklearn_tl.cli.{command}"), command)
            status = run(options)
            sys.stdout.flush()
        except KeyboardInterrupt:
            return 130
        except BrokenPipeError:
            # The interpreter will flush again when it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
        except (OSError, ValueError, ImportError) as error:
            complain("error", error)
            return 1
    return status


def _warn(message: Warning | str, seen: set[str]) -> None:
    """Print a warning in one line, and the same one no second time."""
    # Its advice is how to write other Python. Importing the class would load scikit-learn.
    if type(message).__name__ == "ConvergenceWarning":
        message = "A logistic regression was stopped before it converged; its score may be lower."
    if absent := re.fullmatch(r"Label (not )?(\d+) is present in all training.*", str(message)):
        which = "no image with" if absent[1] else "only images with"
        message = (
            f"A training set has {which} label {absent[2]} (counted from 0), so nothing can be "
            "learned about this label there."
        )
    if str(message) not in seen:
        seen.add(str(message))
        complain("warning", message)


def _parse(arguments: list[str]) -> tuple[str, argparse.Namespace]:
    """Return the name of the command, and its options."""
    first, *others = arguments or ["study", *DEMONSTRATION]
    if first in program.COMMANDS:
        options = import_module(f"sklearn_tl.cli.options.{first}")
        return first, options.parser().parse_args(others)
    parser = program.parser()
    if first in ("-h", "--help", "--version"):
        parser.parse_args([first])
    return parser.error(_unknown(arguments))


def _unknown(arguments: list[str]) -> str:
    """Say what to type instead of arguments that do not begin with a command."""
    first = arguments[0]
    close = difflib.get_close_matches(first, program.COMMANDS, n=1)
    if close and not os.path.exists(first):
        return f"{first!r} is not a command. Did you mean {close[0]!r}?"
    what = "an option of sklearn-tl without a command" if first.startswith("-") else "a command"
    instead = shlex.join(["sklearn-tl", "study", *arguments])
    return f"{first!r} is not {what}. To study a folder of images: {instead}"
