"""Questions about the structure of a network: its layers in order, its classifier."""

import hashlib
import re

import numpy as np
import torch
from torch import nn
from torchvision.ops import Permute

# Containers of stages: their children are layers of the list, not they themselves.
TRUNKS = ("features", "layers", "blocks", "stages", "trunk_output")
NO_LAYERS = (nn.AdaptiveAvgPool2d, nn.Dropout, nn.Flatten, nn.Identity)


def layer_names(module):
    """List the layers of a network from input to output, without its classifier.

    The children of the module, with the containers that hold stages opened.
    """
    children = list(module.named_children())
    has_top = find_classifier(module) is not None
    names = []
    for i, (name, child) in enumerate(children):
        is_top = has_top and i == len(children) - 1
        if name in TRUNKS or (len(children) == 1 and isinstance(child, nn.Sequential)):
            names += [f"{name}.{grandchild}" for grandchild, _ in child.named_children()]
        elif not (is_top or isinstance(child, NO_LAYERS) or _is_pool_or_aux(name)):
            names.append(name)
    if _is_swin(module):
        names.remove("permute")  # to another layout than that of the layers
    return names


def find_classifier(module):
    """Return the part that turns the embedding into classes, or None for a network without one.

    It is the last linear layer if the network ends in one, alone or at the end of a Sequential;
    otherwise (SqueezeNet) the whole of a last child that is called so.
    """
    if hasattr(module, "get_classifier"):  # timm
        found = module.get_classifier()
        return found if isinstance(found, nn.Linear | nn.Conv2d) else None
    children = list(module.named_children())
    if not children:
        return None
    name, child = children[-1]
    last = module if isinstance(module, nn.Sequential) else child
    while isinstance(last, nn.Sequential):
        ends = [m for m in last if not isinstance(m, nn.Softmax | nn.LogSoftmax | nn.Dropout)]
        if not ends:
            break
        last = ends[-1]
    if isinstance(last, nn.Linear):
        return last
    return child if name in ("classifier", "fc", "head", "heads") else None


def has_channels_last_maps(module):
    """Whether the activation maps of a network are (n, height, width, channels)."""
    return getattr(module, "output_fmt", "NCHW") == "NHWC" or _is_swin(module)  # timm says so


def _is_swin(module):
    """Whether a network is as torchvision's Swin, with channels last up to a permutation."""
    return isinstance(getattr(module, "permute", None), Permute)


def _is_pool_or_aux(name):
    return name.lower().startswith("aux") or name in ("avgpool", "global_pool")


def describe(module):
    """Return all of a network but its tensors as text, to tell two networks apart.

    Two of one class can differ in a plain attribute; and in a notebook a class can get another
    `forward` under its old name.
    """
    lines = []
    internal = vars(nn.Module())  # tensors, hooks, whether it is in training
    for name, child in module.named_modules():
        kind = type(child)
        lines.append(f"{name}: {kind.__module__}.{kind.__qualname__}")
        lines += [f"{k}={_text(v)}" for k, v in sorted(vars(child).items()) if k not in internal]
        if not kind.__module__.startswith(("torch.", "torchvision.", "timm.")):
            code = getattr(kind.forward, "__code__", None)
            lines.append(_text(code and (code.co_code, code.co_consts, code.co_names)))
    return "\n".join(lines)


def _text(value):
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().float().numpy()
    if isinstance(value, np.ndarray):
        return hashlib.sha256(np.ascontiguousarray(value)).hexdigest()
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))  # addresses differ from run to run
