"""Write a model into a file, and read it, or only its card."""

import os
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from sklearn_tl._utils import fork_safe, replacing
from sklearn_tl.card import card_of_model
from sklearn_tl.persistence.archive import card_in, checked_archive
from sklearn_tl.persistence.cards import card_of
from sklearn_tl.persistence.packing import pack, require_skops, unpack

SUFFIX = ".sktl"


@fork_safe
def save(
    model: BaseEstimator,
    path: str | os.PathLike,
    *,
    card: Mapping[str, Any] | None = None,
    trusted: Sequence[str] = (),
) -> None:
    """Save a model in a file that runs no code when it is loaded.

    The model may be an estimator of this package, or one of scikit-learn that contains them, such
    as a pipeline. The file does not contain the pretrained network: it contains the network's name
    and fingerprint. The file is written completely or not at all.

    Parameters
    ----------
    model : estimator
        Fitted or not. The file contains a copy with ``cache="memory"`` (unless it is None) and, in
        pipelines, ``memory=None``, since paths of this machine mean nothing on another one.
    path : str or path
        The file to write. By convention its name ends in ".sktl".
    card : dict or None, default=None
        The model's card, as :func:`sklearn_tl.card.card_of_study` returns it. None takes the card
        that the model has, or else makes one of what the model itself says.
    trusted : sequence of str, default=()
        Names of further types that the file may contain. The types of this package, and those of
        scikit-learn, numpy and scipy that skops trusts, are always allowed. The error lists the
        names to pass. They must also be passed to :func:`load`.

    Raises
    ------
    ValueError
        If the model contains code: your own network or function, callbacks, `net_params`, or
        a type that is not trusted. Use ``joblib.dump`` for readers who trust you.
    TypeError
        If `model` is not an estimator.
    FileNotFoundError
        If the folder of `path` does not exist.
    ImportError
        If skops is not installed.

    Warns
    -----
    UserWarning
        If the model was fitted again after its card was made. The card is left out then.

    See Also
    --------
    load : Load such a file.
    read_card : Read the card in such a file.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import sklearn_tl
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> images = np.random.default_rng(0).integers(0, 128, (6, 48, 48, 3), dtype=np.uint8)
    >>> images[::2] += 127
    >>> extractor = sklearn_tl.ConvFeatureExtractor(image_size=64)
    >>> model = make_pipeline(extractor, LogisticRegression()).fit(images, ["light", "dark"] * 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sklearn_tl.save(model, f"{folder}/model.sktl")
    ...     loaded = sklearn_tl.load(f"{folder}/model.sktl")
    >>> loaded.predict(images[:2]).tolist()
    ['light', 'dark']
    """
    require_skops()
    if not isinstance(model, BaseEstimator):
        raise TypeError(f"{model!r:.80} is not an estimator of scikit-learn.")
    names = _as_names(trusted)
    card = card_of(model) if card is None else card
    try:
        data = pack(model, card)
        unpack(data, names)  # a file that cannot be read is not written
    except Exception as error:  # skops and the model's parts raise errors of any type
        instead = "Save its `best_estimator_`. " if hasattr(model, "best_estimator_") else ""
        raise ValueError(
            f"{type(model).__name__} cannot be saved as data. {instead}{_reason(error)} "
            f"{_advice(model)}"
        ) from error
    with replacing(Path(path)) as part:
        part.write_bytes(data)


@fork_safe
def load(path: str | os.PathLike, *, trusted: Sequence[str] = ()) -> BaseEstimator:
    """Load a model that :func:`save` wrote. No code in the file is run, whoever made it.

    The file names the pretrained network. The network is loaded when the model is first used, and
    must have the fingerprint that the file states. The loaded model writes to no place that the
    file names: `cache` is "memory" or None, and `memory` of a pipeline is None. Its `max_pixels`
    is at most the default. The path in `weights` is kept; nothing but tensors is read from such a
    file. A fitted model has its card as `card_`.

    Parameters
    ----------
    path : str or path
        A file that :func:`save` wrote.
    trusted : sequence of str, default=()
        Names of further types that may be built. The error lists them. A type may run any code:
        name only types that you know to be data.

    Returns
    -------
    model : estimator
        The model as it was saved.

    Raises
    ------
    ValueError
        If :func:`save` did not write the file (for example, if it is a pickle), if it is damaged
        or has another format version, or if it contains a type that is not trusted or a value
        that may be code.
    OSError
        If the file cannot be read.
    ImportError
        If skops is not installed.

    Warns
    -----
    sklearn.exceptions.InconsistentVersionWarning
        If another version of scikit-learn saved one of its estimators.

    See Also
    --------
    save : Write such a file.
    read_card : Read the card in such a file.

    Notes
    -----
    A model that runs no code can still be harmful: it can be wrong on purpose, need more memory
    than this machine has, or name a network whose weights are a long download. Crafted numbers can
    crash the compiled parts of scikit-learn. This is known of trees, so they must be named in
    `trusted`.

    Examples
    --------
    >>> import tempfile
    >>> import sklearn_tl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/model.sktl"
    ...     sklearn_tl.save(sklearn_tl.ConvFeatureExtractor(pooling="max"), path)
    ...     sklearn_tl.load(path)
    ConvFeatureExtractor(pooling='max')
    """
    require_skops()
    names, data = _as_names(trusted), Path(path).read_bytes()
    try:
        return unpack(data, names)
    except Warning:  # where warnings are errors
        raise
    except Exception as error:  # an arbitrary file can raise any error
        damaged = "" if type(error) is ValueError else " If save wrote it, copy it again."
        raise ValueError(f"{str(path)!r} was refused. {_reason(error)}{damaged}") from error


def read_card(path: str | os.PathLike) -> dict[str, Any]:
    """Return the card in a file that :func:`save` wrote. No network is loaded.

    Parameters
    ----------
    path : str or path
        A file that :func:`save` wrote.

    Returns
    -------
    card : dict
        In the form that :func:`sklearn_tl.card.card_of_study` describes. Whoever made the file may
        have written anything there. For a file that is older than cards, it is what the model
        itself says.

    Raises
    ------
    ValueError
        If :func:`save` did not write the file (for example, if it is a pickle), or if it is damaged
        or has another format version.
    OSError
        If the file cannot be read.

    See Also
    --------
    save : Write such a file.

    Examples
    --------
    >>> import tempfile
    >>> import sklearn_tl
    >>> from sklearn_tl.persistence import read_card
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sklearn_tl.save(sklearn_tl.ConvFeatureExtractor(), f"{folder}/model.sktl")
    ...     card = read_card(f"{folder}/model.sktl")
    >>> card["model"]["type"], card["backbones"][0]["backbone"]
    ('ConvFeatureExtractor', 'efficientnet_lite0')
    """
    data = Path(path).read_bytes()
    try:
        card = card_in(checked_archive(data))
        return card_of_model(unpack(data, set())) if card is None else card
    except (Warning, ImportError):
        raise
    except Exception as error:  # an arbitrary file can raise any error
        raise ValueError(f"{str(path)!r} was refused. {_reason(error)}") from error


def is_data(path: str | os.PathLike) -> bool:
    """Tell from its name whether a file is, or should be, one that :func:`save` writes."""
    return str(path).lower().endswith(SUFFIX)


def _advice(model: BaseEstimator) -> str:
    """Say whether a pickle, the other way to save a model, would do."""
    try:
        pickle.dumps(model)
    except Exception as error:
        return (
            f"(joblib.dump cannot save it either: {error}. Lambdas and functions inside of "
            "functions cannot be saved: move the function to the top level of a module.)"
        )
    return "(joblib.dump saves it, for readers who trust you.)"


def _reason(error: Exception) -> str:
    return str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"


def _as_names(trusted: Sequence[str]) -> set[str]:
    return {trusted} if isinstance(trusted, str) else set(trusted)
