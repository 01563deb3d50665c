"""Models in files that hold data and no code, so that a stranger's file can be opened.

A file is what skops writes, a zip archive of JSON and arrays, and two members more: ``model.json``
says which format, versions and pretrained networks the model needs, and ``card.json`` is the
model's card. skops builds only types that it was told to trust. Nothing is compressed, so the
archive cannot unpack to more than its size.
"""

import copy
import hashlib
import io
import json
import os
import pickle
import platform
import re
import types
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from numbers import Number
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import skorch
import torch
from sklearn.base import BaseEstimator

from sklearn_tl._base import BackboneEstimator
from sklearn_tl._choices import MAX_PIXELS
from sklearn_tl._utils import fork_safe, replacing
from sklearn_tl.card import card_of_model, to_sections
from sklearn_tl.classifier import FineTuneClassifier
from sklearn_tl.comparison import RawPixels
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.finetuning import AbovePrefix, HeadAlone, WholeNetwork
from sklearn_tl.images import Preprocessing
from sklearn_tl.regressor import FineTuneRegressor
from sklearn_tl.targets import Multiclass, Multilabel, Regression
from sklearn_tl.transfer_classifier import TransferClassifier
from sklearn_tl.transfer_regressor import TransferRegressor

FORMAT = 3
SUFFIX = ".sktl"
HEADER, CARD = "model.json", "card.json"
ESTIMATORS = (
    ConvFeatureExtractor,
    FineTuneClassifier,
    FineTuneRegressor,
    TransferClassifier,
    TransferRegressor,
    RawPixels,
)
RECIPES, TASKS = (HeadAlone, AbovePrefix, WholeNetwork), (Multiclass, Multilabel, Regression)
PARTS = (Preprocessing, *RECIPES, *TASKS)  # of a fitted estimator
# Parts of scikit-learn's ensembles and searches that hold data, and that skops does not know.
OF_SKLEARN = {
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.model_selection._split.GroupKFold",
    "sklearn.model_selection._split.GroupShuffleSplit",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.PredefinedSplit",
    "sklearn.model_selection._split.ShuffleSplit",
    "sklearn.model_selection._split.StratifiedGroupKFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.model_selection._split.StratifiedShuffleSplit",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
}
# Parts of the strategies that are compared. They get rows and targets, and touch no file.
OF_COMPARISON = {
    "sklearn_tl.comparison.inner_folds.InnerFolds",
    "sklearn_tl.comparison.scores.mean_average_precision",
    "sklearn_tl.comparison.strategies.in_double_precision",
}


def _name_of(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


OF_OURS = {_name_of(cls) for cls in (*ESTIMATORS, *PARTS)}
TRUSTED = OF_SKLEARN | OF_COMPARISON | OF_OURS
# The state of our estimators is plain data, and these are strings or None: all else may be code.
STRINGS = ("backbone", "weights", "head", "_head", "_loss", "augment", "cache", "device")
EMPTY = ("callbacks", "net_params")  # they hold objects of skorch and torch
PLAIN = (str, bytes, bool, Number, np.generic, np.random.RandomState, *PARTS, type(None))


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
        data = _pack(model, card)
        _unpack(data, names)  # a file that cannot be read is not written
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
        return _unpack(data, names)
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
        card = _card_in(_checked_archive(data))
        return card_of_model(_unpack(data, set())) if card is None else card
    except (Warning, ImportError):
        raise
    except Exception as error:  # an arbitrary file can raise any error
        raise ValueError(f"{str(path)!r} was refused. {_reason(error)}") from error


def attach_card(model: BaseEstimator, card: Mapping[str, Any]) -> None:
    """Give a fitted model its card, as the attribute `card_` that any kind of file keeps.

    Parameters
    ----------
    model : estimator
        Changed in place.
    card : dict
        As :func:`sklearn_tl.card.card_of_study` returns it. `save` leaves the card out if the model
        is fitted again.
    """
    model.card_ = {**card, "digest": _digest(model)}


def card_of(model: BaseEstimator) -> dict[str, Any]:
    """Return the card that a model has, or one of what the model itself says.

    Parameters
    ----------
    model : estimator
        Fitted or not.

    Returns
    -------
    card : dict

    Warns
    -----
    UserWarning
        If the model was fitted again after its card was made. That card is left out.
    """
    card = vars(model).get("card_")
    if card is not None and card.get("digest") == _digest(model):
        return card
    if card is not None:
        warnings.warn(
            "The model was fitted again after its card was made, so the scores on that card are "
            "left out. Give it the card of the new fit: save(model, path, "
            "card=card_of_study(comparison, y)).",
            stacklevel=3,
        )
    return card_of_model(model)


def require_skops() -> Any:
    """Return the module skops.io, or raise an ImportError that says what to install."""
    try:
        import skops
        import skops.io
    except ImportError as error:
        raise ImportError(
            "Saving and loading models as data requires skops: pip install 'skops>=0.16'."
        ) from error
    if tuple(map(int, skops.__version__.split(".")[:2])) < (0, 16):
        raise ImportError(
            f"skops {skops.__version__} checks less of a file than 0.16 does. Install a newer one: "
            "pip install 'skops>=0.16'."
        )
    return skops.io


def is_data(path: str | os.PathLike) -> bool:
    """Tell from its name whether a file is, or should be, one that :func:`save` writes."""
    return str(path).lower().endswith(SUFFIX)


def _pack(model: BaseEstimator, card: Mapping[str, Any]) -> bytes:
    """Return the bytes of a file."""
    for part in _parts(model):
        if isinstance(part, torch.Tensor | torch.nn.Module):
            raise ValueError(f"It holds a {type(part).__name__} of torch.")
        if isinstance(part, BackboneEstimator):
            _check_state(part, part.__getstate__())
    plain, backbones = copy.deepcopy(model), []
    vars(plain).pop("card_", None)  # it has a member of its own
    for part in _parts(plain):
        _forget_paths(part)
        if isinstance(part, BackboneEstimator):
            for name in ("weights", "device"):
                if isinstance(vars(part)[name], os.PathLike | torch.device):
                    setattr(part, name, str(vars(part)[name]))
            fingerprint = vars(part).get("backbone_fingerprint_")
            names = {name: vars(part)[name] for name in ("backbone", "weights")}
            backbones.append(names | {"fingerprint": fingerprint})
    header = {
        "format": "sklearn_tl",
        "format_version": FORMAT,
        "model": type(model).__name__,
        "versions": {"python": platform.python_version()}
        | {"sklearn_tl": version("sklearn-tl")}
        | {m.__name__: str(m.__version__) for m in (sklearn, torch, skorch, np)},
        "backbones": backbones,
    }
    buffer = io.BytesIO(require_skops().dumps(plain))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(HEADER, json.dumps(header, indent=2))
        with_digest = {**card, "digest": _digest(plain)}
        archive.writestr(CARD, json.dumps(with_digest, indent=2, allow_nan=False))
    return buffer.getvalue()


def _unpack(data: bytes, trusted: set[str]) -> BaseEstimator:
    """Return the model in the bytes of a file. Nothing in it is believed before it is checked."""
    skops = require_skops()
    archive = _checked_archive(data)
    for name in archive.namelist():
        if not re.fullmatch(r"[\w-]+\.(json|npy)", name):
            raise ValueError(f"It holds {name}, which sklearn_tl.save does not write.")
        # A sparse matrix, for example, whose size is unknown before it is unpacked.
        if archive.read(name).startswith(b"PK"):
            raise ValueError(f"Its {name} is an archive: a sparse matrix, perhaps.")
    unknown = set(skops.get_untrusted_types(data=data)) - TRUSTED - trusted
    if unknown:
        raise ValueError(
            f"It holds types that may run code: {', '.join(sorted(unknown))}. If you know that "
            f"they are harmless, pass trusted={sorted(unknown)}."
        )
    model = skops.loads(data, trusted=sorted(TRUSTED | trusted))
    if not isinstance(model, BaseEstimator):
        raise ValueError(f"It holds a {type(model).__name__}, which is not an estimator.")
    for part in _parts(model):
        _forget_paths(part)
        if isinstance(part, ESTIMATORS) and (
            part.max_pixels is None or part.max_pixels > MAX_PIXELS
        ):
            part.max_pixels = MAX_PIXELS  # the limit protects from other files
        if isinstance(part, BackboneEstimator):
            _check_state(part, vars(part))
            for name, default in type(part)().get_params(deep=False).items():
                part.__dict__.setdefault(name, default)  # a parameter that is newer than the file
    card = _card_in(archive)
    if card is not None and card["model"]["fitted"]:  # what has an attribute_ counts as fitted
        model.card_ = card
    return model


def _card_in(archive: zipfile.ZipFile) -> dict[str, Any] | None:
    """Return the card in a file, or None if the file is older than cards."""
    if CARD not in archive.namelist():
        return None
    try:
        card = json.loads(archive.read(CARD))
        to_sections(card)
    except Exception as error:  # a crafted card can raise any error
        raise ValueError(f"Its {CARD} was not written by sklearn_tl.save.") from error
    return card


def _digest(model: BaseEstimator) -> str:
    """Return a digest of the arrays in a model, which another fit changes."""
    states = [part.__getstate__() for part in _parts(model) if isinstance(part, BackboneEstimator)]
    found = {
        hashlib.sha256(f"{part.dtype}{part.shape}".encode() + part.tobytes()).hexdigest()
        for part in _parts([model, states])
        if isinstance(part, np.ndarray) and part.dtype != object
    }
    return hashlib.sha256("".join(sorted(found)).encode()).hexdigest()


def _checked_archive(data: bytes) -> zipfile.ZipFile:
    """Open a file of `save` in the format of this version."""
    archive = _open_archive(data)
    if HEADER not in archive.namelist():
        raise ValueError(f"It has no {HEADER}, which every file of sklearn_tl.save has.")
    header = json.loads(archive.read(HEADER))
    number = header.get("format_version")
    if header.get("format") != "sklearn_tl" or type(number) is not int:
        raise ValueError(f"Its {HEADER} was not written by sklearn_tl.save.")
    if number != FORMAT:
        raise ValueError(
            f"Its format is version {number}, and sklearn_tl {version('sklearn-tl')} reads version "
            f"{FORMAT}. Install the sklearn_tl that saved it, {header.get('versions')}."
        )
    return archive


def _open_archive(data: bytes) -> zipfile.ZipFile:
    """Open a zip archive whose members are as large as they say."""
    if not data.startswith(b"PK\x03\x04"):
        raise ValueError(
            "It is not a file of sklearn_tl.save. If it is a pickle, which joblib.load opens, it "
            "may run any code."
        )
    archive = zipfile.ZipFile(io.BytesIO(data))
    members = archive.infolist()
    stored = all(m.compress_type == zipfile.ZIP_STORED for m in members)
    n_bytes = sum(m.file_size for m in members)
    names = {m.filename for m in members}
    # Another file could lie before the first member, and be taken for this one.
    first = min((m.header_offset for m in members), default=0)
    if not stored or n_bytes > len(data) or len(names) < len(members) or first > 0:
        raise ValueError(
            "It is not packed as sklearn_tl.save packs files, which compresses nothing."
        )
    return archive


def _check_state(estimator: BackboneEstimator, state: Mapping[str, Any]) -> None:
    """Raise a ValueError if the state of one of our estimators holds, or names, more than data."""
    name, fitted = type(estimator).__name__, state.get("_fitted", {})
    if not isinstance(fitted, dict):
        raise ValueError(f"{name} has _fitted={fitted!r:.80}, which is not a dict.")
    for key, value in (*state.items(), *fitted.items()):
        if isinstance(value, os.PathLike | torch.device):
            value = str(value)
        if key == "early_stopping" and _name_of(type(value)) in OF_SKLEARN:  # a splitter
            continue
        string = key not in STRINGS or isinstance(value, str | None)
        if not string or not _is_plain(value) or (key in EMPTY and value):
            raise ValueError(f"{name} has {key}={value!r:.80}, which may be code and not data.")
        if key == "weights" and re.match(r"[/\\]{2}", value or ""):  # Windows would log in there
            raise ValueError(f"{name} has weights={value!r}, which is on another computer.")


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, PLAIN) and _is_plain(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, np.ndarray):
        return value.dtype != object or all(map(_is_plain, value.flat))
    return isinstance(value, PLAIN)


def _forget_paths(part: Any) -> None:
    """Keep an estimator from writing to a place that a file names."""
    if isinstance(part, ESTIMATORS) and part.cache is not None:
        part.cache = "memory"
    if isinstance(part, BaseEstimator) and vars(part).get("memory") is not None:
        part.memory = None


def _parts(model: Any) -> Iterator[Any]:
    """Iterate over all objects in a model, without looking into our estimators."""
    stack, seen = [model], {}
    while stack:
        part = stack.pop()
        if id(part) in seen:
            continue
        seen[id(part)] = part  # kept alive, so that no other object gets its id
        yield part
        if isinstance(part, dict):
            stack += part.values()
        elif isinstance(part, list | tuple | set):
            stack += part
        elif isinstance(part, np.ndarray):
            stack += part.flat if part.dtype == object else ()
        elif not isinstance(part, BackboneEstimator | type | types.ModuleType):
            stack += getattr(part, "__dict__", {}).values()


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
