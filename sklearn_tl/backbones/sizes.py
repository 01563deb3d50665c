"""The sizes of images that a network takes, and networks made for another size."""

import warnings

import torch
from torch import nn

from sklearn_tl.backbones.replicas import copy_sharing_tensors

TRIED = (*range(32, 513, 32), *range(14 * 4, 14 * 38, 14 * 4))  # multiples of usual patch sizes
MOST_NAMED = 8


def has_a_size(module: nn.Module) -> bool:
    """Tell whether `set_size` changes a network. Others take any size, or one."""
    return _sized_part(module) is not None


def set_size(module: nn.Module, size: tuple[int, int]) -> None:
    """Let a timm transformer take images of another size: its positions are resampled.

    Parameters
    ----------
    module : torch.nn.Module
        Is changed if it is such a transformer, or contains one.
    size : (height, width)

    Raises
    ------
    ValueError
        If the network cannot take this size either.
    """
    part = _sized_part(module)
    if part is not None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of timm's own code
                part.set_input_size(img_size=size)  # type: ignore[operator]
        except Exception as error:  # an assertion about patches or windows, for example
            raise ValueError(str(error)) from error


def _sized_part(module: nn.Module) -> nn.Module | None:
    """Return the timm network, in a network or the network itself, whose size can be set."""
    parts = (
        part
        for part in module.modules()
        if hasattr(part, "set_input_size") and hasattr(part, "reset_classifier")
    )
    return next(parts, None)


def own_size(module: nn.Module) -> tuple[int, int] | None:
    """Return the size of the images that a module says it is made for, or None."""
    embedding = getattr(module, "patch_embed", None)
    size = getattr(embedding, "img_size", None)
    if size is None:  # a network of the transformers library
        config = getattr(module, "config", None)
        size = getattr(getattr(config, "vision_config", config), "image_size", None)
    if isinstance(size, int):
        return size, size
    if isinstance(size, tuple | list) and len(size) == 2:
        return int(size[0]), int(size[1])
    return None


def sizes_taken(module: nn.Module, n_channels: int) -> list[int]:
    """Return some sizes of square images that a network takes, found by trying."""

    def takes(size: int) -> bool:
        try:
            network = copy_sharing_tensors(module).to("meta")  # computes nothing but shapes
            set_size(network, (size, size))
            with torch.inference_mode():
                network(torch.zeros(1, n_channels, size, size, device="meta"))
        except Exception:  # a network raises anything for a size that it does not take
            return False
        return True

    return [size for size in sorted(set(TRIED)) if takes(size)]


def in_words(sizes: list[int], wanted: int) -> str:
    """Return a sentence about the sizes that a network takes, and which one is near."""
    some = sizes[:: -(-len(sizes) // MOST_NAMED)]
    others = " and others" if len(some) < len(sizes) else ""
    near = min(sizes, key=lambda size: abs(size - wanted))
    return f"It takes square images of {', '.join(map(str, some))}{others}: image_size={near}."
