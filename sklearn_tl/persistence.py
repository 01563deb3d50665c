"""Models in files that hold data and no code, so that a stranger's can be opened.

A file is a zip archive of three members, none of which is a pickle:

- ``model.json`` says which format, versions and pretrained networks it needs, for people to read;
- ``model.skops`` holds the estimators. skops builds nothing but types that it was told to trust;
- ``tensors.safetensors`` holds what :class:`FineTuneClassifier` trained.

Nothing is compressed, so that no header can promise more than there is.
"""

import copy
import io
import json
import os
import platform
import re
import types
import zipfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import sklearn
import skorch
import torch
from sklearn.base import BaseEstimator
from skorch.history import History

from sklearn_tl._base import BackboneEstimator
from sklearn_tl._utils import replacing
from sklearn_tl.classifier import FineTuneClassifier
from sklearn_tl.comparison import RawPixels
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.images import Preprocessing

FORMAT = 1
SUFFIX = ".sktl"
HEADER, SCHEMA, TENSORS = MEMBERS = ("model.json", "model.skops", "tensors.safetensors")
OURS = (ConvFeatureExtractor, FineTuneClassifier, RawPixels, Preprocessing)
TRUSTED = {f"{cls.__module__}.{cls.__qualname__}" for cls in OURS}
# Where a string stands for something of ours, and anything else would be code.
NAMES = ("backbone", "weights", "head", "_head", "augment", "cache", "device")
OPTIONS = ("callbacks", "net_params")  # for objects of skorch and torch
# What means something in one process only.
NETWORKS = ("_backbone", "_net", "_whole")
HISTORIES = ("history_", "head_history_")


def save(model: BaseEstimator, path: str | os.PathLike, *, trusted: Sequence[str] = ()) -> None:
    """Save a model in a file that runs no code when it is loaded.

    Takes :class:`ConvFeatureExtractor`, :class:`FineTuneClassifier` and whatever of scikit-learn
    contains them, such as a pipeline. As in a pickle, the pretrained network is not in the file:
    :func:`load` says what is. Files are written whole or not at all.

    Parameters
    ----------
    model : estimator
        Fitted or not. The file gets a copy of it with ``cache="memory"``, unless that is None, and
        with ``memory=None`` in pipelines, since folders of this machine are of no use elsewhere.
    path : str or path
        The file to write. By convention its name ends in ".sktl".
    trusted : sequence of str, default=()
        Names of types that the file may hold besides those of this package and those of
        scikit-learn, numpy and scipy that skops trusts. The error without it lists them. Whoever
        loads the file has to trust them, too.

    Raises
    ------
    ValueError
        If the model holds code: a network or a function of your own, callbacks, `net_params`, or
        a type that is not trusted. Take ``joblib.dump``, for readers who trust you.
    TypeError
        If it is no estimator.
    ImportError
        If skops or safetensors is not installed.

    See Also
    --------
    load : Open such a file.

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
    require_libraries()
    if not isinstance(model, BaseEstimator):
        raise TypeError(f"{model!r:.80} is no estimator of scikit-learn that could be saved.")
    trusted = _as_names(trusted)
    try:
        data = _pack(model)
        _unpack(data, trusted)  # nothing is written that could not be read
    except Exception as error:  # skops and what is in the model have any
        instead = "Save its `best_estimator_`. " if hasattr(model, "best_estimator_") else ""
        raise ValueError(
            f"{type(model).__name__} cannot be saved as data. {instead}{_reason(error)} "
            "(joblib.dump takes any model, for readers who trust you.)"
        ) from error
    with replacing(Path(path)) as part:
        part.write_bytes(data)


def load(path: str | os.PathLike, *, trusted: Sequence[str] = ()) -> BaseEstimator:
    """Load a model that :func:`save` wrote. No code of the file is run, whoever made it.

    The file names the pretrained network, which is loaded when the model is first used and
    compared with the fingerprint in the file. What the file says besides is bounded: `cache` is
    "memory" or None, and `memory` of a pipeline is None, so that nothing is written to a place
    that it names. The path of `weights` is kept; such files are read as tensors and nothing else.

    Parameters
    ----------
    path : str or path
        A file of :func:`save`.
    trusted : sequence of str, default=()
        Names of further types that may be built, which the error without it lists. A type may
        run any code: name only those that you know, as data.

    Returns
    -------
    model : estimator
        As it was saved.

    Raises
    ------
    ValueError
        If the file is another one (a pickle, say), damaged, of a later format, or holds a type
        that is not trusted or anything that may be code.
    OSError
        If it cannot be read.
    ImportError
        If skops or safetensors is not installed.

    Warns
    -----
    sklearn.exceptions.InconsistentVersionWarning
        If an estimator of scikit-learn was saved by another version of it.

    See Also
    --------
    save : Write such a file.

    Notes
    -----
    That no code is run does not make a model a good one: it can be wrong on purpose, ask for
    images too large for this machine, or name a network whose weights are a long download. Numbers
    made up for the purpose can crash the compiled parts of scikit-learn; of trees this is known,
    which is why they have to be named in `trusted`.

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
    require_libraries()
    trusted = _as_names(trusted)
    data = Path(path).read_bytes()
    try:
        return _unpack(data, trusted)
    except Warning:  # where warnings are errors
        raise
    except Exception as error:  # a file of anything can raise anything
        damaged = "" if type(error) is ValueError else " If it was one of save, copy it again."
        raise ValueError(f"{str(path)!r} was refused. {_reason(error)}{damaged}") from error


def require_libraries():
    """Return the modules skops.io and safetensors.torch, or say what to install."""
    try:
        import safetensors.torch
        import skops
        import skops.io
    except ImportError as error:
        raise ImportError(
            "To save and load models as data: pip install safetensors 'skops>=0.16'."
        ) from error
    if tuple(map(int, skops.__version__.split(".")[:2])) < (0, 16):
        raise ImportError(
            f"skops {skops.__version__} checks less of a file than 0.16 does: "
            "pip install 'skops>=0.16'."
        )
    return skops.io, safetensors.torch


def is_data(path):
    """Tell from its name whether a file is, or should be, one of :func:`save`."""
    return str(path).lower().endswith(SUFFIX)


def _pack(model):
    """Return the bytes of a file."""
    skops, safetensors = require_libraries()
    memo, tensors, backbones = {}, {}, []  # deepcopy takes the memo's for copies it has made
    for part in _parts(model):
        if isinstance(part, torch.Tensor | torch.nn.Module):
            raise ValueError(f"It holds a {type(part).__name__} of torch.")
        if isinstance(part, BackboneEstimator):
            number = str(len(backbones))
            memo[id(part)], own = _without_tensors(part, number)
            tensors |= {f"{number}.{name}": tensor for name, tensor in own.items()}
            state = vars(memo[id(part)])
            backbones.append(
                {
                    "backbone": state["backbone"],
                    "weights": state["weights"],
                    "fingerprint": state.get("backbone_fingerprint_"),
                }
            )
    plain = copy.deepcopy(model, memo)
    for part in _parts(plain):
        _forget_paths(part)
    header = {
        "format": "sklearn_tl",
        "format_version": FORMAT,
        "model": type(model).__name__,
        "versions": {"python": platform.python_version()}
        | {"sklearn_tl": version("sklearn-tl")}
        | {m.__name__: str(m.__version__) for m in (sklearn, torch, skorch, np)},
        "backbones": backbones,
    }
    members = json.dumps(header, indent=2), skops.dumps(plain), safetensors.save(tensors)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in zip(MEMBERS, members, strict=True):
            archive.writestr(name, content)
    return buffer.getvalue()


def _unpack(data, trusted):
    """Return the model in the bytes of a file. Nothing in them is believed before it is checked."""
    skops, safetensors = require_libraries()
    archive = _open_archive(data)
    names = archive.namelist()
    if HEADER not in names:
        raise ValueError(f"It has no {HEADER}, which files of sklearn_tl.save have.")
    header = json.loads(archive.read(HEADER))
    number = header.get("format_version")
    if header.get("format") != "sklearn_tl" or type(number) is not int or number < 1:
        raise ValueError(f"Its {HEADER} is none that sklearn_tl.save writes.")
    if number > FORMAT:
        raise ValueError(
            f"Its format is version {number}, and sklearn_tl {version('sklearn-tl')} reads "
            f"{FORMAT}: install the sklearn_tl that it was saved by, or a later one."
        )
    if sorted(names) != sorted(MEMBERS):
        raise ValueError(f"It holds {', '.join(names)} instead of {', '.join(MEMBERS)}.")
    schema = archive.read(SCHEMA)
    inner = _open_archive(schema)
    for name in inner.namelist():
        # Such as a sparse matrix, of which nobody knows how large it is before it is unpacked.
        if inner.read(name).startswith(b"PK"):
            raise ValueError(f"Its {name} is an archive: a sparse matrix, perhaps.")
    unknown = set(skops.get_untrusted_types(data=schema)) - TRUSTED - trusted
    if unknown:
        raise ValueError(
            f"It holds what may run code: {', '.join(sorted(unknown))}. Who knows these, and that "
            f"they are harmless, can say so: trusted={sorted(unknown)}."
        )
    tensors = safetensors.load(archive.read(TENSORS))
    model = skops.loads(schema, trusted=sorted(TRUSTED | trusted))
    if not isinstance(model, BaseEstimator):
        raise ValueError(f"It holds a {type(model).__name__}, which is no estimator.")
    for part in _parts(model):
        _forget_paths(part)
        if isinstance(part, BackboneEstimator):
            _restore(part, tensors)
    return model


def _open_archive(data):
    """Open a zip archive whose members are as large as they say."""
    if not data.startswith(b"PK\x03\x04"):
        raise ValueError(
            "It is no file of sklearn_tl.save. If it is a pickle (joblib.load opens those), it may "
            "run any code."
        )
    archive = zipfile.ZipFile(io.BytesIO(data))
    members = archive.infolist()
    bare = all(m.compress_type == zipfile.ZIP_STORED for m in members)
    n_bytes = sum(m.file_size for m in members)
    names = {m.filename for m in members}
    # Another file could stand before the first member, and pass for this one.
    first = min((m.header_offset for m in members), default=0)
    if not bare or n_bytes > len(data) or len(names) < len(members) or first > 0:
        raise ValueError(
            "It is packed otherwise than sklearn_tl.save does, which compresses nothing."
        )
    return archive


def _without_tensors(estimator, number):
    """Return a stand-in for one of our estimators, for skops to save, and the tensors it lacks."""
    state = estimator.__getstate__()
    for name in NETWORKS:
        state.pop(name, None)
    for name in NAMES:
        if isinstance(state.get(name), os.PathLike | torch.device):
            state[name] = str(state[name])
    for name in HISTORIES:
        if name in state:
            state[name] = [dict(epoch) for epoch in state[name]]
    tensors = state.get("_tensors", {})
    if tensors:
        state["_tensors"] = number
    stand_in = object.__new__(type(estimator))
    vars(stand_in).update(state)
    _refuse_code(stand_in)
    return stand_in, tensors


def _restore(estimator, tensors):
    """Make a stand-in the estimator that it was."""
    state = vars(estimator)
    _refuse_code(estimator)
    for name in HISTORIES:
        if name in state:
            state[name] = History(state[name])
    if "_tensors" in state:
        prefix = f"{state['_tensors']}."
        state["_tensors"] = {
            name.removeprefix(prefix): tensor
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }
        state |= {"_net": None, "_whole": None}
    for name, default in type(estimator)().get_params(deep=False).items():
        state.setdefault(name, default)  # one that is newer than the file


def _refuse_code(estimator):
    """Raise where one of our estimators holds or names what is more than data."""
    name, state = type(estimator).__name__, vars(estimator)
    suspects = [key for key in NAMES if not isinstance(state.get(key), str | None)]
    suspects += [key for key in NETWORKS if state.get(key) is not None]
    suspects += [key for key in OPTIONS if state.get(key) not in (None, [], (), {})]
    for key in suspects:
        raise ValueError(f"{name} has {key}={state[key]!r:.80}, which may be code and not data.")
    if re.match(r"[/\\]{2}", state.get("weights") or ""):  # where Windows would log in
        raise ValueError(f"{name} has weights={state['weights']!r}, which is on another computer.")


def _forget_paths(part):
    """Keep an estimator from writing to where a file says."""
    if isinstance(part, BackboneEstimator | RawPixels) and part.cache is not None:
        part.cache = "memory"
    if isinstance(part, BaseEstimator) and vars(part).get("memory") is not None:
        part.memory = None


def _parts(model):
    """Iterate over all objects that a model is made of, but not into our estimators."""
    stack, seen = [model], {}
    while stack:
        part = stack.pop()
        if id(part) in seen:
            continue
        seen[id(part)] = part  # and kept alive, so that no other gets its id
        yield part
        if isinstance(part, dict):
            stack += part.values()
        elif isinstance(part, list | tuple | set):
            stack += part
        elif isinstance(part, np.ndarray):
            stack += part.flat if part.dtype == object else ()
        elif not isinstance(part, BackboneEstimator | type | types.ModuleType):
            stack += getattr(part, "__dict__", {}).values()


def _reason(error):
    return error if type(error) is ValueError else f"{type(error).__name__}: {error}"


def _as_names(trusted):
    return {trusted} if isinstance(trusted, str) else set(trusted)
