"""What a user calls a backbone (a name, a module or a factory) becomes a `Backbone`."""

import copy
import fnmatch
import os
from functools import lru_cache
from pathlib import Path

from torch import nn

from sklearn_tl._utils import ImageClassification, register_release, without_compilation
from sklearn_tl.backbones import stock
from sklearn_tl.backbones.backbone import Backbone, check_fingerprint
from sklearn_tl.backbones.seeding import fixed_seed
from sklearn_tl.backbones.structure import layer_names
from sklearn_tl.backbones.weights import is_path, load_state
from sklearn_tl.images import Preprocessing


def load_backbone(backbone, weights="default"):
    """Turn what a user calls a backbone into a `Backbone`.

    Parameters
    ----------
    backbone : str, torch.nn.Module or callable
        A name that `list_backbones` knows, a network, or a function without arguments that
        returns one.
    weights : str, path or None
        "default", the name of a set of weights, the path of a state dict, or None for random.

    Raises
    ------
    ValueError
        For an unknown name, or weights that do not fit.
    ImportError
        If an optional package is missing.
    OSError
        If weights are not on this machine and cannot be downloaded.
    """
    if is_path(weights):
        weights = os.path.abspath(Path(weights).expanduser())
        if not os.path.isfile(weights):
            raise FileNotFoundError(f"There is no weights file {weights!r}.")
    if isinstance(backbone, str):
        # A file that was written again is another set of weights.
        stat = os.stat(weights) if is_path(weights) else None
        return _load_stock(backbone, weights, stat and (stat.st_mtime_ns, stat.st_size))
    if isinstance(backbone, nn.Module):
        backbone = without_compilation(backbone)
        module = copy.deepcopy(
            backbone.module if isinstance(backbone, nn.DataParallel) else backbone
        )
    elif callable(backbone):
        with fixed_seed():
            module = copy.deepcopy(backbone())  # which may be a network that others use
        if not isinstance(module, nn.Module):
            raise TypeError(
                f"The backbone factory {backbone!r} returned {type(module).__name__}, not a "
                "torch.nn.Module."
            )
    else:
        raise TypeError(
            f"backbone is {backbone!r}, but should be a name (see list_backbones), a "
            "torch.nn.Module, or a function that returns one."
        )
    name = type(module).__name__
    if is_path(weights):
        load_state(module, weights, name)
    elif weights not in ("default", None):
        raise ValueError(
            f"weights={weights!r} names no weights of your own network. Give the path of a state "
            'dict, or leave "default" to take the network as it is.'
        )
    return Backbone(name, module, _own_preprocessing(module))


def list_backbones(
    pattern: str = "*", *, offline: bool = False, layers: bool = False
) -> list[str] | dict[str, list[str]]:
    """List the backbones that can be named.

    Parameters
    ----------
    pattern : str, default="*"
        Shell-style pattern. Names of the timm library, of which there are over a thousand, are
        listed for a pattern that begins with "timm/".
    offline : bool, default=False
        List only those whose default weights are on this machine now.
    layers : bool, default=False
        Return the layers of each, too.

    Returns
    -------
    list of str, or dict of str to list of str with `layers=True`
        Names, or names and the names of their layers from input to output.

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
    if pattern.startswith("timm/"):
        names = [f"timm/{name}" for name in stock.import_timm().list_models()]
    else:
        names = stock.stock_names()
    names = [name for name in names if fnmatch.fnmatchcase(name, pattern)]
    if offline:
        names = [name for name in names if stock.has_default_weights(name)]
    if not layers:
        return names
    with stock.NoMemory():
        return {name: layer_names(stock.build(name)) for name in names}


@lru_cache(maxsize=4)
def _load_stock(name, weights, stamp):
    """Load a named network once; `stamp` tells versions of a weights file apart."""
    module, preprocessing = stock.load(name, weights)
    return Backbone(name, module, preprocessing, source=(_reload, name, weights))


register_release(_load_stock.cache_clear)


def _own_preprocessing(module):
    """Return what a user's network says of its input, or what nearly all networks want."""
    if hasattr(module, "pretrained_cfg"):  # a timm model
        return Preprocessing.from_timm(stock.import_timm().data.resolve_model_data_config(module))
    preset = getattr(module, "transforms", None) or ImageClassification(crop_size=224)
    if not isinstance(preset, ImageClassification):
        raise ValueError(
            f"The attribute transforms of {type(module).__name__} is {preset!r:.80}, but should be "
            "a preset of torchvision, such as ResNet18_Weights.DEFAULT.transforms()."
        )
    if "transforms" in dict(module.named_children()):
        del module.transforms  # a module itself, but no part of the network
    return Preprocessing.from_torchvision(preset)


def _reload(backbone, weights, fingerprint):
    """Load a backbone again in another process and make sure that it is the same one."""
    loaded = load_backbone(backbone, weights)
    check_fingerprint(loaded, fingerprint, weights)
    return loaded
