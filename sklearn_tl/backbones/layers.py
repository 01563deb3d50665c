"""Which parts of a network are layers, and which block each of them belongs to."""

from collections.abc import Iterator

from torch import nn

from sklearn_tl.backbones.watching import N_IMAGES, Seen

# Containers of stages. Their children are layers; the containers themselves are not.
TRUNKS = ("features", "layers", "blocks", "stages", "trunk_output")
# Shares of the weights: above the first, a part is a network in a wrapper. Above the second, a part
# is little more than the list of blocks in it.
WRAPPED, LISTED = 0.99, 0.85
NO_LAYERS = (nn.AdaptiveAvgPool2d, nn.Dropout, nn.Flatten, nn.Identity)
NO_LAYER_NAMES = ("avgpool", "global_pool", "permute", "pooler")
CLASSIFIERS = ("classifier", "fc", "head", "heads")  # what networks call their classifiers


def find_layers(
    module: nn.Module, seen: Seen | None, classifier: str | None
) -> Iterator[tuple[str, str]]:
    """Yield the name and the block of each layer, not in order.

    Wrappers and containers of stages are replaced by their children. So are parts that cannot be
    used as layers.

    Parameters
    ----------
    module : torch.nn.Module
    seen : Seen or None
        What was seen when the network ran; None if it cannot be run.
    classifier : str or None
        The name of the classifier, which is not a layer.
    """
    parts = module.named_modules(remove_duplicate=False)
    sizes = {name: _n_weights(part) for name, part in parts}
    total = sizes[""] - (sizes[classifier] if classifier else 0)

    def visit(
        part: nn.Module, prefix: str, in_trunk: bool, block: str | None
    ) -> Iterator[tuple[str, str]]:
        is_only_child = len(list(part.children())) == 1
        for name, child in part.named_children():
            path, has_children = f"{prefix}{name}", any(True for _ in child.children())
            is_trunk = in_trunk or name in TRUNKS
            holds_classifier = f"{classifier}.".startswith(f"{path}.")
            is_wrapped = sizes[path] > WRAPPED * total and (is_only_child or _has_stages(child))
            wraps = not in_trunk and (is_wrapped or _is_a_list(path, child, sizes))
            unusable = _cannot_be_used(path, child, seen)
            makes_rows = name in CLASSIFIERS and not _returns_maps(path, seen)
            if isinstance(child, NO_LAYERS) or _is_no_layer(name) or makes_rows:
                continue
            if has_children and (name in TRUNKS or wraps or unusable):
                runs = seen is not None and path in seen.n_calls
                is_block = runs and not (name in TRUNKS or wraps)
                inner = path if is_block and block is None else block
                yield from visit(child, f"{path}.", is_trunk, inner)
            elif not (holds_classifier or unusable):
                yield path, block or path

    yield from visit(module, "", False, None)


def _has_stages(part: nn.Module) -> bool:
    """Tell whether a part looks like a network: some of its parts have parts."""
    return any(True for child in part.children() for _ in child.children())


def _is_a_list(name: str, part: nn.Module, sizes: dict[str, int]) -> bool:
    """Tell whether a part is little more than a list of blocks, as encoders are."""
    kinds = nn.ModuleList | nn.Sequential
    lists = (n for n, child in part.named_children() if isinstance(child, kinds))
    return any(sizes[f"{name}.{n}"] > LISTED * sizes[name] for n in lists)


def _returns_maps(name: str, seen: Seen | None) -> bool:
    """Tell whether a part returns maps or tokens, rather than one vector per image."""
    output = None if seen is None else seen.outputs.get(name)
    return output is not None and output.ndim > 2


def _cannot_be_used(name: str, part: nn.Module, seen: Seen | None) -> bool:
    """Tell whether a part does not run exactly once, or returns anything but one activation."""
    if seen is None:
        return isinstance(part, nn.ModuleList | nn.ModuleDict)
    output = seen.outputs.get(name)
    return (
        seen.n_calls.get(name) != 1
        or output is None
        or output.ndim not in (2, 3, 4)
        or len(output) != N_IMAGES
    )


def _n_weights(part: nn.Module) -> int:
    return sum(tensor.numel() for tensor in part.parameters())


def _is_no_layer(name: str) -> bool:
    return name.lower().startswith("aux") or name in NO_LAYER_NAMES
