"""Which way to take: strategies of transfer learning, cross-validated on the same folds."""

import pickle
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import check_scoring
from sklearn.model_selection import GridSearchCV, StratifiedKFold, check_cv
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from sklearn_tl._utils import check_option, encode_labels, num_samples, safe_indexing, tqdm
from sklearn_tl.classifier import FineTuneClassifier
from sklearn_tl.comparison.raw_pixels import PixelPass, RawPixels
from sklearn_tl.comparison.result import RAW, StrategyComparison
from sklearn_tl.embedding import LARGE, embed
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.images import as_images

C = np.logspace(-3, 1, 5)


def default_strategies(
    backbone: Any = "efficientnet_lite0",
    *,
    cache: Any = "memory",
    random_state: int | None = None,
) -> dict[str, Any]:
    """Return what :func:`compare_strategies` compares, from the cheapest to the dearest.

    Parameters
    ----------
    backbone : str, torch.nn.Module or callable, default="efficientnet_lite0"
        As in :class:`ConvFeatureExtractor`.
    cache : "memory", path or None, default="memory"
        As in :class:`ConvFeatureExtractor`.
    random_state : int or None, default=None
        Of the fine-tuning.

    Returns
    -------
    strategies : dict of str to estimator
        "raw pixels" and "embeddings" with a logistic regression, whose C is chosen among five
        decades; and `FineTuneClassifier`s: "head alone", "last layer" and "all layers".

    Examples
    --------
    >>> from sklearn_tl.strategies import default_strategies
    >>> list(default_strategies())
    ['raw pixels', 'embeddings', 'head alone', 'last layer', 'all layers']
    """

    def regression():
        return GridSearchCV(LogisticRegression(max_iter=1000), {"C": C}, cv=InnerFolds())

    def fine_tuned(unfreeze):
        return FineTuneClassifier(
            backbone, unfreeze=unfreeze, cache=cache, random_state=random_state
        )

    # The penalty of a regression does not see rotations, so that the principal components, of
    # which there are no more than images, are the same pixels in a tenth of the time.
    raw = make_pipeline(RawPixels(cache), StandardScaler(), PCA(0.999), regression())
    return {
        RAW: raw,
        "embeddings": make_pipeline(ConvFeatureExtractor(backbone, cache=cache), regression()),
        "head alone": fine_tuned(None),
        "last layer": fine_tuned(1),
        "all layers": fine_tuned("all"),
    }


class InnerFolds:
    """Three stratified folds, or as many as the smallest class has images.

    Where that is one image, no fold can be held out, and all images are both sides of the only one.
    """

    def get_n_splits(self, X=None, y=None, groups=None):
        """Return the number of folds."""
        return min(3, np.unique(y, return_counts=True)[1].min())

    def split(self, X, y=None, groups=None):
        """Yield the positions to train and to test on."""
        n_splits = self.get_n_splits(X, y)
        if n_splits == 1:
            return iter([(np.arange(len(y)), np.arange(len(y)))])
        return StratifiedKFold(n_splits).split(np.zeros(len(y)), y)


def compare_strategies(
    X: Any,
    y: Any,
    *,
    backbone: Any = "efficientnet_lite0",
    strategies: Mapping[str, Any] | Sequence[str] | None = None,
    cv: Any = 5,
    train_sizes: Any = None,
    scoring: Any = None,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
    verbose: int = 0,
) -> StrategyComparison:
    """Cross-validate ways of transfer learning on your images, all on the same folds.

    All images go through the frozen layers first, each once; an image that cannot be read is
    found then, before anything is trained. Whatever is chosen, such as the C of a regression, is
    chosen within the training part of a fold.

    Parameters
    ----------
    X : images
        As :class:`ConvFeatureExtractor` takes them, in a form that scikit-learn can index: a
        list, an array, a series.
    y : array-like of shape (n_images,)
        One label an image.
    backbone : str, torch.nn.Module or callable, default="efficientnet_lite0"
        As in :class:`ConvFeatureExtractor`. Not used where `strategies` is given.
    strategies : dict of str to estimator, list of str, or None, default=None
        From the cheapest to the dearest: among those that are as good, the first is taken. None
        is all of :func:`sklearn_tl.strategies.default_strategies`, a list some of them.
    cv : int, splitter or iterable of (train, test), default=5
        An int is that many stratified folds of shuffled images.
    train_sizes : array-like, default=None
        Numbers of training images, or shares of a fold's training part (floats up to 1), for
        learning curves. The smaller sets are parts of the larger ones, and stratified.
    scoring : str, callable or None, default=None
        One score, as in scikit-learn, the same for all. None is the accuracy.
    n_jobs : int or None, default=None
        Processes that share the fits. The default strategies then share rows in a temporary file.
        Fine-tuning uses all cores in one process as well.
    random_state : int, RandomState instance or None, default=None
        Decides the folds, the smaller training sets and the fine-tuning.
    verbose : int, default=0
        With 1, show progress bars.

    Returns
    -------
    comparison : StrategyComparison

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
    >>> ways = {
    ...     layer: make_pipeline(ConvFeatureExtractor(layer=layer, image_size=64),
    ...                          LogisticRegression(max_iter=1000))
    ...     for layer in ("blocks.0", "blocks.5")
    ... }
    >>> compare_strategies(X, y, strategies=ways, cv=2, random_state=0).best_strategy_
    'blocks.5'
    """
    if not isinstance(strategies, Mapping):
        known = list(default_strategies())
        wanted = known if strategies is None else np.atleast_1d(strategies).tolist()
        for name in wanted:
            check_option("strategies", name, known)
        as_images(X)  # or an error that says what images look like
    if strategies is not None and len(strategies) == 0:
        raise ValueError("strategies is empty: name at least one, or leave it out for all.")
    _, codes = encode_labels(y, num_samples(X))
    y = np.ravel(y)
    scoring = "accuracy" if scoring is None else scoring
    generator = check_random_state(random_state)
    fold_seed, seed = (int(seed) for seed in generator.randint(2**31 - 1, size=2))
    splits = _splits(cv, codes, fold_seed)
    sizes = _train_sizes(train_sizes, splits, len(np.unique(codes)))
    trains = [[_stratified(train, codes, n, seed) for train, _ in splits] for n in sizes[:-1]]
    trains.append([train for train, _ in splits])
    tasks = [(i, fold) for i in range(len(sizes)) for fold in range(len(splits))]

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        cache = f"{folder}/rows.sqlite" if effective_n_jobs(n_jobs) > 1 else "memory"
        if not isinstance(strategies, Mapping):
            ways = default_strategies(backbone, cache=cache, random_state=seed)
            strategies = {name: way for name, way in ways.items() if name in wanted}
        check_scoring(next(iter(strategies.values())), scoring=scoring)
        # These matrices are small: on two cores a second BLAS thread makes fits ten times slower.
        with threadpool_limits(1, user_api="blas"):
            frozen = _fill_caches(strategies, X, verbose)
            todo = [(name, way, *task) for name, way in strategies.items() for task in tasks]
            runs = Parallel(n_jobs=n_jobs, return_as="generator")(
                delayed(_run)(name, way, X, y, trains[i][fold], splits[fold][1], scoring)
                for name, way, i, fold in todo
            )
            with tqdm(total=len(todo), unit="fit", disable=not verbose) as bar:
                done = []
                for (name, *_), run in zip(todo, runs, strict=True):
                    bar.set_description(name)
                    bar.update()
                    done.append(run)
            comparison = StrategyComparison(
                names=list(strategies),
                sizes=sizes,
                splits=splits,
                y=y,
                runs=np.array(done, dtype=object).reshape(len(strategies), len(sizes), -1),
                frozen_times=frozen,
            )
            best = clone(strategies[comparison.best_strategy_]).fit(X, y)
        own = {
            k: "memory" for k, v in best.get_params().items() if isinstance(v, str) and v == cache
        }
        comparison.best_estimator_ = best.set_params(**own)  # the file goes now
    return comparison


def _splits(cv, codes, seed):
    """Return the folds as a list of (train, test)."""
    if isinstance(cv, int | np.integer):
        least = np.bincount(codes).min()
        if least < cv:
            raise ValueError(
                f"cv={cv}, but a class has {least} images: each fold needs one. Take a smaller cv, "
                "leave the class out, or pass a splitter such as StratifiedShuffleSplit."
            )
        cv = StratifiedKFold(cv, shuffle=True, random_state=seed)
    every = np.arange(len(codes))  # masks become positions
    folds = check_cv(cv, codes, classifier=True).split(codes, codes)
    return [(every[train], every[test]) for train, test in folds]


def _train_sizes(train_sizes, splits, n_classes):
    """Return the numbers of training images, rising; the last stands for all of a fold's."""
    lengths = [len(train) for train, _ in splits]
    least, everything = min(lengths), round(np.mean(lengths))
    sizes = np.atleast_1d([] if train_sizes is None else train_sizes)
    if sizes.size == 0:
        return [everything]
    if sizes.dtype.kind == "f":
        if not (sizes.min() > 0 and sizes.max() <= 1):
            raise ValueError(f"train_sizes={train_sizes!r}: floats are shares in (0, 1].")
        sizes = np.round(sizes * least)
    if not (n_classes <= sizes.min() and sizes.max() <= least):
        raise ValueError(
            f"train_sizes={train_sizes!r}, but with {n_classes} classes a fold can be trained on "
            f"{n_classes} to {least} images."
        )
    return [*sorted({int(size) for size in sizes if size < least}), everything]


def _stratified(train, codes, n, seed):
    """Return `n` of the positions to train on: a part of what a larger `n` returns."""
    if n >= len(train):
        return train
    shuffled = np.random.default_rng(seed).permutation(train)
    # The first of each class, then all classes as they go on at the same pace.
    progress = np.empty(len(shuffled))
    for code in np.unique(codes[shuffled]):
        own = np.flatnonzero(codes[shuffled] == code)
        progress[own] = np.arange(len(own)) / len(own)
    return np.sort(shuffled[np.argsort(progress, kind="stable")[:n]])


def _fill_caches(strategies, X, verbose):
    """Run all images through the frozen layers, before any fit; return the seconds of each.

    What several strategies want of one network is a single pass, whose time counts for each.
    """
    passes, groups = {}, {}
    for name, way in strategies.items():
        way = _takes_images(way)
        if way is not None:
            images, frozen, cache = clone(way).first_pass(X)
            reading = [getattr(way, key, None) for key in ("image_shape", "value_range")]
            key = repr((type(frozen), frozen.settings, cache, reading))
            n_jobs = getattr(way, "n_jobs", None)
            passes.setdefault(key, ([], images, cache, n_jobs))[0].append(frozen)
            groups[name] = key
    seconds = {}
    for key, (frozen, images, cache, n_jobs) in passes.items():
        start = time.perf_counter()
        frozen = _joined(frozen, len(images), cache)
        embed(images, frozen, cache=cache, n_jobs=n_jobs, verbose=verbose, large_in_file=True)
        seconds[key] = time.perf_counter() - start
    return {name: seconds.get(groups.get(name), 0.0) for name in strategies}


def _joined(passes, n_images, cache):
    """Return one pass for all of `passes`, less the features that the cache could not keep."""
    if isinstance(passes[0], PixelPass):
        return passes[0]
    joined = replace(passes[0], features=())
    for feature in dict.fromkeys(feature for one in passes for feature in one.features):
        more = replace(joined, features=(*joined.features, feature))
        fits = cache != "memory" or 4 * n_images * sum(more.lengths()) <= LARGE
        if cache is not None and fits:
            joined = more
    return joined if joined.features else PixelPass()  # images are read, which shows the broken


def _takes_images(way):
    """Return the part of a strategy that images go to, if it is one of this package."""
    while not hasattr(way, "first_pass"):
        if isinstance(way, Pipeline):
            way = way.steps[0][1]
        elif hasattr(way, "estimator"):  # a search, say
            way = way.estimator
        else:
            return None
    return way


def _run(name, way, X, y, train, test, scoring):
    """Fit a strategy on one fold; return its score, and what it cost."""
    X_test, y_test = safe_indexing(X, test), y[test]
    start = time.perf_counter()
    with threadpool_limits(1, user_api="blas"):  # in this process, which may be another
        way = clone(way).fit(safe_indexing(X, train), y[train])
        fitted = time.perf_counter()
        score = float(check_scoring(way, scoring=scoring)(way, X_test, y_test))
        scored = time.perf_counter()
        if not np.isfinite(score):
            raise ValueError(
                f"The score of {name!r} on a fold of {len(test)} test images is {score}. Take "
                "another scoring, or larger folds."
            )
        probabilities = None
        if hasattr(way, "predict_proba"):
            classes, known = np.unique(y), way.predict_proba(X_test)
            # A class that was not trained on has its column, too.
            probabilities = np.zeros((len(test), len(classes)), dtype=known.dtype)
            probabilities[:, np.searchsorted(classes, way.classes_)] = known
        return {
            "score": score,
            "fit_time": fitted - start,
            "score_time": scored - fitted,
            "n_trainable_parameters": n_trainable_parameters(way),
            "pickle_size": _pickle_size(way),
            "predicted": way.predict(X_test),
            "probabilities": probabilities,
        }


def _pickle_size(estimator):
    try:
        return len(pickle.dumps(estimator))
    except Exception:  # it holds something that cannot be pickled, a lambda say
        return np.nan


def n_trainable_parameters(estimator):
    """Return how many numbers a fit has chosen, or NaN where that is not known."""
    if isinstance(estimator, Pipeline):
        *before, last = estimator
        tuned = [step for step in before if hasattr(step, "net_")]
        return sum(map(n_trainable_parameters, [*tuned, last]))
    if hasattr(estimator, "best_estimator_"):
        return n_trainable_parameters(estimator.best_estimator_)
    if hasattr(estimator, "net_"):
        parameters = estimator.net_.module_.parameters()
        return sum(p.numel() for p in parameters if p.requires_grad)
    if hasattr(estimator, "coef_"):
        return estimator.coef_.size + np.size(estimator.intercept_)
    return np.nan
