"""The structure of a network: its layers in order, and its classifier."""

import sys

from torch import nn

# Containers of stages. Their children are layers; the containers themselves are not.
TRUNKS = ("features", "layers", "blocks", "stages", "trunk_output")
NO_LAYERS = (nn.AdaptiveAvgPool2d, nn.Dropout, nn.Flatten, nn.Identity)


def layer_names(module: nn.Module) -> list[str]:
    """List the layers of a network from input to output, without its classifier.

    The layers are the children of the module. A container of stages is replaced by its children.
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
        names.remove("permute")  # its output has another layout than the layers
    return names


def find_classifier(module: nn.Module) -> nn.Module | None:
    """Return the part that turns the embedding into classes, or None if there is none.

    This is the linear layer at the end of the network, alone or at the end of a Sequential. If the
    network ends in something else (SqueezeNet does), it is the last child, provided that its name
    is that of a classifier.
    """
    if hasattr(module, "get_classifier"):  # a timm model
        found = module.get_classifier()  # type: ignore[operator]
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


def has_channels_last_maps(module: nn.Module) -> bool:
    """Tell whether activation maps have the shape (n, height, width, channels)."""
    is_timms = getattr(module, "output_fmt", "NCHW") == "NHWC"
    return is_timms or _is_swin(module)


def _is_swin(module: nn.Module) -> bool:
    """Tell whether a network has channels last up to a permutation, like torchvision's Swin."""
    torchvision = sys.modules.get("torchvision")  # a network of another library needs no import
    permute = getattr(module, "permute", None)
    return torchvision is not None and isinstance(permute, torchvision.ops.Permute)


def _is_pool_or_aux(name: str) -> bool:
    return name.lower().startswith("aux") or name in ("avgpool", "global_pool")
