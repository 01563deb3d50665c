"""The structure of a network, found by watching it run: its layers in order, and its classifier."""

import sys
from dataclasses import dataclass, field

import torch
from torch import nn

from sklearn_tl.backbones.layers import CLASSIFIERS, find_layers
from sklearn_tl.backbones.seeding import fixed_seed
from sklearn_tl.backbones.watching import Seen, watch

MOST_PREFIX_TOKENS = 16


@dataclass(frozen=True)
class Structure:
    """What was seen when a network ran.

    Parameters
    ----------
    blocks : dict of str to str
        The names of the layers that can be requested, from input to output, and for each one the
        block that it belongs to. A layer is a block, unless what it lies in runs as a whole but
        returns several activations, so that it cannot be requested itself.
    classifier : str or None, default=None
        The name of the part whose input is the embedding.
    embeds : str or None, default=None
        The name of the part whose output is the embedding. If this is None, too, the output of the
        network is the embedding.
    started : dict of str to int, default={}
        When each part began to run, as positions in the order of calls. Parts that never ran are
        missing.
    n_prefix : dict of str or None to int, default={}
        How many tokens stand before those of the image patches (class token, registers), for each
        layer that returns tokens. The layer None stands for the embedding.
    n_tokens : int, default=0
        The largest number of tokens that a layer returns for one image; 0 if none returns tokens.
    n_outputs : int or None, default=None
        The number of columns of the network's output, if it is a matrix.
    """

    blocks: dict[str, str]
    classifier: str | None = None
    embeds: str | None = None
    started: dict[str, int] = field(default_factory=dict)
    n_prefix: dict[str | None, int] = field(default_factory=dict)
    n_tokens: int = 0
    n_outputs: int | None = None

    @property
    def layers(self) -> list[str]:
        """The names of the layers."""
        return list(self.blocks)


def study(module: nn.Module, shape: tuple[int, int, int]) -> Structure:
    """Find the layers and the classifier of a network by running it.

    The classifier is the linear layer that makes the output: the last part with weights, if it is
    linear and its output has the shape of the network's. It may lie in a wrapper. A timm network
    knows itself what its embedding is, so its classifier is removed.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode. Is changed if it is, or ends in, a timm network.
    shape : tuple of (n_channels, height, width)
        Of an image.

    Returns
    -------
    Structure
        If the network cannot be run at this size, all layers that its parts suggest.
    """
    seen = watch(module, shape)
    timms = _timm_network(module, seen.last if seen else "")
    if timms is not None:
        with fixed_seed():
            module.get_submodule(timms).reset_classifier(0)  # type: ignore[operator]
        seen = watch(module, shape)
    if seen is None:
        return Structure(dict(find_layers(module, None, None)))
    classifier = _classifier(module, seen) if timms is None else None
    blocks = dict(find_layers(module, seen, classifier))
    end = seen.ended.get(classifier or timms or "", 0)
    layers = [name for name in blocks if seen.ended[name] < end]  # not a softmax after the end
    layers.sort(key=seen.ended.__getitem__)
    activations = [seen.outputs[name] for name in layers]
    n_prefix: dict[str | None, int | None] = {
        name: _n_prefix(activation, shape)
        for name, activation in zip(layers, activations, strict=True)
    }
    if classifier is None:
        n_prefix[None] = _n_prefix(seen.outputs[timms] if timms else seen.output, shape)
    output = seen.output
    return Structure(
        {name: blocks[name] for name in layers},
        classifier,
        timms or None,
        seen.started,
        {name: n for name, n in n_prefix.items() if n is not None},
        max((len(a[0]) for a in activations if a is not None and a.ndim == 3), default=0),
        output.shape[1] if output is not None and output.ndim == 2 else None,
    )


def is_timms(module: nn.Module) -> bool:
    """Tell whether a network is timm's, and knows how to remove its classifier."""
    return hasattr(module, "reset_classifier") and hasattr(module, "forward_head")


def has_channels_last_maps(module: nn.Module) -> bool:
    """Tell whether activation maps have the shape (n, height, width, channels)."""
    torchvision = sys.modules.get("torchvision")  # a network of another library needs no import

    def is_swin(part: nn.Module) -> bool:  # torchvision's
        permute = getattr(part, "permute", None)
        return torchvision is not None and isinstance(permute, torchvision.ops.Permute)

    return any(getattr(p, "output_fmt", "") == "NHWC" or is_swin(p) for p in module.modules())


def _timm_network(module: nn.Module, last: str) -> str | None:
    """Return the name of the timm network that ends the network: "" for the network itself."""
    names = last.split(".")
    prefixes = (".".join(names[:depth]) for depth in range(len(names) + 1))
    return next((name for name in prefixes if is_timms(module.get_submodule(name))), None)


def _classifier(module: nn.Module, seen: Seen) -> str | None:
    """Return the name of the part that makes classes of the embedding."""
    last, made, output = seen.last, seen.outputs.get(seen.last), seen.output
    if made is None or output is None or output.ndim != 2 or made.shape[1] != output.shape[1]:
        return None
    if not seen.may_be_classes:
        return None
    part = module.get_submodule(last)
    if isinstance(part, nn.Linear) and made.ndim == 2:
        return last
    # SqueezeNet ends in a convolution with one output per class, and pools afterwards.
    names = last.split(".")
    called = [i for i, name in enumerate(names) if name in CLASSIFIERS]
    if isinstance(part, nn.Conv2d) and part.kernel_size == (1, 1) and called:
        return ".".join(names[: called[0] + 1])
    return None


def _n_prefix(tokens: torch.Tensor | None, shape: tuple[int, int, int]) -> int | None:
    """Return how many tokens there are beside a grid of patches; None if these are not tokens."""
    if tokens is None or tokens.ndim != 3:
        return None
    _, height, width = shape
    sides = [side for side in range(1, min(height, width) + 1) if height * width % side**2 == 0]
    rests = [tokens.shape[1] - height * width // side**2 for side in sides]
    return min((rest for rest in rests if 0 <= rest <= MOST_PREFIX_TOKENS), default=0)
