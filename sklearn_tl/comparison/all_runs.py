"""All fits of a comparison, shared by processes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from sklearn_tl.comparison.folds import Split
from sklearn_tl.comparison.progress import Runs
from sklearn_tl.comparison.runs import run_fold
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

    Returns
    -------
    runs : ndarray of shape (n_strategies, n_sizes, n_folds)
    """
    runs = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(run_fold)(name, strategy, study.X, study.y, train, test, scoring, study.groups)
        for name, strategy in strategies.items()
        for of_size in trains
        for train, (_, test) in zip(of_size, splits, strict=True)
    )
    collected = Runs(list(strategies), len(trains), len(splits), verbose)
    if callbacks:
        collected.set_callbacks(*callbacks)
    done = collected.fit(runs).runs_
    shaped = np.empty(len(done), dtype=object)
    shaped[:] = done
    return shaped.reshape(len(strategies), len(trains), len(splits))
