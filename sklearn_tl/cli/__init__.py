"""The command line: `sklearn-tl study` and `sklearn-tl predict`.

The room hands out `main`, which runs a command and returns its exit status, and `demonstration`,
which returns what is studied if there is no command, for the script that draws it.
"""

from sklearn_tl.cli.commands import main
from sklearn_tl.cli.demo import demonstration

__all__ = ["demonstration", "main"]
