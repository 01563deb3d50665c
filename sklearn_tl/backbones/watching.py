"""Watching a network run: which parts run, in which order, and what they return."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from sklearn_tl.backbones.pooling import activation_of, names_an_embedding
from sklearn_tl.backbones.replicas import copy_sharing_tensors
from sklearn_tl.backbones.seeding import fixed_seed, noise

N_IMAGES = 2


@dataclass
class Seen:
    """The calls of all parts in one run, by the names of the parts.

    Attributes
    ----------
    started, ended : dict of str to int
        Positions in the order in which parts began and ended to run.
    n_calls : dict of str to int
    outputs : dict of str to Tensor or None
        The activations that parts returned; None if it was something else.
    output : Tensor or None
        The activation that the network returned.
    may_be_classes : bool
        Whether the output may be one value per class.
    last : str
        The last part that has weights of its own.
    n_ended : int
        The number of calls that have ended.
    """

    started: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    n_calls: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, torch.Tensor | None] = field(default_factory=dict)
    output: torch.Tensor | None = None
    may_be_classes: bool = True
    last: str = ""
    n_ended: int = 0


def watch(module: nn.Module, shape: tuple[int, int, int]) -> Seen | None:
    """Run two images; return what was seen, or None if the network cannot be run.

    A network on the device "meta" computes nothing but shapes. Some networks need real numbers.
    """
    for device in ("meta", "cpu"):
        try:
            network = copy_sharing_tensors(module).to(device)
            seen = Seen()
            for name, part in network.named_modules():
                _watch_part(name, part, seen)
            image = noise(N_IMAGES, *shape).to(device)
            with fixed_seed(), torch.inference_mode():
                output = network(image)
            seen.output = activation_of(output)
            seen.may_be_classes = not names_an_embedding(output)
            return seen
        except Exception:  # a network raises anything for input that it does not know
            continue
    return None


def _watch_part(name: str, part: nn.Module, seen: Seen) -> None:
    has_weights = any(True for _ in part.parameters(recurse=False))

    def before(part: nn.Module, inputs: Any) -> None:
        seen.started.setdefault(name, len(seen.started))
        if has_weights:
            seen.last = name

    def after(part: nn.Module, inputs: Any, output: Any) -> None:
        seen.n_calls[name] = seen.n_calls.get(name, 0) + 1
        seen.n_ended += 1
        seen.ended[name] = seen.n_ended
        seen.outputs[name] = activation_of(output)

    part.register_forward_pre_hook(before)
    part.register_forward_hook(after)
