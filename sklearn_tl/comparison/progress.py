"""What a long comparison says while it runs: a bar, or a line per strategy."""

import sys
import time
from collections.abc import Iterator
from itertools import islice

import numpy as np

from sklearn_tl._utils import tqdm
from sklearn_tl.comparison.runs import Run


def bars_are_readable() -> bool:
    """Tell whether stderr can redraw a line: it is a terminal or the output of a notebook."""
    return sys.stderr.isatty() or type(sys.stderr).__module__.startswith("ipykernel")


def say(line: str, verbose: int) -> None:
    """Print a line to stderr if `verbose` is not 0 and no bar can be shown there."""
    if verbose and not bars_are_readable():
        print(line, file=sys.stderr, flush=True)


def collect(
    runs: Iterator[Run], names: list[str], n_sizes: int, n_folds: int, verbose: int
) -> list[Run]:
    """Return all runs, and report on each strategy if `verbose` is not 0.

    Parameters
    ----------
    runs : iterator of Run
        All runs of the first strategy, then those of the second, and so on.
    names : list of str
        The strategies.
    n_sizes, n_folds : int
        Numbers of training sizes and of folds. The last `n_folds` runs of a strategy have the
        largest training sets.
    verbose : int
        0 for silence. Otherwise a bar is shown if stderr can redraw it, or lines are printed.
    """
    done: list[Run] = []
    n_fits = n_sizes * n_folds
    bars = bool(verbose) and bars_are_readable()
    with tqdm(total=len(names) * n_fits, unit="fit", disable=not bars) as bar:
        for name in names:
            start = time.perf_counter()
            bar.set_description(name)
            say(f"{name}: started ({n_fits} fits)", verbose)
            for run in islice(runs, n_fits):
                done.append(run)
                bar.update()
            mean = np.mean([run["score"] for run in done[-n_folds:]])
            say(f"{name}: mean score {mean:.3f}, {time.perf_counter() - start:.0f} s", verbose)
    return done
