"""Which way to take: strategies of transfer learning, cross-validated on the same folds."""

import pickle
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from scipy.stats import t as student_t
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import check_scoring
from sklearn.model_selection import GridSearchCV, StratifiedKFold, check_cv
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.validation import _num_samples
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from sklearn_tl import labels
from sklearn_tl._validation import check_option
from sklearn_tl.classifier import FineTuneClassifier
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.images import as_images
from sklearn_tl.raw_pixels import RawPixels

C = np.logspace(-3, 1, 5)
RAW, LINEAR = "raw pixels", "embeddings"


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
        LINEAR: make_pipeline(ConvFeatureExtractor(backbone, cache=cache), regression()),
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
) -> "StrategyComparison":
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
    _, codes = labels.encode(y, _num_samples(X))
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
            frozen = {name: _fill_cache(way, X, verbose) for name, way in strategies.items()}
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


class StrategyComparison:
    """What :func:`compare_strategies` found.

    Attributes
    ----------
    results_ : dict of str to ndarray
        A row for each strategy and training size, in the form of `cv_results_`: ``strategy``,
        ``train_size``, ``split0_test_score`` ..., ``mean_test_score``, ``std_test_score``,
        ``rank_test_score`` (among strategies of one size), ``mean_fit_time``, ``std_fit_time``,
        ``mean_score_time``, ``std_score_time`` (seconds), ``frozen_time`` (seconds for all images
        in the frozen layers, less what an earlier strategy left in the cache),
        ``n_trainable_parameters`` and ``pickle_size`` (bytes).
    strategies_ : list of str
        Their names, in order.
    best_strategy_ : str
        The first whose mean score on the largest training sets is within one standard error of
        the best one's.
    best_estimator_ : estimator
        That strategy, fitted on all images.
    predictions_ : dict of str to ndarray of shape (n_images,)
        What each strategy, trained on the other folds, takes each image for. Empty where the test
        parts of `splits_` are no partition of the images.
    probabilities_ : dict of str to ndarray of shape (n_images, n_classes)
        The same with probabilities, of strategies that give any.
    splits_ : list of (train, test)
        The folds.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    """

    def __init__(self, *, names, sizes, splits, y, runs, frozen_times):
        self.strategies_ = names
        self.splits_ = splits
        self.classes_ = np.unique(y)
        self._y = y
        self.results_ = _results(names, sizes, runs, frozen_times)
        self.predictions_, self.probabilities_ = {}, {}
        order = np.concatenate([test for _, test in splits])
        if np.array_equal(np.sort(order), np.arange(len(y))):
            back = np.argsort(order)
            for name, folds in zip(names, runs[:, -1], strict=True):
                self.predictions_[name] = np.concatenate([r["predicted"] for r in folds])[back]
                if all(r["probabilities"] is not None for r in folds):
                    rows = np.concatenate([r["probabilities"] for r in folds])
                    self.probabilities_[name] = rows[back]
        self.best_strategy_ = self._choose()

    def to_frame(self):
        """Return `results_` as a table.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each strategy and training size.
        """
        import pandas as pd

        return pd.DataFrame(self.results_)

    def scores(self, strategy, train_size=None):
        """Return the scores of a strategy over the folds; on the largest training sets by default.

        Parameters
        ----------
        strategy : str
            Its name.
        train_size : int, default=None
            One of ``results_["train_size"]``.

        Returns
        -------
        scores : ndarray of shape (n_folds,)
        """
        row = self._row(strategy, train_size)
        return np.array(
            [self.results_[f"split{i}_test_score"][row] for i in range(len(self.splits_))]
        )

    def fit_time(self, strategy):
        """Return the mean time of a fit on the largest training sets.

        Parameters
        ----------
        strategy : str
            Its name.

        Returns
        -------
        seconds : float
        """
        return float(self.results_["mean_fit_time"][self._row(strategy)])

    def _row(self, strategy, train_size=None):
        check_option("strategy", strategy, self.strategies_)
        sizes = self.results_["train_size"]
        size = max(sizes) if train_size is None else train_size
        check_option("train_size", size, sorted(set(sizes.tolist())))
        return np.flatnonzero((self.results_["strategy"] == strategy) & (sizes == size))[0]

    def difference(self, a, b):
        """Return how much better strategy `a` is than `b` on the same folds, with an interval.

        Training sets of folds overlap, which the variance is corrected for: Nadeau & Bengio,
        "Inference for the Generalization Error" (Machine Learning, 2003).

        Parameters
        ----------
        a : str
            Name of a strategy.
        b : str
            Name of another.

        Returns
        -------
        (mean, low, high) : tuple of float
            The mean difference of the scores, and its 95 % confidence interval.
        """
        differences = self.scores(a) - self.scores(b)
        k, mean = len(differences), differences.mean()
        if k < 2:
            return float(mean), -np.inf, np.inf
        share = np.mean([len(test) / len(train) for train, test in self.splits_])
        half = student_t.ppf(0.975, k - 1) * np.sqrt((1 / k + share) * differences.var(ddof=1))
        return float(mean), float(mean - half), float(mean + half)

    def summary(self) -> str:
        """Say in words which strategy to take, and how sure the folds are.

        Returns
        -------
        text : str
            Several lines.
        """
        names, best = self.strategies_, self.best_strategy_
        highest = max(names, key=lambda name: self.scores(name).mean())
        k = len(self.splits_)
        lines = [
            f"{len(self._y)} images, {len(self.classes_)} classes, {k} folds. Mean score over the "
            "folds, with its standard error:",
            "",
        ]
        width = max(map(len, names))
        for name in names:
            scores = self.scores(name)
            lines.append(f"  {name:{width}}  {scores.mean():.3f} ± {_standard_error(scores):.3f}")
        lines += ["", f"Take {best!r}: {self._reason(best, highest)}"]
        lines += [self._compared(best, name) for name in names if name != best]
        if highest == RAW and len(names) > 1:
            lines.append(
                "Raw pixels win: what the network knows of photographs is no help with these."
            )
        elif RAW in names and self.difference(highest, RAW)[1] <= 0:
            lines.append("That transfer learning helps at all is not certain on these images.")
        return "\n".join([*lines, *self._by_size()])

    def _choose(self):
        names = self.strategies_
        best = max((self.scores(name) for name in names), key=np.mean)
        bound = best.mean() - _standard_error(best)
        return next(name for name in names if self.scores(name).mean() >= bound)

    def _reason(self, best, highest):
        if best == highest:
            return "no other scores higher."
        return (
            f"{highest!r} scores higher, but by less than one standard error, and the first of "
            "the list is the cheaper one."
        )

    def _compared(self, best, other):
        mean, low, high = self.difference(other, best)
        if mean == 0:
            return f"- {other!r} is as high."
        if not np.isfinite(low):
            sure = "and one fold cannot tell by chance or not"
        elif low == high:
            sure = "the same in all folds, too few to tell more"
        elif low <= 0 <= high:
            sure = "too little for these folds to tell them apart"
        else:
            sure = "which is more than chance"
        ahead = int((self.scores(other) > self.scores(best)).sum())
        return (
            f"- {other!r} is {abs(mean):.3f} {'above' if mean > 0 else 'below'} it (95 % interval "
            f"{low:+.3f} to {high:+.3f}; ahead in {ahead} of {len(self.splits_)} folds), {sure}."
        )

    def _by_size(self):
        """Say which strategy is the best with how many images, where that was asked."""
        sizes = sorted(set(self.results_["train_size"]))
        if len(sizes) < 2:
            return []
        names, lines = (
            self.strategies_,
            ["", "Highest mean score by the number of training images:"],
        )
        for size in sizes:
            means = {name: self.scores(name, size).mean() for name in names}
            top = max(means, key=means.get)
            lines.append(f"  {size:6d}  {top} ({means[top]:.3f})")
        return lines


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


def _fill_cache(way, X, verbose):
    """Run all images through the frozen layers of a strategy; return the seconds."""
    start = time.perf_counter()
    while not hasattr(way, "_fill_cache"):
        if isinstance(way, Pipeline):
            way = way.steps[0][1]
        elif hasattr(way, "estimator"):  # a search, say
            way = way.estimator
        else:
            return 0.0
    way = clone(way)
    if "verbose" in way.get_params():
        way.set_params(verbose=verbose)
    way._fill_cache(X)
    return time.perf_counter() - start


def _run(name, way, X, y, train, test, scoring):
    """Fit a strategy on one fold; return its score, and what it cost."""
    X_test, y_test = _safe_indexing(X, test), y[test]
    start = time.perf_counter()
    with threadpool_limits(1, user_api="blas"):  # in this process, which may be another
        way = clone(way).fit(_safe_indexing(X, train), y[train])
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


def _results(names, sizes, runs, frozen_times):
    """Put the runs, of shape (strategies, sizes, folds), in the form of `cv_results_`."""
    results = {
        "strategy": np.repeat(np.array(names, dtype=object), len(sizes)),
        "train_size": np.tile(sizes, len(names)),
    }
    values = {
        what: np.array([[[run[what] for run in folds] for folds in row] for row in runs])
        for what in ("score", "fit_time", "score_time", "n_trainable_parameters", "pickle_size")
    }
    scores = values["score"]
    for fold in range(scores.shape[2]):
        results[f"split{fold}_test_score"] = scores[..., fold].ravel()
    means = scores.mean(axis=2)
    results["mean_test_score"] = means.ravel()
    results["std_test_score"] = scores.std(axis=2).ravel()
    ranks = (means[:, None] < means[None]).sum(axis=1) + 1
    results["rank_test_score"] = ranks.ravel()
    for what in ("fit_time", "score_time"):
        results[f"mean_{what}"] = values[what].mean(axis=2).ravel()
        results[f"std_{what}"] = values[what].std(axis=2).ravel()
    results["frozen_time"] = np.repeat([frozen_times[name] for name in names], len(sizes))
    for what in ("n_trainable_parameters", "pickle_size"):
        results[what] = values[what].mean(axis=2).ravel()
    return results


def _standard_error(scores):
    return scores.std(ddof=1) / np.sqrt(len(scores)) if len(scores) > 1 else 0.0
