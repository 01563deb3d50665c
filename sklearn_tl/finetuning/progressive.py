"""Progressive resizing: the first epochs see smaller images, which take less time.

Howard, DAWNBench entry of fast.ai (2018); Tan & Le, "EfficientNetV2" (ICML 2021). Coarse features
are learned as well from small images, and the last epochs adapt them to the full size.
"""

from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import nn

from sklearn_tl.backbones import noise
from sklearn_tl.finetuning.tail import Tail
from sklearn_tl.images import Preprocessing

SHARE = 160 / 224  # of the side of the network's input: half of its pixels
STEP = 32  # pixels, by which most networks reduce an image
SMALLEST = 128  # pixels; networks see too little of images that are reduced further


class SmallImagesFirst(Callback):
    """Reduces the images in the first half of the epochs, rounded down.

    If the training ends early, it is the first half of the epochs that it could have had.
    Only batches of the training are reduced. Validation and predictions see the full size.

    Parameters
    ----------
    size : (height, width)
        From `small_size`.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Step in between the data and the tail."""
        self.is_early_ = False
        self.hook_ = net.module_.register_forward_pre_hook(self._reduced)

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Choose the size."""
        self.is_early_ = len(net.history) <= net.max_epochs // 2

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Step aside."""
        self.hook_.remove()

    def _reduced(self, tail: nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        if not (tail.training and self.is_early_):
            return inputs
        # Of whole batches on their device, since the workers of a loader do not know the epoch.
        size = list(self.size)
        return (
            nn.functional.interpolate(
                inputs[0], size, mode="bilinear", align_corners=False, antialias=True
            ),
        )


def small_size(tail: Tail, preprocessing: Preprocessing) -> tuple[int, int] | None:
    """Return the (height, width) of the images in the first epochs.

    Parameters
    ----------
    tail : Tail
        On the CPU, without a head if need be.
    preprocessing : Preprocessing
        Of the images at full size.

    Returns
    -------
    (height, width) or None
        None if images have their native size, if they are small already, or if the network takes
        no other size than the full one, as do transformers with an embedding per position.
    """
    crop = preprocessing.crop
    if crop is None or min(crop) < SMALLEST:
        return None
    height, width = (STEP * round(SHARE * side / STEP) for side in crop)
    try:
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):  # for dropout
            # The full size first: from it the tail finds out how many images one core takes at
            # once.
            full, small = (
                tail.train().embed(noise(2, preprocessing.n_channels, *size))
                for size in (crop, (height, width))
            )
    except Exception:  # raised by the network
        return None
    return (height, width) if full.shape == small.shape else None
