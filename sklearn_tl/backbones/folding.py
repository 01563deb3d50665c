"""Networks without BatchNorm: each one becomes part of the convolution before it."""

import copy
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

TOLERANCE = 1e-4  # how far folding may move an output, relative to the largest absolute value
# Networks raise these for an image size that they do not support.
CANNOT_TAKE = (RuntimeError, AssertionError)


def folded(module: nn.Module, image: torch.Tensor, keep: tuple[str, ...] = ()) -> nn.Module:
    """Return a copy in which each BatchNorm is part of the convolution before it.

    An image is run to see which convolution feeds which BatchNorm. If the folded copy returns
    another output for this image, the network does more with a convolution than to normalise it.
    Then the copy is not folded.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode.
    image : Tensor of shape (1, 3, height, width)
    keep : tuple of str, default=()
        Names of convolutions that must not be folded, because their own output is requested.

    Returns
    -------
    torch.nn.Module
    """
    network = copy.deepcopy(module)
    try:
        pairs, expected = _watch(network, image)
    except CANNOT_TAKE:
        return network
    kept = [network.get_submodule(name) for name in keep]
    for conv, norm, name in pairs:
        if conv in kept:
            continue
        fused = fuse_conv_bn_eval(conv, norm)
        conv.weight, conv.bias = fused.weight, fused.bias
        parent, _, child = name.rpartition(".")
        activation = getattr(norm, "act", None) or nn.Identity()  # timm's BatchNorm contains one
        setattr(network.get_submodule(parent), child, activation)
    network.to(memory_format=torch.channels_last)
    if not pairs or not _agree(expected, _run(network, image)):
        return copy.deepcopy(module)
    return network


def _watch(
    network: nn.Module, image: torch.Tensor
) -> tuple[list[tuple[nn.Conv2d, nn.BatchNorm2d, str]], Any]:
    """Run an image; return triples (convolution, BatchNorm it feeds, its name), and the output."""
    made_by: dict[int, nn.Conv2d] = {}
    kept, pairs, hooks = [], [], []

    def after_conv(conv: nn.Conv2d, inputs: tuple, output: torch.Tensor) -> None:
        made_by[id(output)] = conv
        kept.append(output)  # no other tensor can get the id of a tensor that exists

    for name, child in network.named_modules():
        if isinstance(child, nn.Conv2d):
            hooks.append(child.register_forward_hook(after_conv))
        elif isinstance(child, nn.BatchNorm2d) and child.running_mean is not None:

            def before_norm(norm: nn.BatchNorm2d, inputs: tuple, name: str = name) -> None:
                if id(inputs[0]) in made_by:
                    pairs.append((made_by[id(inputs[0])], norm, name))

            hooks.append(child.register_forward_pre_hook(before_norm))
    try:
        output = _run(network, image)
    finally:
        for hook in hooks:
            hook.remove()
    return pairs, output


def _run(network: nn.Module, image: torch.Tensor) -> Any:
    with torch.inference_mode():
        return network(image.clone())  # a network may work in place


def _agree(expected: Any, found: Any) -> bool:
    if not isinstance(expected, torch.Tensor):
        return False  # only tensors are compared
    bound = TOLERANCE * float(expected.abs().max())
    return torch.allclose(expected, found, rtol=0, atol=bound, equal_nan=True)
