"""Model files: `study` writes one, `predict` opens it."""

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_tl import persistence
from sklearn_tl._utils import replacing
from sklearn_tl.card import card_of_model


def check_writable(
    path: Path,
    option: str = "--out",
    example: str = "model.sktl",
    others: Iterable[str | os.PathLike] = (),
) -> None:
    """Raise before the work what writing a file would raise after it.

    Parameters
    ----------
    path : Path
    option : str, default="--out"
        The option that names the path, for messages.
    example : str, default="model.sktl"
        The name of such a file, for messages.
    others : iterable of str or path, default=()
        Files that are read, and must not be replaced. They need not exist.

    Raises
    ------
    ValueError
        If no file can be written there, or it would replace one of the others.
    ImportError
        If the name ends in .sktl and the libraries for that format are not installed.
    """
    if persistence.is_data(path):
        persistence.require_skops()
    if path.is_dir():
        raise ValueError(f"{option} {path} is a folder. Name a file: {option} {path / example}")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise ValueError(f"{option} {path} cannot be written: {error.strerror}.") from error
    for other in others if path.exists() else ():
        if os.path.exists(other) and os.path.samefile(path, other):
            raise ValueError(f"{option} {path} would replace {other}. Name another file.")


def save_model(
    model: BaseEstimator,
    path: Path,
    target_names: Sequence[str] = (),
    sureness: Mapping[str, Any] | None = None,
    card: Mapping[str, Any] | None = None,
) -> None:
    """Write a fitted model, whole or not at all.

    Parameters
    ----------
    model : estimator
        Changed in place: each search is replaced by the best estimator that it found, and the
        cache becomes "memory".
    path : Path
        A name that ends in .sktl makes a file of data. Any other name makes a joblib file.
    target_names : sequence of str, default=()
        The names of labels or numbers, which the file keeps as `target_names_` of the model.
    sureness : dict or None, default=None
        When the model is unsure, which the file keeps as `sureness_` of the model.
    card : dict or None, default=None
        What the study says of the model, which the file keeps as `card_` of the model. None makes
        a card of what the model itself says.
    """
    model = _without_search(model)
    if sureness is not None:
        model.sureness_ = dict(sureness)
    if len(target_names):
        model.target_names_ = np.array(target_names, dtype=object)
    persistence.attach_card(model, card_of_model(model) if card is None else card)
    if persistence.is_data(path):
        persistence.save(model, path)
    else:
        with replacing(path) as part:
            joblib.dump(model, part)


def open_model(path: str) -> Any:
    """Open the model in a file.

    Parameters
    ----------
    path : str

    Returns
    -------
    model : classifier or regressor
        Fitted. A classifier has `predict_proba` and `classes_`.

    Raises
    ------
    ValueError
        If the file cannot be opened, or is not a file of such a model.
    """
    try:
        model = persistence.load(path) if is_data(path) else joblib.load(path)
        _check_model(model)
    except OSError as error:
        raise ValueError(f"{path} cannot be opened: {error.strerror or error}.") from error
    except Exception as error:  # a pickle of something else can raise anything
        raise ValueError(
            f"{path} is not a model file that can be opened here ({type(error).__name__}: {error}) "
            "To make one: sklearn-tl study FOLDER --out MODEL.sktl"
        ) from error
    return model


def is_data(path: str) -> bool:
    """Return whether a file is, or should be, one of data. Raises an OSError if it is missing."""
    # A pickle whose name ends in .sktl must not be run. No pickle begins as an archive does.
    with open(path, "rb") as file:
        return persistence.is_data(path) or file.read(4) == b"PK\x03\x04"


def pickle_refused(path: str) -> str:
    """Return why a command opens only files of data."""
    return (
        f"{path} may be a pickle, and opening one may run any code. If you trust whoever made it, "
        "add --allow-pickle. Files whose name ends in .sktl contain data and no code: sklearn-tl "
        "study FOLDER --out MODEL.sktl"
    )


def _check_model(model: Any) -> None:
    """Raise an error of any type unless a model can predict."""
    check_is_fitted(model)
    if is_classifier(model):
        model.predict_proba, model.classes_  # noqa: B018
    elif not is_regressor(model):
        raise TypeError(f"{type(model).__name__} is neither a classifier nor a regressor.")


def _without_search(model):
    """Return a fitted model in which each search is replaced by what it found.

    Its pipelines are changed in place, and forget the cache of the study.
    """
    model = getattr(model, "best_estimator_", model)
    if isinstance(model, Pipeline):
        model.steps = [(name, _without_search(step)) for name, step in model.steps]
    elif "cache" in model.get_params(deep=False):
        model.set_params(cache="memory")
    return model
