"""What a comparison checks before anything runs."""

import os
import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import sklearn

from sklearn_tl._choices import RAW
from sklearn_tl._utils import CallbackSupportMixin, check_option
from sklearn_tl.comparison.folds import Split
from sklearn_tl.comparison.group_parameters import parts_without_groups
from sklearn_tl.comparison.raw_pixels import RawPixels
from sklearn_tl.comparison.strategies import default_strategies
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.targets import Multilabel, Task

DUPLICATES = ("group", "drop", "ignore")


def check_choices(strategies: Any, scoring: Any, duplicates: str) -> None:
    """Raise a ValueError if there is nothing to compare, or it cannot be said by which score."""
    if strategies is not None and len(strategies) == 0:
        raise ValueError(
            "strategies is empty. Expected at least one strategy; leave the parameter out for all."
        )
    if isinstance(scoring, list | tuple | dict | set):
        raise ValueError(
            f"scoring={scoring!r} has several scores, but strategies are compared by one. Name it, "
            'for example scoring="balanced_accuracy".'
        )
    check_option("duplicates", duplicates, DUPLICATES)


def check_checkpoint(checkpoint: Any, random_state: Any) -> None:
    """Raise an error if finished fits could not be kept, or would not fit to the same call again.

    Raises
    ------
    TypeError
        If `checkpoint` is not a path.
    ValueError
        If it names a file, or chance would draw other folds the next time.
    """
    if checkpoint is None:
        return
    if not isinstance(checkpoint, str | os.PathLike):
        raise TypeError(
            f"checkpoint={checkpoint!r} must be the path of a folder, for example "
            'checkpoint="unfinished".'
        )
    if os.path.exists(checkpoint) and not os.path.isdir(checkpoint):
        raise ValueError(f"checkpoint={os.fspath(checkpoint)!r} is a file. Name a folder.")
    if not isinstance(random_state, Integral):
        raise ValueError(
            f"checkpoint needs an int as random_state, but it is {random_state!r}: a second call "
            "would draw other folds, and use no finished fit again. Set random_state=0."
        )


def check_callbacks(callbacks: Sequence[Any]) -> None:
    """Raise an error unless scikit-learn can report to these callbacks."""
    if not callbacks:
        return
    if not hasattr(CallbackSupportMixin, "set_callbacks"):
        raise ValueError(
            f"callbacks={callbacks!r} need scikit-learn 1.9 or newer; {sklearn.__version__} is "
            "installed. Leave the parameter out, or type: pip install -U scikit-learn"
        )
    if not isinstance(callbacks, Sequence):
        raise TypeError(f"callbacks={callbacks!r} must be a list, for example [{callbacks!r}].")
    CallbackSupportMixin().set_callbacks(*callbacks)


def read_refit(refit: Any, n_images: int) -> bool | np.ndarray:
    """Return whether to fit at the end, or the positions of the images to fit on.

    Raises
    ------
    ValueError
        If a position is not that of an image.
    """
    if isinstance(refit, bool | np.bool_):
        return bool(refit)
    wanted = np.asarray(refit)
    if wanted.dtype == bool and wanted.shape == (n_images,):
        return np.flatnonzero(wanted)
    is_fine = wanted.ndim == 1 and wanted.size and wanted.dtype.kind in "iu"
    if not is_fine or wanted.min() < 0 or wanted.max() >= n_images:
        raise ValueError(
            f"refit={refit!r:.100} must be True, False, positions from 0 to {n_images - 1}, or one "
            "boolean per image."
        )
    return wanted


def check_can_calibrate(task: Task, splits: list[Split], n_images: int) -> None:
    """Raise a ValueError if there will not be one probability per image to calibrate with."""
    if task.name == "regression":
        raise ValueError("calibrate=True corrects probabilities, and numbers have none.")
    tested = np.concatenate([test for _, test in splits])
    if not np.array_equal(np.sort(tested), np.arange(n_images)):
        raise ValueError(
            "calibrate=True needs folds that test every image once, and these do not. Leave "
            "calibrate out, or pass a number as cv. A given test set cannot be used for this."
        )


def say_which_ignore_groups(strategies: Mapping[str, Any]) -> None:
    """Warn of strategies that make choices on folds which divide groups."""
    for name, strategy in strategies.items():
        parts = parts_without_groups(strategy)
        if parts:
            warnings.warn(
                f"The strategy {name!r} makes choices on folds that do not know the groups "
                f"({', '.join(parts)}), so these choices may be wrong. In a search, set a cv that "
                "keeps groups whole, such as StratifiedGroupKFold().",
                stacklevel=3,
            )


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
                f"{name}={value!r} only reaches the default strategies, and strategies has your "
                f"own estimators. Set {name} on each estimator: ConvFeatureExtractor({name}=...)."
            )
