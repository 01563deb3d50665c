"""The command line: `sklearn-tl study` and `sklearn-tl predict`.

Hands out `main`, which runs a command and returns its exit status.
"""

from sklearn_tl.cli.commands import main

__all__ = ["main"]
