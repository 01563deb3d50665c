"""The command line: `sklearn-tl study` and `sklearn-tl predict`."""

from sklearn_tl.cli.commands import main

__all__ = ["main"]
