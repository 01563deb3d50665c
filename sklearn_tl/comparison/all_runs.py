"""All fits of a comparison, shared by processes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from sklearn_tl.comparison.finished import FinishedRuns, keys_of_runs, save
from sklearn_tl.comparison.folds import Split
from sklearn_tl.comparison.progress import Runs
from sklearn_tl.comparison.runs import Run, run_fold
from sklearn_tl.comparison.study import Study


def run_all(
    strategies: Mapping[str, Any],
    study: Study,
    splits: list[Split],
    trains: list[list[np.ndarray]],
    *,
    scoring: str | Callable,
    n_jobs: int | None,
    verbose: int,
    callbacks: Sequence[Any] = (),
    finished: FinishedRuns | None = None,
) -> np.ndarray:
    """Fit every strategy on every training set; return an array of `Run`.

    Parameters
    ----------
    strategies : dict of str to estimator
    study : Study
    splits : list of (train, test)
    trains : list of list of ndarray
        The positions to train on, for each size and each fold.
    scoring : str or callable
    n_jobs : int or None
        Number of processes that share the fits.
    verbose : int
    callbacks : sequence of sklearn.callback.FitCallback
    finished : FinishedRuns or None, default=None
        Fits that need not be done again, and where those are kept that are.

    Returns
    -------
    runs : ndarray of shape (n_strategies, n_sizes, n_folds)
    """
    tasks = [
        (name, strategy, study.X, study.y, train, test, scoring, study.groups)
        for name, strategy in strategies.items()
        for of_size in trains
        for train, (_, test) in zip(of_size, splits, strict=True)
    ]
    paths: list[Path | None] = [None] * len(tasks)
    known: list[Run | None] = [None] * len(tasks)
    classes = np.unique(study.y) if study.y.ndim == 1 else None
    if finished is not None:
        keys = keys_of_runs(strategies, study, splits, trains, scoring)
        paths = [finished.path(key) for key in keys]
        found = finished.find(keys, classes, verbose)
        known = [found.get(key) for key in keys]
    todo = [
        delayed(_run_and_keep)(path, classes, *task)
        for path, task, run in zip(paths, tasks, known, strict=True)
        if run is None
    ]
    fits = Parallel(n_jobs=n_jobs, return_as="generator")(todo)

    def in_order() -> Iterator[Run]:
        for run in known:
            yield next(fits) if run is None else run

    collected = Runs(list(strategies), len(trains), len(splits), verbose)
    if callbacks:
        collected.set_callbacks(*callbacks)
    done = collected.fit(in_order()).runs_
    shaped = np.empty(len(done), dtype=object)
    shaped[:] = done
    return shaped.reshape(len(strategies), len(trains), len(splits))


def _run_and_keep(path: Path | None, classes: np.ndarray | None, *task: Any) -> Run:
    """Fit a strategy on one fold, and keep the result at once: another process may be killed."""
    run = run_fold(*task)
    if path is not None:
        save(path, run, classes)
    return run
