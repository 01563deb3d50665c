"""Random numbers that are the same every time, without a trace in the process's generator."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_SEEDING = threading.RLock()  # all threads of the process share one generator


@contextmanager
def fixed_seed() -> Iterator[None]:
    """Make torch draw the same numbers every time, and restore its generator afterwards."""
    with _SEEDING, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        yield


def noise(*shape: int) -> torch.Tensor:
    """Return noise images on which two networks can be compared. They are always the same."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))
