"""Every private name of torch and torchvision that this package uses, in one place.

`tests/_utils/test_private.py` fails if a new version has moved one of them. The private names of
scikit-learn are in `validation.py`.
"""

from functools import lru_cache
from typing import Any

import torch
from torch import nn

__all__ = [
    "CPU_BFLOAT16",
    "attributes_of_every_module",
    "backward_hooks",
    "cpu_has_bfloat16",
    "forward_hooks",
    "is_torchvision_preset",
    "without_compilation",
]

# Tell whether the processor computes in bfloat16. Some versions of torch have only one of them.
CPU_BFLOAT16 = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")


def cpu_has_bfloat16() -> bool:
    """Tell whether the processor computes in bfloat16."""
    return any(getattr(torch.cpu, name, bool)() for name in CPU_BFLOAT16)


def without_compilation(module: nn.Module) -> nn.Module:
    """Return the network inside one that `torch.compile` returned, or the network itself."""
    return getattr(module, "_orig_mod", module)


def forward_hooks(module: nn.Module) -> list[Any]:
    """Return the functions that run before and after the `forward` of a module."""
    return [*module._forward_pre_hooks.values(), *module._forward_hooks.values()]


def backward_hooks(module: nn.Module) -> list[Any]:
    """Return the functions that run before and after the backward pass of a module."""
    return [*module._backward_pre_hooks.values(), *module._backward_hooks.values()]


def is_torchvision_preset(value: Any) -> bool:
    """Tell whether a value is what torchvision's `weights.transforms()` return."""
    from torchvision.transforms._presets import ImageClassification  # takes seconds to import

    return isinstance(value, ImageClassification)


@lru_cache
def attributes_of_every_module() -> frozenset[str]:
    """Return the names under which torch keeps tensors, hooks and flags in every module."""
    return frozenset(vars(nn.Module()))
