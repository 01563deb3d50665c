"""Finished fits in a folder, so that a comparison that was stopped can go on."""

import os
import sys
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone

from sklearn_tl._utils import num_samples, replacing, safe_indexing
from sklearn_tl.comparison.folds import Split
from sklearn_tl.comparison.runs import Run
from sklearn_tl.comparison.study import Study
from sklearn_tl.embedding import image_reader
from sklearn_tl.images import CONSTRAINTS

# With other versions, the same fit may have other results.
LIBRARIES = ("sklearn-tl", "scikit-learn", "torch", "torchvision", "numpy", "scipy")
SUFFIX = ".npz"


class FinishedRuns:
    """The finished fits in a folder: a file for each, whose name is a digest of all it depends on.

    A file contains numbers and texts, and no code: reading a file of a stranger runs nothing.

    Parameters
    ----------
    folder : path
        Made if it does not exist.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._unused = {path.stem for path in self.folder.glob(f"*{SUFFIX}")}

    def path(self, key: str) -> Path:
        """Return the name of the file of a fit."""
        return self.folder / f"{key}{SUFFIX}"

    def find(self, keys: Sequence[str], classes: np.ndarray | None, verbose: int) -> dict[str, Run]:
        """Return the fits that are finished, and say how many there are.

        Parameters
        ----------
        keys : list of str
            Of all fits that are wanted.
        classes : ndarray of shape (n_classes,) or None
            As for `load`.
        verbose : int
            0 for silence.
        """
        found = {}
        for key in keys:
            run = load(self.path(key), classes)
            if run is not None:
                found[key] = run
        if verbose and found:
            line = f"{self.folder}: {len(found)} of {len(keys)} fits are finished, and used again"
            print(line, file=sys.stderr, flush=True)
        elif verbose and self._unused:
            line = (
                f"{self.folder}: the {len(self._unused)} finished fits there are of another study "
                "(other images, labels, groups, options or versions), and are not used"
            )
            print(line, file=sys.stderr, flush=True)
        self._unused = set()  # what was said once is not said again of further fits
        return found


def save(path: Path, run: Run, classes: np.ndarray | None) -> None:
    """Write a fit, whole or not at all. A full disk is a warning: the comparison itself goes on."""
    values: dict[str, Any] = {
        name: np.asarray(value) for name, value in run.items() if value is not None
    }
    if values["predicted"].dtype == object and classes is not None:
        # Python objects could only be written as a pickle.
        values["position"] = np.searchsorted(classes, values.pop("predicted"))
    if any(value.dtype == object for value in values.values()):
        return
    try:
        with replacing(path) as part, open(part, "wb") as file:
            np.savez(file, **values)
    except OSError as error:
        warnings.warn(
            f"{path} cannot be written ({error.strerror or error}). If the comparison is stopped, "
            "this fit is lost.",
            stacklevel=2,
        )


def load(path: Path, classes: np.ndarray | None) -> Run | None:
    """Return a fit, or None if the file is missing or damaged.

    Parameters
    ----------
    path : Path
    classes : ndarray of shape (n_classes,) or None
        The labels, sorted; None if there are several per image, or numbers.
    """
    try:
        # A file that numpy opens itself would stay open if it is damaged.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as values:
            if "position" in values:
                assert classes is not None
                predicted = classes[values["position"]]
            else:
                predicted = values["predicted"]
            return {
                "score": float(values["score"]),
                "fit_time": float(values["fit_time"]),
                "score_time": float(values["score_time"]),
                "n_trainable_parameters": float(values["n_trainable_parameters"]),
                "pickle_size": float(values["pickle_size"]),
                "predicted": predicted,
                "probabilities": values.get("probabilities"),
            }
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None


def keys_of_runs(
    strategies: Mapping[str, Any],
    study: Study,
    splits: list[Split],
    trains: list[list[np.ndarray]],
    scoring: str | Callable,
) -> list[str]:
    """Return a digest of all that decides the result of each fit, in the order of the fits.

    It does not depend on other strategies, sizes and folds: if some are added, the others count.

    Raises
    ------
    TypeError
        If a strategy or the score cannot be pickled, so that it has no digest.
    """
    versions = [version(library) for library in LIBRARIES]
    digests: dict[str, np.ndarray] = {}  # of images, by how they are read
    classes = np.unique(study.y) if study.y.ndim == 1 else None
    keys = []
    for name, strategy in strategies.items():
        how, network, reader = "", [], image_reader(clone(strategy))
        if reader is not None:
            images, frozen, _ = reader.first_pass(study.X)
            parameters = reader.get_params(deep=False)  # type: ignore[attr-defined]
            how, network = repr([parameters.get(name) for name in CONSTRAINTS]), frozen.keys()
        if how not in digests:
            items = images if reader is not None else study.X
            digests[how] = _digests(items, is_ours=reader is not None)
        of_strategy = (versions, _digest(name, _neutral(strategy)), network, _digest(name, scoring))
        for of_size in trains:
            for train, (_, test) in zip(of_size, splits, strict=True):
                parts = [(digests[how][part], study.y[part]) for part in (train, test)]
                groups = None if study.groups is None else study.groups[train]
                keys.append(joblib.hash((*of_strategy, parts, groups, classes), hash_name="sha1"))
    return keys


def _digests(images: Any, is_ours: bool) -> np.ndarray:
    """Return a digest (n_images,) of each image."""
    if is_ours:
        return np.array([images.open(i).digest.hex() for i in range(len(images))])
    return np.array([joblib.hash(safe_indexing(images, [i])) for i in range(num_samples(images))])


def _neutral(strategy: Any) -> Any:
    """Return a strategy without what does not change its results, or has a digest of its own."""
    others: dict[str, None] = {}
    for name, value in strategy.get_params().items():
        last = name.rpartition("__")[2]
        # The pass through the network has a digest of the weights.
        if last == "cache" or (last in ("backbone", "loader") and callable(value)):
            others[name] = None
    return clone(strategy).set_params(**others)


def _digest(name: str, value: Any) -> str:
    try:
        return joblib.hash(value, hash_name="sha1")
    except Exception as error:  # pickles of anything can raise anything
        raise TypeError(
            f"The strategy {name!r} or its scoring cannot be pickled ({error}), so it is not known "
            "whether a finished fit is one of it. Leave checkpoint out, or put functions into a "
            "module in place of lambdas."
        ) from error
