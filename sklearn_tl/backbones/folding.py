"""Networks without BatchNorm: each one becomes part of the convolution before it."""

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.overrides import TorchFunctionMode

from sklearn_tl.backbones.pooling import activation_of

TOLERANCE = 1e-4  # how far folding may move an output, relative to the largest absolute value

Pair = tuple[str, str]  # the names of a convolution and of the BatchNorm that it feeds


def find_pairs(module: nn.Module, image: torch.Tensor) -> list[Pair]:
    """Run an image to see which convolution feeds which BatchNorm, and nothing else.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode. A copy of it is run.
    image : Tensor of shape (1, n_channels, height, width)

    Returns
    -------
    list of (convolution, BatchNorm)
        Their names. Empty if the network cannot be run on this image.
    """
    network = copy.deepcopy(module).eval()
    made_by: dict[int, str] = {}
    kept: list[torch.Tensor] = []  # no other tensor can get the id of a tensor that exists
    pairs: list[Pair] = []
    uses = _Uses()

    for name, child in network.named_modules():
        if isinstance(child, nn.Conv2d):

            def after_conv(
                conv: nn.Module, inputs: tuple, output: torch.Tensor, name: str = name
            ) -> None:
                made_by[id(output)] = name
                kept.append(output)
                uses.counts.pop(id(output), None)  # of an earlier tensor with this id

            child.register_forward_hook(after_conv)
        elif isinstance(child, nn.BatchNorm2d) and child.running_mean is not None:

            def before_norm(norm: nn.Module, inputs: tuple, name: str = name) -> None:
                if id(inputs[0]) in made_by:
                    pairs.append((made_by[id(inputs[0])], name))

            child.register_forward_pre_hook(before_norm)
    try:
        with uses:
            _run(network, image)
    except Exception:  # a network raises anything for input that it does not know
        return []
    n_uses = Counter({made_by[key]: n for key, n in uses.counts.items() if key in made_by})
    n_calls = Counter(made_by.values()) + Counter(norm for _, norm in pairs)
    return [
        (conv, norm)
        for conv, norm in pairs
        if n_uses[conv] == n_calls[conv] == n_calls[norm] == 1
        and _has_own_weight(network.get_submodule(conv))
    ]


def folded(module: nn.Module, pairs: list[Pair], image: torch.Tensor) -> nn.Module:
    """Return a copy in which BatchNorms are parts of the convolutions before them.

    If the folded copy returns another output for an image, the network does more with a
    convolution than to normalise it. Then the copy is not folded.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode.
    pairs : list of (convolution, BatchNorm)
        From `find_pairs`.
    image : Tensor of shape (1, n_channels, height, width)

    Returns
    -------
    torch.nn.Module
    """
    network = copy.deepcopy(module).eval()
    if not pairs:
        return network
    expected = _run(network, image)
    for conv_name, name in pairs:
        conv, norm = network.get_submodule(conv_name), network.get_submodule(name)
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        fused = fuse_conv_bn_eval(conv, norm)
        conv.weight, conv.bias = fused.weight, fused.bias
    remove_norms(network, pairs)
    network.to(memory_format=torch.channels_last)
    return network if _agree(expected, _run(network, image)) else copy.deepcopy(module).eval()


def remove_norms(network: nn.Module, pairs: list[Pair]) -> None:
    """Replace BatchNorms by what follows normalisation in them: an activation, or nothing."""
    for _, name in pairs:
        norm = network.get_submodule(name)
        parent, _, child = name.rpartition(".")
        activation = getattr(norm, "act", None) or nn.Identity()  # timm's BatchNorm contains one
        setattr(network.get_submodule(parent), child, activation)


def folded_tensors(network: nn.Module, pairs: list[Pair]) -> dict[str, torch.Tensor]:
    """Return the weights and biases of convolutions that contain their BatchNorms.

    Unlike those of a `folded` network, they are computed from the parameters of the network with
    gradients.

    Parameters
    ----------
    network : torch.nn.Module
    pairs : list of (convolution, BatchNorm)
        From `find_pairs`.

    Returns
    -------
    dict
        Name of a weight or bias → tensor. Every convolution has a bias.
    """
    tensors = {}
    for conv_name, name in pairs:
        conv, norm = network.get_submodule(conv_name), network.get_submodule(name)
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        factor = torch.rsqrt(norm.running_var + norm.eps)
        if norm.weight is not None:
            factor = factor * norm.weight
        shift = norm.running_mean if conv.bias is None else norm.running_mean - conv.bias
        bias = -shift * factor if norm.bias is None else norm.bias - shift * factor
        tensors[f"{conv_name}.weight"] = conv.weight * factor[:, None, None, None]
        tensors[f"{conv_name}.bias"] = bias
    return tensors


class _Uses(TorchFunctionMode):
    """Counts the operations that make a tensor of each tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[int] = Counter()

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        if not isinstance(output, torch.Tensor | tuple | list) or isinstance(output, torch.Size):
            return output  # a property of a tensor
        inputs = [*args, *(kwargs or {}).values()]
        nested = [part for value in inputs if isinstance(value, tuple | list) for part in value]
        self.counts.update({id(t) for t in (*inputs, *nested) if isinstance(t, torch.Tensor)})
        return output


def _has_own_weight(conv: nn.Module) -> bool:
    """Tell whether the weight of a convolution is a parameter, or a buffer if it is frozen.

    It may also be computed from other tensors, for example by `weight_norm`.
    """
    own = {*dict(conv.named_parameters(recurse=False)), *dict(conv.named_buffers(recurse=False))}
    return "weight" in own


def _run(network: nn.Module, image: torch.Tensor) -> Any:
    with torch.inference_mode():
        return network(image.clone())  # a network may work in place


def _agree(expected: Any, found: Any) -> bool:
    expected, found = activation_of(expected), activation_of(found)
    if expected is None or found is None:
        return False  # only tensors are compared
    bound = TOLERANCE * float(expected.abs().max())
    return torch.allclose(expected, found, rtol=0, atol=bound, equal_nan=True)
