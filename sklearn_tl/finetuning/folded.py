"""Faster training steps on the CPU: BatchNorms are parts of the convolutions before them.

The statistics of BatchNorm do not change in training, so it only scales and shifts what the
convolution returns. One convolution with other weights does both ("Efficient ConvBN Blocks",
You et al. 2023, arXiv 2305.11624).
"""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from sklearn_tl._utils import backward_hooks, forward_hooks
from sklearn_tl.backbones import Replicas, find_pairs, folded_tensors, remove_norms
from sklearn_tl.finetuning.chunks import ChunkDropout, Tensors, run_in_chunks

TOLERANCE = 1e-4  # how far an embedding may move, relative to the largest absolute value
CHUNK_PRODUCTS = 1.6e9  # that one core computes at once: four images in efficientnet_lite0
MIN_CHUNKS = 4  # with fewer, cores would wait for the last one

Pair = tuple[str, str]  # the names of a convolution and of the BatchNorm that it feeds
Pool = Callable[[Any], torch.Tensor]  # from what a network returns to embeddings


class FoldedNetwork:
    """Runs a network in training without its BatchNorms.

    The network stays as it is, and its parameters get the gradients. In each step, the weights of
    the convolutions are computed from these parameters. They run in a copy without BatchNorms.

    Parameters
    ----------
    network : torch.nn.Module
        From `cut_network`, in the mode in which it is trained.
    pairs : list of (convolution, BatchNorm)
        From `find_pairs`.
    pool : callable
        Turns what the network returns into embeddings (n_images, n_features).
    chunk_size : int or None, default=None
        How many images one core takes at once. None: all cores share all images.
    """

    def __init__(
        self, network: nn.Module, pairs: list[Pair], pool: Pool, chunk_size: int | None = None
    ) -> None:
        self.network, self.pairs, self.pool = network, pairs, pool
        self.chunk_size = chunk_size
        twin = copy.deepcopy(network)
        remove_norms(twin, pairs)
        for name, _ in pairs:  # all get a bias, whose values come later
            twin.get_submodule(name).bias = nn.Parameter(torch.empty(0))
        for name, part in list(twin.named_modules()):
            if getattr(part, "inplace", False):
                part.inplace = False  # for the backward pass, torch would copy the input
            if type(part) is nn.Dropout and part.training and name:
                twin.set_submodule(name, ChunkDropout(part.p))
        # The copy has no values of its own. Each step brings them.
        self.twins = Replicas(twin.to("meta"))

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return the embeddings (n_images, n_features) of a batch, with gradients."""
        tensors = {
            **dict(self.network.named_parameters(remove_duplicate=False)),
            **dict(self.network.named_buffers(remove_duplicate=False)),
            **folded_tensors(self.network, self.pairs),
        }
        size = self.chunk_size
        if size is None or len(x) < MIN_CHUNKS * size or x.requires_grad:
            return self._run(tensors, x)
        return run_in_chunks(self._run, tensors, x.split(size))

    def _run(
        self, tensors: Tensors, x: torch.Tensor, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        with self.twins.one() as twin:
            for part in twin.modules():
                if isinstance(part, ChunkDropout):
                    part.generator = generator
            return self.pool(functional_call(twin, dict(tensors), (x,), tie_weights=False))


def fold_network(network: nn.Module, pool: Pool, x: torch.Tensor) -> FoldedNetwork | None:
    """Return a network for training without BatchNorms, if it does what the plain one does.

    Parameters
    ----------
    network : torch.nn.Module
        From `cut_network`, in the mode in which it is trained.
    pool : callable
        Turns what the network returns into embeddings (n_images, n_features).
    x : Tensor of shape (n_images, ...)
        Inputs on the CPU. The first one is run.

    Returns
    -------
    FoldedNetwork or None
        None if there is nothing to fold, or if the network does more with a convolution than to
        normalise it. A batch may also have to stay in one piece: the two inputs of the check run
        one at a time.
    """
    two = torch.cat([x[:1], x[:1].flip(-1)]).detach()
    pairs = find_pairs(network, two[:1])
    if not pairs:
        return None
    plain = copy.deepcopy(network).eval()  # dropout would differ
    try:
        folded = FoldedNetwork(plain, pairs, pool)
        with torch.no_grad():
            found = torch.cat([folded(one.clone()) for one in two.split(1)])
            expected = pool(plain(two.clone()))
    except Exception:  # a network raises anything if it looks for a part that was removed
        return None
    bound = TOLERANCE * float(expected.abs().max())
    if found.shape != expected.shape or not torch.allclose(found, expected, rtol=0, atol=bound):
        return None
    chunk_size = None
    if gains_from_chunks(network):
        chunk_size = max(1, int(CHUNK_PRODUCTS / count_products(plain, two[:1])))
    return FoldedNetwork(network, pairs, pool, chunk_size)


def has_hooks(network: nn.Module) -> bool:
    """Tell whether a function of the user would run with a part of the network.

    It would not run in a copy, and not see what a BatchNorm returns.
    """
    return any(forward_hooks(part) or backward_hooks(part) for part in network.modules())


def gains_from_chunks(network: nn.Module) -> bool:
    """Tell whether training is faster if each core runs images of its own.

    This is so for networks with depthwise convolutions. They compute little with each value that
    they read, so that cores that share an image wait for each other. A ResNet is slower in chunks.
    """
    # The random numbers of other kinds of dropout would depend on the order of the threads.
    odd_dropout = any(p.training and type(p) is not nn.Dropout for p in network.modules())
    return has_depthwise(network) and not odd_dropout


def has_depthwise(network: nn.Module) -> bool:
    """Tell whether a network has depthwise convolutions."""
    convs = (part for part in network.modules() if isinstance(part, nn.Conv2d))
    return any(conv.groups == conv.in_channels > 1 for conv in convs)


def count_products(network: nn.Module, image: torch.Tensor) -> int:
    """Return how many products the convolutions of a network compute for one image.

    The network must be a copy: it keeps the hooks that count.
    """
    n_products = 0

    def count(conv: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        nonlocal n_products
        assert isinstance(conv, nn.Conv2d)
        n_products += output.numel() * conv.weight[0].numel()

    for part in network.modules():
        if isinstance(part, nn.Conv2d):
            part.register_forward_hook(count)
    with torch.no_grad():
        network(image.clone())
    return n_products
