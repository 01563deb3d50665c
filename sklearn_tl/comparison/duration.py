"""How long the strategies that train layers will take, measured beforehand on a few images."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone

from sklearn_tl._choices import QUICK_STRATEGIES
from sklearn_tl._utils import num_samples, safe_indexing
from sklearn_tl.classifier import FineTuneClassifier
from sklearn_tl.comparison.checks import check_images, known_names
from sklearn_tl.comparison.folds import make_splits, stratified_subset, training_sizes
from sklearn_tl.comparison.strategies import default_strategies
from sklearn_tl.comparison.study import plain_targets
from sklearn_tl.images import indexable
from sklearn_tl.regressor import FineTuneRegressor
from sklearn_tl.targets import Task, labels_of, read_targets

N_IMAGES = 16


def expected_seconds(
    X: Any,
    y: Any,
    *,
    task: str | None = None,
    strategies: Sequence[str] | None = None,
    cv: Any = 5,
    train_sizes: Any = None,
    **parameters: Any,
) -> dict[str, float]:
    """Say about how long the strategies that train layers will take in a comparison.

    Each of these strategies is fitted on 16 of the images for two epochs, which takes some
    seconds. The time of the second epoch is scaled to the images, epochs, training sizes and folds
    of the comparison; the time of predictions is added. Not counted are the pass of all images
    through the frozen layers, which the other strategies need as well, and the last fit of the
    chosen strategy on all images.

    Parameters
    ----------
    X : images
        As in :func:`compare_strategies`.
    y : array-like of shape (n_images,) or (n_images, n_outputs)
        As in :func:`compare_strategies`.
    task : {"classification", "multilabel", "regression"} or None, default=None
        What `y` stands for. None guesses.
    strategies : list of str, or None, default=None
        Names of default strategies. None means all of them.
    cv : int, splitter or iterable of (train, test), default=5
        The folds. An iterator is used up by this call: pass a list.
    train_sizes : array-like, default=None
        Training sizes in addition to a fold's whole training part.
    **parameters
        Of the network, and of how images are read: as in :func:`compare_strategies`.

    Returns
    -------
    seconds : dict of str to float
        One entry for each of the strategies that trains layers. Empty if there are none.

    Raises
    ------
    ValueError, TypeError, OSError
        If one of the images that are tried or a label is missing or cannot be read, or a
        parameter is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tl.comparison import expected_seconds
    >>> images = np.random.default_rng(0).integers(0, 256, (40, 48, 48, 3), dtype=np.uint8)
    >>> seconds = expected_seconds(images, ["a", "b"] * 20, image_size=64, cv=2)
    >>> list(seconds)
    ['last layer', 'all layers']
    """
    y, X = labels_of(X, y), indexable(X)
    names = known_names(strategies)
    check_images(X, names, **parameters)
    read, targets = read_targets(y, num_samples(X), task)
    splits = make_splits(cv, read, targets, 0)
    sizes = training_sizes(train_sizes, splits, read)
    # The last size stands for the whole training part, which can differ between folds.
    n_trained = len(splits) * sum(sizes[:-1]) + sum(len(train) for train, _ in splits)
    n_tested = len(sizes) * sum(len(test) for _, test in splits)
    some = sample(read, targets)
    X_some, y_some = safe_indexing(X, some), plain_targets(y, read)[some]
    default = default_strategies(**parameters, task=read.name, random_state=0)
    return {
        name: _seconds(strategy, X_some, y_some, n_trained, n_tested)
        for name, strategy in default.items()
        if name in names and name not in QUICK_STRATEGIES
    }


def sample(task: Task, targets: np.ndarray) -> np.ndarray:
    """Return the positions of a few images whose targets differ."""
    every = np.arange(len(targets))
    if task.name != "regression":
        return stratified_subset(every, task.strata(targets, 1), N_IMAGES, 0)
    # Of all sizes: most values may be equal, for example 0.
    values = [np.argsort(column, kind="stable") for column in targets.T]
    places = np.linspace(0, len(every) - 1, min(N_IMAGES, len(every))).astype(int)
    return np.unique(np.concatenate([order[places] for order in values]))


def _seconds(
    strategy: FineTuneClassifier | FineTuneRegressor,
    X: Any,
    y: np.ndarray,
    n_trained: int,
    n_tested: int,
) -> float:
    epochs = strategy.max_epochs
    # The first epoch is slower, since memory and threads are new. The rate makes no difference to
    # the time, and with a small one nothing can go wrong.
    model = clone(strategy).set_params(max_epochs=2, lr=1e-6).fit(X, y)
    epoch = model.history_[-1]["dur"] / len(y)
    start = time.perf_counter()
    model.predict(X)
    prediction = (time.perf_counter() - start) / len(y)
    return epochs * n_trained * epoch + n_tested * prediction
