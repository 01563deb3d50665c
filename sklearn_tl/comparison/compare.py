"""`compare_strategies`: cross-validates strategies of transfer learning on the same folds."""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits
from torch import nn

from sklearn_tl._choices import MAX_PIXELS
from sklearn_tl._utils import fork_safe, num_samples
from sklearn_tl.comparison.all_runs import run_all
from sklearn_tl.comparison.checks import (
    check_callbacks,
    check_can_calibrate,
    check_checkpoint,
    check_choices,
    check_images,
    check_unused,
    known_names,
    read_refit,
    say_which_are_rare,
    say_which_ignore_groups,
)
from sklearn_tl.comparison.finished import FinishedRuns
from sklearn_tl.comparison.first_pass import fill_caches
from sklearn_tl.comparison.folds import (
    actual_sizes,
    can_keep_groups,
    is_number,
    make_splits,
    training_sets,
    training_sizes,
)
from sklearn_tl.comparison.progress import say
from sklearn_tl.comparison.related import (
    LITTLE,
    MUCH,
    find_copies,
    mostly_together,
    novelty_of,
    say_which_classes_are_one_group,
    say_which_copies,
    without_leaks,
)
from sklearn_tl.comparison.result import StrategyComparison
from sklearn_tl.comparison.runs import fit_by_group, without_rare_labels
from sklearn_tl.comparison.scores import WORDS, default_scoring, score_dummy
from sklearn_tl.comparison.strategies import default_strategies
from sklearn_tl.comparison.study import Study
from sklearn_tl.comparison.temperature import check_can_be_scaled, set_temperature
from sklearn_tl.images import indexable
from sklearn_tl.targets import Multilabel, labels_of


@fork_safe
def compare_strategies(
    X: Any,
    y: Any = None,
    *,
    task: str | None = None,
    backbone: str | nn.Module | Callable[[], nn.Module] = "efficientnet_lite0",
    weights: str | os.PathLike | None = "default",
    image_size: int | tuple[int, int] | str | None = None,
    resize_mode: str = "crop",
    image_shape: tuple[int, ...] | str | None = None,
    value_range: tuple[float, float] | None = None,
    channels: tuple[int, ...] | None = None,
    page: int | str | None = None,
    loader: Callable[[Any], Any] | None = None,
    max_pixels: int | None = MAX_PIXELS,
    cache: str | os.PathLike | None = "memory",
    strategies: Mapping[str, Any] | Sequence[str] | None = None,
    groups: Any = None,
    duplicates: str = "group",
    cv: Any = 5,
    train_sizes: Any = None,
    scoring: str | Callable | None = None,
    refit: bool | np.ndarray = True,
    calibrate: bool = False,
    checkpoint: str | os.PathLike | None = None,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
    callbacks: Sequence[Any] = (),
    verbose: int = 0,
) -> StrategyComparison:
    r"""Cross-validate strategies of transfer learning on your images, all on the same folds.

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
    resize_mode : {"crop", "pad", "squash", "tiles"}, default="crop"
        How a wide or tall image becomes as large as the input. See :class:`ConvFeatureExtractor`.
        With "tiles", name strategies that train no layers.
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
    groups : array-like of shape (n_images,), str, callable or None, default=None
        Images with equal values belong together, for example the pictures of one patient. No fold
        is trained on one part of a group and tested on another, and neither are the folds on which
        choices are made within a fold. If `X` consists of paths, a str is a regular expression with
        parentheses around what the paths of one group have in common, such as
        ``r"(.*)_\d+\.jpg"``, and a callable returns the group of a path. See also
        :func:`sklearn_tl.datasets.groups_from_times`.
    duplicates : {"group", "drop", "ignore"}, default="group"
        What is done with copies of an image, and with sequences of images, such as bursts, that
        :func:`sklearn_tl.find_duplicates` finds. "group": they stay together in all folds, as
        groups do. "drop": all but the first of each set of copies are left out, and sequences stay
        together. "ignore": nothing is looked for. A warning counts what was found.
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
    calibrate : bool, default=False
        Whether to divide the logits of `best_estimator_` by the temperature at which its
        probabilities suit best to images that were not trained on. Its predictions stay the same,
        and `probabilities_` of the best strategy change likewise. See
        :meth:`StrategyComparison.calibration`.
    checkpoint : path or None, default=None
        A folder that keeps each fit as soon as it is finished, and the rows in its file rows.sqlite
        if `cache` is "memory". If the comparison is stopped, the same call goes on from there. A
        fit is used again only if its images, labels, groups, parameters, weights and the versions
        of the libraries are the same, and `random_state` must be an int. If you change the code of
        an estimator of your own, take another folder, since that is not noticed. Times are those of
        the fit that was kept. The files contain no code. You may remove the folder afterwards.
    n_jobs : int or None, default=None
        Number of processes that share the fits. Fine-tuning uses all cores in one process, too.
    random_state : int, RandomState instance or None, default=None
        Decides the folds, the smaller training sets and the fine-tuning.
    callbacks : sequence of callbacks, default=()
        Callbacks of scikit-learn 1.9 or newer, for example ``[sklearn.callback.ProgressBar()]``.
        The comparison is one fit to them. It has a task per strategy, and each of these has a task
        per training size and fold, which begins and ends when its result has arrived.
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
    check_choices(strategies, scoring, duplicates)
    check_checkpoint(checkpoint, random_state)
    check_callbacks(callbacks)
    y, X = labels_of(X, y), indexable(X)
    parameters: dict[str, Any] = {
        "backbone": backbone,
        "weights": weights,
        "image_size": image_size,
        "resize_mode": resize_mode,
        "image_shape": image_shape,
        "value_range": value_range,
        "channels": channels,
        "page": page,
        "loader": loader,
        "max_pixels": max_pixels,
        "cache": cache,
    }
    own: dict[str, Any] | None = None
    names: list[str] = []
    if isinstance(strategies, Mapping):
        own = dict(strategies)
        check_unused(parameters)
    else:
        names = known_names(strategies)
        check_images(X, names, **parameters)
    y_name = getattr(y, "name", None)  # of a column of a table
    study = Study.read(X, y, task, groups)
    are_given = study.groups is not None and mostly_together(study.groups, LITTLE)
    refit = read_refit(refit, num_samples(X))
    scorer = scoring or default_scoring(study.task.name)
    generator = check_random_state(random_state)
    fold_seed, seed = (int(seed) for seed in generator.randint(2**31 - 1, size=2))
    # Folds and sizes that are impossible are found before the images go through the network.
    cv = cv if is_number(cv) or hasattr(cv, "split") else list(cv)
    splits = make_splits(cv, study.task, study.targets, fold_seed, study.groups)
    training_sizes(train_sizes, splits, study.task)
    if isinstance(study.task, Multilabel):
        say_which_are_rare(study.task, study.targets, len(splits))
    if study.groups is not None and not is_number(cv):
        say_which_classes_are_one_group(study)
    if own is not None and study.groups is not None:
        say_which_ignore_groups(own)
    if calibrate:
        check_can_calibrate(study.task, splits, num_samples(X))
        check_can_be_scaled(own or {})

    def by_name(study: Study) -> dict[str, Any]:
        """Return the strategies for a study, which may have groups."""
        if own is not None:
            return own
        default = default_strategies(
            **parameters,
            task=study.task.name,
            grouped=study.groups is not None,
            random_state=seed,
        )
        return {name: default[name] for name in default if name in names}

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        finished = None if checkpoint is None else FinishedRuns(checkpoint)
        # Processes do not share memory, and it does not outlive them.
        in_file = cache == "memory" and (finished is not None or effective_n_jobs(n_jobs) > 1)
        if in_file and own is None:
            folder = temporary if finished is None else finished.folder
            parameters["cache"] = f"{folder}/rows.sqlite"
        check_scoring(next(iter(by_name(study).values())), scoring=scorer)
        # The matrices are small: on two cores a second BLAS thread makes fits ten times slower.
        with threadpool_limits(1, user_api="blas"):
            first = fill_caches(
                by_name(study),
                X,
                verbose,
                with_pixels=duplicates != "ignore",
                with_embeddings=own is None,
            )
            found = None if duplicates == "ignore" else find_copies(first, study)
            if found is not None and len(found.pairs):
                say_which_copies(found, duplicates, None if can_keep_groups(cv) else splits)
                knew_groups = study.groups is not None
                study, splits = without_leaks(study, found, duplicates, cv, splits, fold_seed)
                if own is not None and study.groups is not None and not knew_groups:
                    say_which_ignore_groups(own)
            chosen = by_name(study)
            sizes = training_sizes(train_sizes, splits, study.task)
            strata = study.task.strata(study.targets, 1)
            trains = training_sets(splits, strata, sizes, seed, study.groups)
            if study.groups is not None:  # whole groups are rarely just as many images as asked for
                sizes, trains = actual_sizes(trains)
            run = partial(
                run_all, scoring=scorer, n_jobs=n_jobs, verbose=verbose, finished=finished
            )
            comparison = StrategyComparison(
                names=list(chosen),
                sizes=sizes,
                splits=splits,
                study=study,
                target_name=y_name if isinstance(y_name, str) else None,
                score_name=WORDS[study.task.name] if scoring is None else str(scoring),
                dummy=score_dummy(study.task.name, study.X, study.y, splits, scorer),
                runs=run(chosen, study, splits, trains, callbacks=callbacks),
                frozen_times=first.seconds,
                found=found,
            )
            wanted = study.positions(True if isinstance(refit, bool) else refit)
            if first.embeddings is not None:
                comparison.novelty_ = novelty_of(first.embeddings, study.take(wanted))
            best = comparison.best_strategy_
            share = LITTLE if are_given else MUCH
            if can_keep_groups(cv) and mostly_together(study.groups, share):
                say(f"{best}: folds that divide groups, to compare with", verbose)
                divided = make_splits(cv, study.task, study.targets, fold_seed)
                alone = replace(study, groups=None)
                parts = [[train for train, _ in divided]]
                runs = run({best: chosen[best]}, alone, divided, parts)
                comparison.ungrouped_scores_ = np.array([fold["score"] for fold in runs[0, 0]])
            temperature = comparison.use_temperature() if calibrate else 1.0
            if refit is False:
                return comparison
            of_all = "all" if len(wanted) == num_samples(X) else f"{len(wanted)} of the"
            say(f"{best}: fitting on {of_all} images", verbose)
            with without_rare_labels():
                fitted = fit_by_group(chosen[best], study.X, study.y, wanted, study.groups)
            if calibrate:
                set_temperature(fitted, temperature)
        if in_file:  # a file that goes now, or with the checkpoint
            fitted.set_params(**_memory_instead_of(parameters["cache"], fitted))
        comparison.best_estimator_ = fitted
    return comparison


def _memory_instead_of(path: str, estimator: Any) -> dict[str, str]:
    """Return the parameters of an estimator that name a path, with "memory" in its place."""
    parameters = estimator.get_params()
    return {
        name: "memory"
        for name, value in parameters.items()
        if isinstance(value, str) and value == path
    }
