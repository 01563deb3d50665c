"""The activation of a layer becomes one vector per image."""

from collections.abc import Mapping
from typing import Any

import torch

OF_TOKENS = ("cls", "patch", "cls+patch")
POOLINGS = ("avg", "max", "avgmax", "flatten", *OF_TOKENS)
# What a network of the transformers library calls its outputs: the first one that it has counts.
OUTPUTS = ("logits", "image_embeds", "pooler_output", "last_hidden_state")


EMBEDDINGS = OUTPUTS[2:]  # of them, those that no classifier and no projection made


class LayerError(ValueError):
    """A layer has no activation that can become a row as requested."""


def activation_of(output: Any) -> torch.Tensor | None:
    """Return the activation in what a layer or a network returned, or None if there is none.

    This is the tensor itself, the only tensor in a tuple or a dict, or one of the outputs that the
    transformers library names.
    """
    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, Mapping):
        for name in OUTPUTS:
            if isinstance(output.get(name), torch.Tensor):
                return output[name]
        output = tuple(output.values())
    if isinstance(output, tuple | list):
        tensors = [part for part in output if isinstance(part, torch.Tensor)]
        return tensors[0] if len(tensors) == 1 else None
    return None


def names_an_embedding(output: Any) -> bool:
    """Tell whether a network of the transformers library says that its output is an embedding."""
    named = [name for name in OUTPUTS if isinstance(output, Mapping) and name in output]
    return bool(named) and named[0] in EMBEDDINGS


def pool(
    activation: torch.Tensor, pooling: str, channels_last_maps: bool = False, n_prefix: int = 0
) -> torch.Tensor:
    """Reduce an activation to one vector per image.

    Parameters
    ----------
    activation : Tensor
        Of shape (n, features), which is returned as it is; (n, tokens, channels), from a
        transformer; or (n, channels, height, width).
    pooling : {"avg", "max", "avgmax", "flatten", "cls", "patch", "cls+patch"}
        The last three are for tokens: the class token, the mean of the tokens of image patches, or
        both side by side. "avg", "max" and "avgmax" leave out the tokens that are not of patches.
    channels_last_maps : bool, default=False
        Whether an activation of four dimensions has the shape (n, height, width, channels).
    n_prefix : int, default=0
        How many tokens stand before those of the image patches. The first one is the class token.

    Returns
    -------
    Tensor of shape (n, n_features)
        New memory, which the network cannot change later.

    Raises
    ------
    LayerError
        If there are no tokens, or no class token, for a pooling that needs them.
    """
    if pooling in OF_TOKENS and (activation.ndim != 3 or (n_prefix == 0 and "cls" in pooling)):
        has = "tokens, but no class token" if activation.ndim == 3 else "no tokens"
        raise LayerError(
            f'pooling="{pooling}" is for layers of transformers that return a class token and '
            f"tokens of image patches. This layer returns {has}: its activation has the shape "
            f"{tuple(activation.shape)}, the number of images first. Name another layer, or use "
            'pooling="avg".'
        )
    if activation.ndim == 2:
        return activation.clone()
    if pooling == "flatten":
        return activation.flatten(1).clone()
    if pooling == "cls":
        return activation[:, 0].clone()
    if activation.ndim == 3:
        maps = activation[:, n_prefix:].transpose(1, 2)
    else:
        maps = activation.movedim(3, 1) if channels_last_maps else activation
        maps = maps.flatten(2)
    if pooling == "cls+patch":
        return torch.cat([activation[:, 0], maps.mean(2)], dim=1)
    if pooling == "max":
        return maps.amax(2)
    average = maps.mean(2)
    return torch.cat([average, maps.amax(2)], dim=1) if pooling == "avgmax" else average


def embedding_of(output: Any, channels_last_maps: bool = False, n_prefix: int = 0) -> torch.Tensor:
    """Return the embeddings (n, n_features) in what a network without a classifier returned.

    Of tokens it is the class token if there is one, and otherwise the mean.
    """
    activation = activation_of(output)
    if activation is None:
        raise LayerError(f"Expected a tensor from the network, got {type(output).__name__}.")
    has_class_token = activation.ndim == 3 and n_prefix > 0
    return pool(activation, "cls" if has_class_token else "avg", channels_last_maps, n_prefix)
