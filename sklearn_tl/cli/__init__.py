"""The command line: `sklearn-tl study`, `sklearn-tl predict` and others.

The room hands out `main`, which runs a command and returns its exit status. A command is loaded
when it is typed, and torch with it, so that `--help` and wrong arguments are answered at once.
"""

from sklearn_tl.cli.commands import main

__all__ = ["main"]
