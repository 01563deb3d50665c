"""Networks that were pretrained on RGB are adapted to images of other numbers of channels."""

from dataclasses import replace

from torch import nn

from sklearn_tl.images import Preprocessing


def adapt(
    module: nn.Module, preprocessing: Preprocessing, n_channels: int, name: str
) -> Preprocessing:
    """Let the first convolution of a network take another number of channels, as timm does.

    For one channel its weights are summed, so grey gives what three equal channels gave. For
    more, they are repeated, and scaled so that the sum over channels keeps its size.

    Parameters
    ----------
    module : torch.nn.Module
        Is changed.
    preprocessing : Preprocessing
    n_channels : int
    name : str
        Of the network, for errors.

    Returns
    -------
    preprocessing : Preprocessing
        For the adapted network.

    Raises
    ------
    ValueError
        If the network does not begin with a convolution of RGB images.
    """
    if n_channels == 3:
        return preprocessing
    first = first_convolution(module)
    if first is None or first.in_channels != 3 or first.groups != 1:
        raise ValueError(
            f"{name} does not begin with a convolution of RGB images, so it cannot be adapted to "
            f"{n_channels} channels. Name three of them, for example channels=(0, 1, 2)."
        )
    if getattr(module, "transform_input", False):  # of three channels, to these mean and std
        module.transform_input = False  # type: ignore[assignment]
        preprocessing = replace(preprocessing, mean=(0.5,) * 3, std=(0.5,) * 3)
    weight = first.weight.detach()
    if n_channels == 1:
        weight = weight.sum(dim=1, keepdim=True)
    else:
        repeated = weight.repeat(1, -(-n_channels // 3), 1, 1)
        weight = repeated[:, :n_channels] * (3 / n_channels)
    first.weight = nn.Parameter(weight.contiguous())
    first.in_channels = n_channels
    return preprocessing.of_channels(n_channels)


def first_convolution(module: nn.Module) -> nn.Conv2d | None:
    """Return the convolution that a network has first, or None if it has none."""
    return next((part for part in module.modules() if isinstance(part, nn.Conv2d)), None)
