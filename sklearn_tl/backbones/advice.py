"""What to type if a network cannot take images."""

from torch import nn

from sklearn_tl.backbones.channels import first_convolution
from sklearn_tl.backbones.sizes import in_words, sizes_taken


def what_to_type(module: nn.Module, shape: tuple[int, int, int], error: Exception) -> str:
    """Return what to type if a network failed on images of this shape.

    Parameters
    ----------
    module : torch.nn.Module
    shape : tuple of (n_channels, height, width)
        Of the images.
    error : Exception
        That the network raised.
    """
    n_channels, *size = shape
    first = first_convolution(module)
    if first is not None and first.in_channels != n_channels:
        takes = first.in_channels
        example = "(0,)" if takes == 1 else str(tuple(range(takes)))
        return (
            f"The network takes images of {takes} {'channel' if takes == 1 else 'channels'}, but "
            f"{n_channels} are read. Name {takes} of the channels of your images, for example "
            f"channels={example}."
        )
    if isinstance(error, TypeError):
        return (
            "A backbone is called with one tensor of images (n_images, n_channels, height, width). "
            "Wrap yours in a module whose forward takes only that."
        )
    sizes = sizes_taken(module, n_channels)
    if not sizes:
        return "Set another image_size, or check that the network runs on a batch of images."
    return in_words(sizes, max(size))
