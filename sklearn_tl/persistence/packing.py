"""From a model to the bytes of a file and back."""

import copy
import io
import json
import os
import platform
import re
import zipfile
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import sklearn
import skorch
import torch
from sklearn.base import BaseEstimator

from sklearn_tl._base import BackboneEstimator
from sklearn_tl._choices import MAX_PIXELS
from sklearn_tl.persistence.archive import CARD, FORMAT, HEADER, card_in, checked_archive
from sklearn_tl.persistence.cards import digest_of
from sklearn_tl.persistence.trust import (
    ESTIMATORS,
    TRUSTED,
    check_state,
    forget_paths,
    parts_of,
)


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


def pack(model: BaseEstimator, card: Mapping[str, Any]) -> bytes:
    """Return the bytes of a file."""
    for part in parts_of(model):
        if isinstance(part, torch.Tensor | torch.nn.Module):
            raise ValueError(f"It holds a {type(part).__name__} of torch.")
        if isinstance(part, BackboneEstimator):
            check_state(part, part.__getstate__())
    plain, backbones = copy.deepcopy(model), []
    vars(plain).pop("card_", None)  # it has a member of its own
    for part in parts_of(plain):
        forget_paths(part)
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
        with_digest = {**card, "digest": digest_of(plain)}
        archive.writestr(CARD, json.dumps(with_digest, indent=2, allow_nan=False))
    return buffer.getvalue()


def unpack(data: bytes, trusted: set[str]) -> BaseEstimator:
    """Return the model in the bytes of a file. Nothing in it is believed before it is checked."""
    skops = require_skops()
    archive = checked_archive(data)
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
    for part in parts_of(model):
        forget_paths(part)
        if isinstance(part, ESTIMATORS) and (
            part.max_pixels is None or part.max_pixels > MAX_PIXELS
        ):
            part.max_pixels = MAX_PIXELS  # the limit protects from other files
        if isinstance(part, BackboneEstimator):
            check_state(part, vars(part))
            for name, default in type(part)().get_params(deep=False).items():
                part.__dict__.setdefault(name, default)  # a parameter that is newer than the file
    card = card_in(archive)
    if card is not None and card["model"]["fitted"]:  # what has an attribute_ counts as fitted
        model.card_ = card
    return model
