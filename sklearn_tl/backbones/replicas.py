"""Copies of a network for threads that run it at the same time."""

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


def copy_sharing_tensors(module: nn.Module) -> nn.Module:
    """Return a copy of a network that uses the tensors of the original."""
    tensors = (*module.parameters(), *module.buffers())
    return copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})


class Replicas:
    """Copies of a network that share its tensors, one for each thread that runs it.

    Hooks belong to one thread, and so does anything that a module stores while it runs. The
    network itself is never run.

    Parameters
    ----------
    module : torch.nn.Module
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self._free: list[nn.Module] = []
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[nn.Module]:
        """Lend a copy that no other thread uses until the block ends."""
        try:
            replica = self._free.pop()
        except IndexError:
            with self._lock:
                replica = copy_sharing_tensors(self.module)
        try:
            yield replica
        finally:
            self._free.append(replica)
