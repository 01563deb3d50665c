"""A training step in chunks of images, each of which runs on one core.

To autograd, all chunks are one operation. So the loss, the callbacks and the clipping of gradients
see one batch.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from sklearn_tl._utils import on_each_core

Tensors = Mapping[str, torch.Tensor]
Run = Callable[[Tensors, torch.Tensor, torch.Generator], torch.Tensor]


def run_in_chunks(run: Run, tensors: Tensors, chunks: Sequence[torch.Tensor]) -> torch.Tensor:
    """Run a network on chunks of a batch at the same time, with gradients.

    The gradients of the chunks are added in their order. Therefore the number of cores makes no
    difference to the result.

    Parameters
    ----------
    run : callable
        `run(tensors, chunk, generator)` returns the outputs (n_images, n_outputs). Many threads
        call it at the same time. Random numbers come from the generator.
    tensors : dict
        The network's parameters and buffers.
    chunks : sequence of Tensor
        Of shape (n_images, ...).

    Returns
    -------
    Tensor of shape (n_images, n_outputs)
    """
    # Seeds for all chunks are drawn here, since the order of the threads is left to chance.
    seeds = torch.randint(2**63 - 1, (len(chunks),)).tolist()
    return _Chunks.apply(run, chunks, seeds, list(tensors), *tensors.values())


class _Chunks(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        run: Run,
        chunks: Sequence[torch.Tensor],
        seeds: list[int],
        names: list[str],
        *tensors: torch.Tensor,
    ) -> torch.Tensor:
        inputs = [tensor.detach().requires_grad_(tensor.requires_grad) for tensor in tensors]
        named = dict(zip(names, inputs, strict=True))

        def run_one(i: int) -> torch.Tensor:
            with torch.enable_grad():
                return run(named, chunks[i], torch.Generator().manual_seed(seeds[i]))

        ctx.inputs, ctx.outputs = inputs, list(on_each_core(run_one, range(len(chunks))))
        return torch.cat([output.detach() for output in ctx.outputs])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple:
        outputs, ctx.outputs = ctx.outputs, None  # what the chunks keep in memory is freed
        trained = [tensor for tensor in ctx.inputs if tensor.requires_grad]
        parts = gradient.split([len(output) for output in outputs])

        def run_back(i: int) -> tuple[torch.Tensor | None, ...]:
            return torch.autograd.grad(outputs[i], trained, parts[i], allow_unused=True)

        sums: list[torch.Tensor | None] = [None] * len(trained)
        for found in on_each_core(run_back, range(len(outputs))):
            sums = [
                a if b is None else b if a is None else a + b
                for a, b in zip(sums, found, strict=True)
            ]
        gradients = iter(sums)
        return (
            *[None] * 4,
            *(next(gradients) if tensor.requires_grad else None for tensor in ctx.inputs),
        )


class ChunkDropout(nn.Module):
    """Dropout whose random numbers come from a generator of its own.

    torch's Dropout takes them from one generator for all threads, in the order in which they come.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.generator: torch.Generator | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a copy in which a share `p` of the values is zero, and the others are larger."""
        if self.p == 1:
            return x * 0
        kept = torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)
        return x * kept / (1 - self.p)
