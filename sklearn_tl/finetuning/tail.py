"""The tail: the part of a network that is trained, with a new head on it."""

from typing import Any, cast

import numpy as np
import torch
from torch import nn

from sklearn_tl._utils import (
    autocast,
    filled,
    in_parts_that_fit,
    kind_of,
    moved,
    on_each_core,
    one_core,
    resolve_precision,
    without_tf32,
)
from sklearn_tl.backbones import Backbone, Replicas, embedding_of
from sklearn_tl.finetuning.folded import FoldedNetwork, fold_network, has_depthwise, has_hooks

DROPOUTS = (
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
)


class Tail(nn.Module):
    """The part of a network that is trained, with a head for the task.

    The network stays in evaluation mode, except for the dropout of its trained layers. The
    statistics of BatchNorm come from a million images, and a few small batches would spoil them.

    Parameters
    ----------
    network : torch.nn.Module or None
        A copy of a backbone without its classifier, from `cut_network`. None: the head alone.
    head : torch.nn.Module or None
        Turns embeddings (n_images, n_features) into outputs (n_images, n_outputs). It may be set
        later.
    backbone : Backbone or None, default=None
        Whose copy the network is. It is not kept.
    precision : {"float32", "bfloat16"}, default="float32"
        In which the network computes. The head and the loss are always in float32.
    """

    def __init__(
        self,
        network: nn.Module | None,
        head: nn.Module | None,
        backbone: Backbone | None = None,
        precision: str = "float32",
    ) -> None:
        super().__init__()
        self.network = network
        self.head = head
        self.channels_last_maps = backbone is not None and backbone.channels_last_maps
        self.memory_format = memory_format(network)
        self.n_prefix = backbone.structure.n_prefix.get(None, 0) if backbone else 0
        self.precision = precision
        self._folded: FoldedNetwork | None = None
        self._tried_to_fold = False

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """Return the embeddings (n_images, n_features) of a batch."""
        if self.network is None:
            return x
        if x.ndim == 4:
            x = x.contiguous(memory_format=self.memory_format)
        if self.training and (folded := self._folded_for(x)):
            return folded(x)
        with autocast(str(x.device), self.precision):
            return self._pool(self.network(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the head's outputs."""
        assert self.head is not None
        return self.head(self.embed(x))

    def train(self, mode: bool = True) -> "Tail":
        """Set the head and the dropout of the network to training or evaluation mode."""
        super().train(mode)
        for module in () if self.network is None else self.network.modules():
            module.training = mode and isinstance(module, DROPOUTS)
        return self

    def _pool(self, output: Any) -> torch.Tensor:
        return embedding_of(output, self.channels_last_maps, self.n_prefix).float()

    def _folded_for(self, x: torch.Tensor) -> FoldedNetwork | None:
        """Return what replaces the network in a training step, or None if nothing does.

        Nothing does in bfloat16, in which the folded weights would be rounded in other places, and
        on GPUs, where no gain was measured.
        """
        assert self.network is not None
        if x.device.type != "cpu" or self.precision != "float32" or has_hooks(self.network):
            return None
        if not self._tried_to_fold:
            self._folded = fold_network(self.network, self._pool, x)
            self._tried_to_fold = True
        return self._folded

    def __getstate__(self) -> dict[str, Any]:
        # A copy folds its own network.
        return self.__dict__ | {"_folded": None, "_tried_to_fold": False}


def training_precision(precision: str, device: str, network: nn.Module) -> str:
    """Return the precision in which the parameter `precision` trains a network.

    "auto" is that of the frozen pass, with one exception. On a CPU, a step of MobileNets and
    EfficientNets takes 1.5 to 2.2 times as long in bfloat16: torch is slow in the gradients of
    their depthwise convolutions. ConvNeXt, which has no BatchNorm, is faster in it.
    """
    has_norm = any(isinstance(part, nn.BatchNorm2d) for part in network.modules())
    if precision == "auto" and kind_of(device) == "cpu" and has_norm and has_depthwise(network):
        return "float32"
    return resolve_precision(precision, device)


def memory_format(network: nn.Module | None) -> torch.memory_format:
    """Return the memory format in which a network can be trained.

    In the format that is fastest on CPUs, channels last, torch's backward pass of a 1 x 1
    convolution with a stride and three or four input channels ends the process on some processors.
    The first blocks of FastViT, MobileOne and RepVGG have such a convolution.
    """
    for part in () if network is None else network.modules():
        is_narrow = isinstance(part, nn.Conv2d) and part.in_channels <= 4
        if is_narrow and part.kernel_size == (1, 1) and part.stride != (1, 1):
            return torch.contiguous_format
    return torch.channels_last


def embed_inputs(tail: Tail, x: np.ndarray, chunk_size: int) -> np.ndarray:
    """Return the embeddings (n_images, n_features) of the inputs of a tail, as float32."""
    device = str(next(tail.parameters(), torch.empty(0)).device)
    tails = Replicas(tail.eval())
    batch_sizes: dict[Any, Any] = {}

    def run(batch: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode(), without_tf32(device), tails.one() as replica:
            # A copy, since a network may work in place.
            return cast(Tail, replica).embed(moved(batch.clone(), device)).cpu()

    batches = torch.from_numpy(x).split(chunk_size)
    if kind_of(device) == "cpu":
        parts = on_each_core(lambda b: run(filled(b, chunk_size))[: len(b)], batches)
    else:
        parts = (part for b in batches for part in in_parts_that_fit(run, b, batch_sizes, "fits"))
    return torch.cat(list(parts)).numpy()


def head_outputs(head: nn.Module, rows: np.ndarray) -> np.ndarray:
    """Return the outputs (n_images, n_outputs) of a head, as float64.

    A linear head is computed in float64, in which the other rows of a batch make no difference.
    """
    x = torch.from_numpy(rows)
    with torch.inference_mode(), one_core():
        if isinstance(head, nn.Linear):
            weight = head.weight.cpu().double()
            bias = None if head.bias is None else head.bias.cpu().double()
            return nn.functional.linear(x.double(), weight, bias).numpy()
        device = next(head.parameters(), x).device
        return head.eval()(x.to(device)).cpu().double().numpy()
