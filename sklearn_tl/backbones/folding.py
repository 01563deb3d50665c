"""Networks as fast as they run when they are not trained: folded, and one for each thread."""

import copy
import threading
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

TOLERANCE = 1e-4  # of the largest value: what folding may move
CANNOT_TAKE = (RuntimeError, AssertionError)  # what networks raise at a size that is not theirs


def noise(*shape):
    """Return images on which two networks can be compared, the same each time."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


class Replicas:
    """Copies of a network that share its tensors, for threads that run it at the same time.

    Hooks, and what a module notes down while it runs, belong to one thread. The network itself is
    never run.
    """

    def __init__(self, module):
        self.module = module
        self._free = []
        self._lock = threading.Lock()

    @contextmanager
    def one(self):
        """Borrow a copy."""
        try:
            replica = self._free.pop()
        except IndexError:
            replica = self._copy()
        try:
            yield replica
        finally:
            self._free.append(replica)

    def _copy(self):
        tensors = (*self.module.parameters(), *self.module.buffers())
        with self._lock:
            return copy.deepcopy(self.module, {id(tensor): tensor for tensor in tensors})


def folded(module, image, keep=()):
    """Return a copy in which each BatchNorm is part of the convolution before it.

    Which convolution that is, shows when an image is run. Where the copy then makes something else
    of the image, the network is no chain of such pairs, and it is copied as it is.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode.
    image : Tensor of shape (1, 3, height, width)
    keep : tuple of str
        Names of convolutions whose own output is asked for.
    """
    network = copy.deepcopy(module)
    try:
        pairs, wanted = _watch(network, image)
    except CANNOT_TAKE:  # a size that is not this network's
        return network
    keep = [network.get_submodule(name) for name in keep]
    for conv, norm, name in pairs:
        if conv in keep:
            continue
        fused = fuse_conv_bn_eval(conv, norm)
        conv.weight, conv.bias = fused.weight, fused.bias
        parent, _, child = name.rpartition(".")
        activation = getattr(norm, "act", None) or nn.Identity()  # timm's BatchNorm has one inside
        setattr(network.get_submodule(parent), child, activation)
    network.to(memory_format=torch.channels_last)
    if not pairs or not _agree(wanted, _run(network, image)):
        return copy.deepcopy(module)
    return network


def _watch(network, image):
    """Run an image; return triples (convolution, BatchNorm it fed, its name), and the output."""
    made_by, kept, pairs, hooks = {}, [], [], []

    def after_conv(conv, inputs, output):
        made_by[id(output)] = conv
        kept.append(output)  # while it is there, no other tensor has its id

    for name, child in network.named_modules():
        if isinstance(child, nn.Conv2d):
            hooks.append(child.register_forward_hook(after_conv))
        elif isinstance(child, nn.BatchNorm2d) and child.running_mean is not None:

            def before_norm(norm, inputs, name=name):
                if id(inputs[0]) in made_by:
                    pairs.append((made_by[id(inputs[0])], norm, name))

            hooks.append(child.register_forward_pre_hook(before_norm))
    try:
        output = _run(network, image)
    finally:
        for hook in hooks:
            hook.remove()
    return pairs, output


def _run(network, image):
    with torch.inference_mode():
        return network(image.clone())


def _agree(wanted, got):
    if not isinstance(wanted, torch.Tensor):
        return False  # nothing that could be compared
    bound = TOLERANCE * float(wanted.abs().max())
    return torch.allclose(wanted, got, rtol=0, atol=bound, equal_nan=True)
