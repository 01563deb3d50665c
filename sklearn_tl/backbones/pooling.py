"""The activation of a layer becomes one vector per image."""

import torch

POOLINGS = ("avg", "max", "avgmax", "flatten")


def pool(activation: torch.Tensor, pooling: str, channels_last_maps: bool = False) -> torch.Tensor:
    """Reduce an activation to one vector per image.

    Parameters
    ----------
    activation : Tensor
        Of shape (n, features), which is returned as it is; (n, tokens, channels), from a
        transformer; or (n, channels, height, width).
    pooling : {"avg", "max", "avgmax", "flatten"}
    channels_last_maps : bool, default=False
        Whether an activation of four dimensions has the shape (n, height, width, channels).

    Returns
    -------
    Tensor of shape (n, n_features)
        New memory, which the network cannot change later.
    """
    if activation.ndim == 2:
        return activation.clone()
    if pooling == "flatten":
        return activation.flatten(1).clone()
    if activation.ndim == 3:
        maps = activation.transpose(1, 2)
    else:
        maps = activation.movedim(3, 1) if channels_last_maps else activation
        maps = maps.flatten(2)
    average, maximum = maps.mean(2), maps.amax(2)
    if pooling == "avgmax":
        return torch.cat([average, maximum], dim=1)
    return average if pooling == "avg" else maximum
