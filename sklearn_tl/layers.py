"""Questions about the structure of a network: its layers in order, its classifier."""

from torch import nn

# Containers of stages: their children are layers of the list, not they themselves.
TRUNKS = ("features", "layers", "blocks", "stages", "trunk_output")
NO_LAYERS = (nn.AdaptiveAvgPool2d, nn.Dropout, nn.Flatten, nn.Identity)


def layer_names(module):
    """List the layers of a network from input to output, without its classifier.

    The children of the module, with the containers that hold stages opened.
    """
    children = list(module.named_children())
    names = []
    for i, (name, child) in enumerate(children):
        is_top = i == len(children) - 1 and find_classifier(module) is not None
        if name in TRUNKS or (len(children) == 1 and isinstance(child, nn.Sequential)):
            names += [f"{name}.{grandchild}" for grandchild, _ in child.named_children()]
        elif not (is_top or isinstance(child, NO_LAYERS) or _is_pool_or_aux(name)):
            names.append(name)
    if "permute" in names:  # torchvision's Swin keeps its maps channels last up to there
        names = names[names.index("permute") :]
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
    last = child
    while isinstance(last, nn.Sequential) and len(last):
        last = last[-1]
    if isinstance(last, nn.Linear):
        return last
    return child if name in ("classifier", "fc", "head", "heads") else None


def _is_pool_or_aux(name):
    return name.lower().startswith("aux") or name in ("avgpool", "global_pool")
