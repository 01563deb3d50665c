"""What a long comparison says while it runs: a bar, or a line per strategy."""

import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_tl._utils import CallbackSupportMixin, begin_fit_task, fit_context, tqdm
from sklearn_tl.comparison.runs import Run


def bars_are_readable() -> bool:
    """Tell whether stderr can redraw a line: it is a terminal or the output of a notebook."""
    return sys.stderr.isatty() or type(sys.stderr).__module__.startswith("ipykernel")


def say(line: str, verbose: int) -> None:
    """Print a line to stderr if `verbose` is not 0 and no bar can be shown there."""
    if verbose and not bars_are_readable():
        print(line, file=sys.stderr, flush=True)


class Runs(CallbackSupportMixin, BaseEstimator):
    """The fits of a comparison, collected while they are reported on.

    To the callbacks of scikit-learn 1.9 this is one fit, which has a task per strategy; these have
    a task per training size and fold.

    Parameters
    ----------
    names : list of str
        The strategies.
    n_sizes, n_folds : int
        Numbers of training sizes and of folds. The last `n_folds` runs of a strategy have the
        largest training sets.
    verbose : int
        0 for silence. Otherwise a bar is shown if stderr can redraw it, or lines are printed.
    """

    _parameter_constraints: dict = {}

    def __init__(self, names: list[str], n_sizes: int, n_folds: int, verbose: int) -> None:
        self.names = names
        self.n_sizes = n_sizes
        self.n_folds = n_folds
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Iterator[Run], y: None = None) -> "Runs":
        """Collect the runs: all of the first strategy, then those of the second, and so on."""
        n_fits = self.n_sizes * self.n_folds
        self.runs_: list[Run] = []
        told: dict[str, Any] = {"estimator": self}
        reported = begin_fit_task(self, None, None, len(self.names))
        bars = bool(self.verbose) and bars_are_readable()
        with tqdm(total=len(self.names) * n_fits, unit="fit", disable=not bars) as bar:
            for name in self.names:
                start = time.perf_counter()
                bar.set_description(name)
                say(f"{name}: started ({n_fits} fits)", self.verbose)
                fits = reported and reported.subcontext(task_name=name, max_subtasks=n_fits)
                if fits:
                    fits.call_on_fit_task_begin(**told)
                for run in islice(X, n_fits):
                    self.runs_.append(run)
                    bar.update()
                    if fits:
                        fit = fits.subcontext(task_name="fit").call_on_fit_task_begin(**told)
                        fit.call_on_fit_task_end(**told)
                if fits:
                    fits.call_on_fit_task_end(**told)
                mean = np.mean([run["score"] for run in self.runs_[-self.n_folds :]])
                seconds = time.perf_counter() - start
                say(f"{name}: mean score {mean:.3f}, {seconds:.0f} s", self.verbose)
        if reported:
            reported.call_on_fit_task_end(**told)
        return self
