"""Questions about the structure of a network: its layers in order, its classifier."""

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
