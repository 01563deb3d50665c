"""Digests that tell networks apart: of their weights, of their code, and of what they compute."""

import hashlib
from typing import Any

import torch
from torch import nn

from sklearn_tl._utils import one_core
from sklearn_tl.backbones.replicas import copy_sharing_tensors
from sklearn_tl.backbones.seeding import fixed_seed, noise


def fingerprint(architecture: str, module: nn.Module) -> str:
    """Digest an architecture, given as text, and every tensor of a network."""
    digest = hashlib.sha256(architecture.encode())
    # Not the state dict, which leaves out buffers that are not persistent.
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(_bytes(tensor))
    return digest.hexdigest()


def probe(module: nn.Module, layers: list[str], shape: tuple[int, int, int]) -> str:
    """Digest the outputs of a network and of its layers for a noise image that is always the same.

    The digest shows changes that no code shows: a replaced function in C, for example. On one
    machine it is always the same. torch's random numbers stay as they are. If the network cannot
    be run at this size, the digest covers the layers until then.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode, on a CPU. A copy of it is run.
    layers : list of str
        The layers whose outputs are digested. The output of the network alone could be zero, or
        saturated, for any image.
    shape : tuple of (n_channels, height, width)
        Of the image.
    """
    digest = hashlib.sha256()

    def add(value: Any) -> None:
        if isinstance(value, torch.Tensor):
            digest.update(_bytes(value))
        elif isinstance(value, dict):
            for key in value:
                digest.update(repr(key).encode())
                add(value[key])
        elif isinstance(value, list | tuple):
            for part in value:
                add(part)
        digest.update(type(value).__name__.encode())

    network = copy_sharing_tensors(module)
    for name in layers:
        network.get_submodule(name).register_forward_hook(lambda module, x, output: add(output))
    device = next(module.parameters(), torch.empty(0)).device
    with one_core(), fixed_seed(), torch.inference_mode():
        try:
            add(network(noise(1, *shape).to(device)))
        except Exception as error:  # the same error appears when an image is run
            add(error)
    return digest.hexdigest()


def _bytes(tensor: torch.Tensor) -> memoryview:
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().data
