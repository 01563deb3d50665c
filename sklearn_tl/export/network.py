"""The layers of a model as one module: from scaled and cropped levels to rows, or to logits."""

import threading
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import nn

from sklearn_tl.backbones import Backbone
from sklearn_tl.embedding import Feature, FrozenPass
from sklearn_tl.export.parts import Parts


class Network(nn.Module):
    """The network, the normalisation of its rows, and the head.

    Parameters
    ----------
    parts : Parts
    head : torch.nn.Module or None, default=None
        From rows to logits. None returns the rows.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, parts: Parts, head: nn.Module | None = None) -> None:
        super().__init__()
        preprocessing = parts.frozen.preprocessing
        self.rows = Rows(parts.frozen.backbone, parts.frozen.features)
        self.normalize = Normalize(parts.frozen, parts.normalization)
        self.head = nn.Identity() if head is None else head
        # Whole numbers to 255, as the package computes them: one rounding less would show.
        for name in ("mean", "std"):
            levels = torch.tensor(getattr(preprocessing, name)).mul(255)[:, None, None]
            self.register_buffer(name, levels)
        self.eval().requires_grad_(False)

    def forward(self, levels: torch.Tensor) -> torch.Tensor:
        """Return the outputs of images.

        Parameters
        ----------
        levels : Tensor of shape (n, n_channels, height, width)
            From 0 to 255. Or of shape (n, n_tiles, n_channels, height, width), of which the rows
            of the tiles are averaged.
        """
        tiles = levels.flatten(0, 1) if levels.ndim == 5 else levels
        rows = self.rows((tiles - self.mean) / self.std)
        if levels.ndim == 5:
            rows = rows.unflatten(0, levels.shape[:2]).mean(1)
        return self.head(self.normalize(rows))


class Rows(nn.Module):
    """A network that returns pooled activations of its layers side by side.

    Hooks pool each activation as soon as it is there, before a later layer changes it in place.

    Parameters
    ----------
    backbone : Backbone
    features : sequence of (layer, pooling)
        The layer None is the embedding, which is the input of the classifier.
    """

    def __init__(self, backbone: Backbone, features: Iterable[Feature]) -> None:
        super().__init__()
        self.network = backbone.copy_module()
        self.features = tuple(features)
        self.found = Found(backbone, self.features)
        classifier = backbone.classifier_of(self.network)
        embeds = backbone.structure.embeds
        for layer in {layer for layer, _ in self.features}:
            if layer is not None:
                part = self.network.get_submodule(layer)
                part.register_forward_hook(OfOutput(self.found, layer))
            elif classifier is not None:
                classifier.register_forward_pre_hook(OfInput(self.found))
            elif embeds is not None:
                part = self.network.get_submodule(embeds)
                part.register_forward_hook(OfOutput(self.found, None))
            else:
                self.network.register_forward_hook(OfOutput(self.found, None))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the rows of normalised images (n, n_channels, height, width)."""
        self.network(x)
        found = self.found.pop()
        return torch.cat([found[feature] for feature in self.features], dim=1)


class Found:
    """The features that hooks have found, for each thread that runs the network."""

    def __init__(self, backbone: Backbone, features: tuple[Feature, ...]) -> None:
        self.features = features
        self.pool = backbone.pool
        self.by_thread: dict[int, dict[Feature, torch.Tensor]] = {}

    def put(self, layer: str | None, activation: Any) -> None:
        """Pool an activation."""
        found = self.by_thread.setdefault(threading.get_ident(), {})
        for name, pooling in self.features:
            if name == layer:
                found[name, pooling] = self.pool(activation, name, pooling)

    def pop(self) -> dict[Feature, torch.Tensor]:
        """Return and forget what was found."""
        return self.by_thread.pop(threading.get_ident())


class OfOutput:
    """A hook on the output of a part. A class, since a lambda could not be pickled."""

    def __init__(self, found: Found, layer: str | None) -> None:
        self.found, self.layer = found, layer

    def __call__(self, part: nn.Module, inputs: Any, output: Any) -> None:
        """Pool what the part returned."""
        self.found.put(self.layer, output)


class OfInput:
    """A hook on the input of the classifier."""

    def __init__(self, found: Found) -> None:
        self.found = found

    def __call__(self, part: nn.Module, inputs: Any) -> None:
        """Pool what the classifier gets."""
        self.found.put(None, inputs[0])


class Normalize(nn.Module):
    """What `normalize_parts` does to rows, in torch.

    Parameters
    ----------
    frozen : FrozenPass
        The pass that makes the rows.
    normalization : {"l2", "power"} or None
    """

    def __init__(self, frozen: FrozenPass, normalization: str | None) -> None:
        super().__init__()
        self.normalization = normalization
        self.lengths: list[int] = []
        for (_, pooling), length in zip(frozen.features, frozen.lengths(), strict=True):
            self.lengths += [length // 2] * 2 if pooling == "avgmax" else [length]

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return rows (n, n_features) whose parts have the length 1."""
        if self.normalization is None:
            return rows
        parts = rows.split(self.lengths, dim=1)
        if self.normalization == "power":
            parts = tuple(part.sign() * part.abs().sqrt() for part in parts)
        smallest = float(np.finfo(np.float32).tiny)  # a part of zeros stays as it is
        normed = [part / part.norm(dim=1, keepdim=True).clamp(min=smallest) for part in parts]
        return torch.cat(normed, dim=1)
