"""What a user calls a backbone (a name, a module or a factory) becomes a `Backbone`.

The networks that have names are built in `stock.py`.
"""

import copy
import fnmatch
import os
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sklearn_tl._utils import (
    fork_safe,
    is_torchvision_preset,
    register_release,
    without_compilation,
)
from sklearn_tl.backbones import stock
from sklearn_tl.backbones.backbone import Backbone, check_fingerprint
from sklearn_tl.backbones.channels import adapt
from sklearn_tl.backbones.seeding import fixed_seed
from sklearn_tl.backbones.sizes import own_size
from sklearn_tl.backbones.structure import is_timms, study
from sklearn_tl.backbones.weights import is_path, load_state
from sklearn_tl.images import (
    IMAGENET,
    Preprocessing,
    timm_preprocessing,
    torchvision_preprocessing,
    transformers_preprocessing,
)

CLASSES_OF_IMAGENET = {1000, 11821, 21841, 21843}


@fork_safe
def load_backbone(
    backbone: str | nn.Module | Callable[[], nn.Module],
    weights: str | os.PathLike[str] | None = "default",
    n_channels: int = 3,
) -> Backbone:
    """Turn what a user calls a backbone into a `Backbone`.

    Parameters
    ----------
    backbone : str, torch.nn.Module or callable
        A name that `list_backbones` lists; a network, which is copied; or a function without
        arguments that returns one.
    weights : str, path or None, default="default"
        "default", the name of a set of weights, the path of a state dict, or None for random
        weights.
    n_channels : int, default=3
        The number of channels of the images. A network that has a name is adapted to it. The
        user's own network must take it.

    Returns
    -------
    Backbone
        The same object for the same name and weights.

    Raises
    ------
    ValueError
        If the name is unknown, or if the weights do not fit.
    TypeError
        If `backbone` is not a name, a module or a callable, or if a factory does not return a
        network.
    ImportError
        If an optional package is missing.
    OSError
        If the weights are not on this machine and cannot be downloaded.
    """
    if is_path(weights):
        weights = os.path.abspath(Path(weights).expanduser())
        if not os.path.isfile(weights):
            raise FileNotFoundError(f"The weights file {weights!r} does not exist.")
    if isinstance(backbone, str):
        # A file that was written again contains another set of weights.
        stat = os.stat(weights) if is_path(weights) else None
        stamp = stat and (stat.st_mtime_ns, stat.st_size)
        return _load_stock(backbone, None if weights is None else str(weights), stamp, n_channels)
    if isinstance(backbone, nn.Module):
        network = without_compilation(backbone)
        module = copy.deepcopy(network.module if isinstance(network, nn.DataParallel) else network)
    elif callable(backbone):
        with fixed_seed():
            module = copy.deepcopy(backbone())  # a factory may return a network that others use
        if not isinstance(module, nn.Module):
            raise TypeError(
                f"Expected a torch.nn.Module from the backbone factory {backbone!r}, got "
                f"{type(module).__name__} instead."
            )
    else:
        raise TypeError(
            f"backbone={backbone!r} must be a name (list_backbones() lists all), a "
            "torch.nn.Module, or a function that returns one."
        )
    name = type(module).__name__
    _check_own(module, name)
    if is_path(weights):
        load_state(module, weights, name)
    elif weights not in ("default", None):
        raise ValueError(
            f"weights={weights!r} is a name, but the weights of your own network have no names. "
            'Give the path of a state dict, or keep "default" to use the network as it is.'
        )
    own = Backbone(name, module, _own_preprocessing(module).of_channels(n_channels))
    _say_if_logits(own)
    return own


@fork_safe
def list_backbones(
    pattern: str | nn.Module = "*", *, offline: bool = False, layers: bool = False
) -> list[str] | dict[str, list[str]]:
    """List the names of backbones.

    Parameters
    ----------
    pattern : str or torch.nn.Module, default="*"
        A shell-style pattern. Names of the timm library are only listed for a pattern that begins
        with "timm/", because there are over a thousand of them. For your own network, the name is
        that of its class.
    offline : bool, default=False
        List only networks whose default weights are on this machine now.
    layers : bool, default=False
        Also return the names of the layers.

    Returns
    -------
    list of str, or dict of str to list of str with `layers=True`
        The names, sorted; or for each name its layers from input to output.

    Raises
    ------
    ImportError
        If the pattern begins with "timm/" and timm is not installed.

    Examples
    --------
    >>> from sklearn_tl import list_backbones
    >>> list_backbones("resnet*")
    ['resnet101', 'resnet152', 'resnet18', 'resnet34', 'resnet50']
    >>> list_backbones("resnet18", layers=True)["resnet18"][-4:]
    ['layer1', 'layer2', 'layer3', 'layer4']
    >>> "efficientnet_lite0" in list_backbones(offline=True)
    True
    """
    if isinstance(pattern, nn.Module):
        own = load_backbone(pattern)
        return {own.name: own.layers} if layers else [own.name]
    if pattern.startswith("timm/"):
        names = [f"timm/{name}" for name in stock.import_timm().list_models()]
    else:
        names = stock.stock_names()
    names = [name for name in names if fnmatch.fnmatchcase(name, pattern)]
    if offline:
        names = [name for name in names if stock.has_default_weights(name)]
    if not layers:
        return names
    return {name: _layers_of(name) for name in names}


def _layers_of(name: str) -> list[str]:
    """Return the layers of a named network, which is built without memory for its weights."""
    shape = (3, *stock.input_size(name))
    try:
        with stock.NoMemory():
            found = study(stock.build(name).eval(), shape)
        if found.started:
            return found.layers
    except Exception:  # a network may compute with its weights while it is built
        pass
    return study(stock.build(name).eval(), shape).layers


@lru_cache(maxsize=4)
def _load_stock(
    name: str, weights: str | None, stamp: tuple[int, int] | None, n_channels: int
) -> Backbone:
    """Load a named network once. `stamp` tells versions of a weights file apart."""
    module, preprocessing = stock.load(name, weights)
    preprocessing = adapt(module, preprocessing, n_channels, name)
    return Backbone(name, module, preprocessing, source=(_reload, name, weights, n_channels))


register_release(_load_stock.cache_clear)


def _check_own(module: nn.Module, name: str) -> None:
    """Raise an error for a user's network that cannot be used as it is."""
    if isinstance(module, torch.jit.ScriptModule):
        raise TypeError(
            f"{name} is TorchScript, whose layers cannot be looked into. Pass the torch.nn.Module "
            "from which it was made."
        )
    for part, tensor in module.named_parameters():
        if isinstance(tensor, nn.parameter.UninitializedParameter):
            raise ValueError(
                f"{part} of {name} has no size yet, because it belongs to a lazy layer. Run the "
                "network once on a batch of images, and pass it then."
            )
        if tensor.is_meta:
            raise ValueError(
                f'{part} of {name} is on the device "meta" and has no values. Load the weights '
                "into a network on the CPU, and pass that."
            )


def _say_if_logits(own: Backbone) -> None:
    """Warn if the output of a user's network looks like one value per class."""
    n_outputs = own.structure.n_outputs
    if n_outputs is None or own.structure.classifier is not None or is_timms(own.module):
        return
    n_classes = {getattr(own.module, name, None) for name in ("num_classes", "n_classes")}
    if n_outputs in CLASSES_OF_IMAGENET | n_classes:
        warnings.warn(
            f"The embedding of {own.name} has {n_outputs} columns, as many as a classifier has "
            "classes, but no linear layer at its end was found. If these are classes, replace the "
            "classifier by torch.nn.Identity(), or name a layer: layer="
            f"{own.layers[-1] if own.layers else None!r}.",
            stacklevel=4,
        )


def _own_preprocessing(module: nn.Module) -> Preprocessing:
    """Return the preprocessing that a user's network names, or else that of ImageNet."""
    if hasattr(module, "pretrained_cfg"):  # a timm model
        return timm_preprocessing(stock.import_timm().data.resolve_model_data_config(module))
    preset = getattr(module, "transforms", None)
    if preset is None:
        return IMAGENET.at(own_size(module), draft=False)
    if hasattr(preset, "image_mean"):  # an image processor of the transformers library
        return transformers_preprocessing(preset)
    if not is_torchvision_preset(preset):
        raise ValueError(
            f"The attribute transforms of {type(module).__name__} must be a preset of torchvision, "
            "for example ResNet18_Weights.DEFAULT.transforms(), or an image processor of the "
            f"transformers library. Got {preset!r:.80} instead."
        )
    if "transforms" in dict(module.named_children()):
        del module.transforms  # a preset is a module, but not a layer
    return torchvision_preprocessing(preset)


def _reload(backbone: str, weights: str | None, n_channels: int, *more: Any) -> Backbone:
    """Load a named backbone in another process and check that it is the same one.

    `more` is the fingerprint, after the size of the images if it is not that of the weights.
    """
    *sizes, fingerprint = more
    loaded = load_backbone(backbone, weights, n_channels)
    for size in sizes:
        loaded = loaded.at_size(size)
    check_fingerprint(loaded, fingerprint, weights)
    return loaded
