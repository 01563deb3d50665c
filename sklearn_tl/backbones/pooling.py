"""Activations of a layer become one vector per image."""

import torch

POOLINGS = ("avg", "max", "avgmax", "flatten")


def pool(activation, pooling, channels_last_maps=False):
    """Reduce an activation to one vector an image."""
    if activation.ndim == 2:
        return activation.clone()
    if pooling == "flatten":
        return activation.flatten(1).clone()
    if activation.ndim == 3:  # (n, tokens, channels) of a transformer
        maps = activation.transpose(1, 2)
    else:
        maps = activation.movedim(3, 1) if channels_last_maps else activation
        maps = maps.flatten(2)
    average, maximum = maps.mean(2), maps.amax(2)
    if pooling == "avgmax":
        return torch.cat([average, maximum], dim=1)
    return average if pooling == "avg" else maximum
