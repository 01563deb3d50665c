"""`compare_strategies`: cross-validates strategies of transfer learning on the same folds."""

import os
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits
from torch import nn

from sklearn_tl._utils import (
    check_option,
    fork_safe,
    num_samples,
    safe_indexing,
)
from sklearn_tl.comparison.first_pass import fill_caches
from sklearn_tl.comparison.folds import make_splits, training_sets, training_sizes
from sklearn_tl.comparison.progress import collect, say
from sklearn_tl.comparison.raw_pixels import RawPixels
from sklearn_tl.comparison.result import StrategyComparison
from sklearn_tl.comparison.runs import run_fold, without_rare_labels
from sklearn_tl.comparison.scores import WORDS, default_scoring, score_dummy
from sklearn_tl.comparison.strategies import RAW, default_strategies
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.images import MAX_PIXELS, indexable
from sklearn_tl.targets import Multilabel, Task, labels_of, read_targets


@fork_safe
def compare_strategies(
    X: Any,
    y: Any = None,
    *,
    task: str | None = None,
    backbone: str | nn.Module | Callable[[], nn.Module] = "efficientnet_lite0",
    weights: str | os.PathLike | None = "default",
    image_size: int | tuple[int, int] | str | None = None,
    image_shape: tuple[int, ...] | str | None = None,
    value_range: tuple[float, float] | None = None,
    channels: tuple[int, ...] | None = None,
    page: int | str | None = None,
    loader: Callable[[Any], Any] | None = None,
    max_pixels: int | None = MAX_PIXELS,
    cache: str | os.PathLike | None = "memory",
    strategies: Mapping[str, Any] | Sequence[str] | None = None,
    cv: Any = 5,
    train_sizes: Any = None,
    scoring: str | Callable | None = None,
    refit: bool | np.ndarray = True,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
    verbose: int = 0,
) -> StrategyComparison:
    """Cross-validate strategies of transfer learning on your images, all on the same folds.

    All images go through the frozen layers first, each once. An image that cannot be read is
    therefore found before anything is trained. Every choice, such as the C of a logistic
    regression, is made within the training part of a fold.

    Parameters
    ----------
    X : images
        In any form that :class:`ConvFeatureExtractor` takes. The images of a dataset are read when
        they are needed.
    y : array-like of shape (n_images,) or (n_images, n_outputs), default=None
        One label per image; an indicator matrix, if images have several labels; or numbers. None
        takes ``X.targets``, which datasets such as torchvision's ImageFolder have.
    task : {"classification", "multilabel", "regression"} or None, default=None
        What `y` stands for. None guesses: text and whole numbers are classes, a matrix of 0 and 1
        is several labels, and other numbers are a regression. Whole numbers are a regression, too,
        if they have more than 20 values that mostly occur once or twice; a warning says so.
    backbone : str, torch.nn.Module or callable, default="efficientnet_lite0"
        See :class:`ConvFeatureExtractor`. This parameter and the following ones, up to `cache`, are
        those of the default strategies, and an error if `strategies` is a dict: set them on its
        estimators.
    weights : str, path or None, default="default"
        See :class:`ConvFeatureExtractor`.
    image_size : int, (height, width), "native" or None, default=None
        Size of the network's input in pixels. See :class:`ConvFeatureExtractor`.
    image_shape : (height, width), (height, width, channels), "strip" or None, default=None
        How to read the rows of a two-dimensional `X`.
    value_range : (black, white) or None, default=None
        The numbers in arrays and in 16-bit, 32-bit and floating-point files that stand for black
        and white.
    channels : tuple of int or None, default=None
        The channels that are read. See :class:`ConvFeatureExtractor`.
    page : int, "mean", "max" or None, default=None
        Which page of a file is read. See :class:`ConvFeatureExtractor`.
    loader : callable or None, default=None
        Turns an item of `X` into an image. See :class:`ConvFeatureExtractor`.
    max_pixels : int or None, default=89478485
        The largest number of pixels to which a file is decoded.
    cache : "memory", path or None, default="memory"
        Where rows are kept. See :class:`ConvFeatureExtractor`. With "memory" and several
        processes, a temporary file takes its place until the comparison ends.
    strategies : dict of str to estimator, list of str, or None, default=None
        Estimators by name, from the cheapest to the most expensive: the first of those that are
        equally good is chosen. None means all of
        :func:`sklearn_tl.comparison.default_strategies`; a list names some of them.
    cv : int, splitter or iterable of (train, test), default=5
        An int is that many folds of shuffled images, stratified by class or by the rarest label.
    train_sizes : array-like, default=None
        Numbers of training images, or shares of a fold's training part (floats up to 1), for
        learning curves. Each smaller training set is a stratified part of the larger ones.
    scoring : str, callable or None, default=None
        One score, as in scikit-learn, the same for all strategies. None is the accuracy; for
        several labels per image the mean average precision of the labels; and for numbers R².
    refit : bool or array-like of int, default=True
        On which images the chosen strategy is fitted at the end, as `best_estimator_`: True means
        all, an array names their positions, and False means that it is not fitted. If the test
        set is given, name the positions of the training set.
    n_jobs : int or None, default=None
        Number of processes that share the fits. Fine-tuning uses all cores in one process, too.
    random_state : int, RandomState instance or None, default=None
        Decides the folds, the smaller training sets and the fine-tuning.
    verbose : int, default=0
        With 1, show progress on stderr: bars in a terminal or a notebook, elsewhere a line when
        a strategy starts and one when it ends.

    Returns
    -------
    comparison : StrategyComparison
        The scores, the chosen strategy and its estimator, fitted on all images.

    Raises
    ------
    ValueError, TypeError, OSError
        If an image or a label is missing or cannot be read, or a parameter is wrong.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_tl import ConvFeatureExtractor, compare_strategies
    >>> from sklearn_tl.datasets import load_photo_patches
    >>> photos = load_photo_patches()
    >>> X, y = photos.images[::8], photos.target[::8]
    >>> by_layer = {
    ...     layer: make_pipeline(ConvFeatureExtractor(layer=layer, image_size=64),
    ...                          LogisticRegression(max_iter=1000))
    ...     for layer in ("blocks.0", "blocks.5")
    ... }
    >>> compare_strategies(X, y, strategies=by_layer, cv=2, random_state=0).best_strategy_
    'blocks.5'
    """
    if strategies is not None and len(strategies) == 0:
        raise ValueError(
            "strategies is empty. Expected at least one strategy; leave the parameter out for all."
        )
    if isinstance(scoring, list | tuple | dict | set):
        raise ValueError(
            f"scoring={scoring!r} has several scores, but strategies are compared by one. Name it, "
            'for example scoring="balanced_accuracy".'
        )
    y, X = labels_of(X, y), indexable(X)
    parameters: dict[str, Any] = {
        "backbone": backbone,
        "weights": weights,
        "image_size": image_size,
        "image_shape": image_shape,
        "value_range": value_range,
        "channels": channels,
        "page": page,
        "loader": loader,
        "max_pixels": max_pixels,
        "cache": cache,
    }
    if isinstance(strategies, Mapping):
        check_unused(parameters)
    else:
        names = known_names(strategies)
        check_images(X, names, **parameters)
    read, targets = read_targets(y, num_samples(X), task)
    y_name = getattr(y, "name", None)  # of a column of a table
    y = plain_targets(y, read)
    is_default, scoring = scoring is None, scoring or default_scoring(read.name)
    generator = check_random_state(random_state)
    fold_seed, seed = (int(seed) for seed in generator.randint(2**31 - 1, size=2))
    splits = make_splits(cv, read, targets, fold_seed)
    if isinstance(read, Multilabel):
        say_which_are_rare(read, targets, len(splits))
    sizes = training_sizes(train_sizes, splits, read)
    trains = training_sets(splits, read.strata(targets, 1), sizes, seed)

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        in_file = cache == "memory" and effective_n_jobs(n_jobs) > 1
        if not isinstance(strategies, Mapping):
            if in_file:  # processes do not share memory
                parameters["cache"] = f"{folder}/rows.sqlite"
            default = default_strategies(**parameters, task=read.name, random_state=seed)
            strategies = {name: default[name] for name in default if name in names}
        check_scoring(next(iter(strategies.values())), scoring=scoring)
        # The matrices are small: on two cores a second BLAS thread makes fits ten times slower.
        with threadpool_limits(1, user_api="blas"):
            frozen_times = fill_caches(strategies, X, verbose)
            runs = Parallel(n_jobs=n_jobs, return_as="generator")(
                delayed(run_fold)(name, strategy, X, y, train, test, scoring)
                for name, strategy in strategies.items()
                for of_size in trains
                for train, (_, test) in zip(of_size, splits, strict=True)
            )
            done = collect(runs, list(strategies), len(sizes), len(splits), verbose)
            comparison = StrategyComparison(
                names=list(strategies),
                sizes=sizes,
                splits=splits,
                y=y,
                task=read,
                target_name=y_name if isinstance(y_name, str) else None,
                score_name=WORDS[read.name] if is_default else str(scoring),
                dummy=score_dummy(read.name, X, y, splits, scoring),
                runs=np.array(done, dtype=object).reshape(len(strategies), len(sizes), -1),
                frozen_times=frozen_times,
            )
            if refit is False:
                return comparison
            chosen = np.arange(len(y)) if refit is True else np.asarray(refit)
            of_all = "all" if len(chosen) == len(y) else f"{len(chosen)} of the"
            say(f"{comparison.best_strategy_}: fitting on {of_all} images", verbose)
            best = clone(strategies[comparison.best_strategy_])
            with without_rare_labels():
                best.fit(X if refit is True else safe_indexing(X, chosen), y[chosen])
        if in_file:  # the file goes now
            best.set_params(**_memory_instead_of(parameters["cache"], best))
        comparison.best_estimator_ = best
    return comparison


def plain_targets(y: Any, task: Task) -> np.ndarray:
    """Return targets, which were checked, as an array that estimators are fitted on."""
    if task.name == "classification":
        return np.ravel(y)
    y = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
    return y.astype(int if task.name == "multilabel" else float)


def say_which_are_rare(task: Multilabel, targets: np.ndarray, n_folds: int) -> None:
    """Warn of labels that cannot be in all parts of the folds."""
    counts = targets.sum(axis=0)
    fewer = np.minimum(counts, len(targets) - counts)
    rare = [f"{task.label(j)} ({counts[j]:.0f})" for j in np.flatnonzero(fewer < n_folds).tolist()]
    if rare:
        warnings.warn(
            f"Fewer than {n_folds} images, one per fold, have or lack the following labels: "
            f"{', '.join(rare[:5])}{' and others' if len(rare) > 5 else ''}. Their scores are of "
            "little worth. Leave their columns out, or add images.",
            stacklevel=3,
        )


def known_names(strategies: Sequence[str] | None) -> list[str]:
    """Return the names of default strategies that are wanted, or say which is unknown."""
    known = list(default_strategies())
    if strategies is None:
        return known
    wanted = np.atleast_1d(strategies).tolist()
    for name in wanted:
        check_option("strategies", name, known)
    return wanted


def check_images(X: Any, names: list[str], **parameters: Any) -> None:
    """Check the parameters of the default strategies and the form of `X` before anything runs."""
    if set(names) == {RAW}:
        known = RawPixels().get_params(deep=False)
        RawPixels(**{n: value for n, value in parameters.items() if n in known}).fit(X)
    else:
        ConvFeatureExtractor(**parameters).fit(X)


def check_unused(parameters: Mapping[str, Any]) -> None:
    """Raise a ValueError if a parameter of the default strategies comes with a user's own."""
    default = ConvFeatureExtractor().get_params(deep=False)
    for name, value in parameters.items():
        if type(value) is not type(default[name]) or value != default[name]:
            raise ValueError(
                f"{name}={value!r} is a parameter of the default strategies, but strategies is a "
                f"dict of your own estimators. Set {name} on each of them, for example "
                f"ConvFeatureExtractor({name}=...)."
            )


def _memory_instead_of(path: str, estimator: Any) -> dict[str, str]:
    """Return the parameters of an estimator that name a path, with "memory" in its place."""
    parameters = estimator.get_params()
    return {
        name: "memory"
        for name, value in parameters.items()
        if isinstance(value, str) and value == path
    }
