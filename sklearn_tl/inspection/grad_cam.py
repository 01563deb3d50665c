"""Grad-CAM: maps for a fine-tuned network, whatever its head."""

import copy
from typing import Any

import numpy as np
import torch

from sklearn_tl.classifier import FineTuneClassifier
from sklearn_tl.finetuning import Tail, cut_network
from sklearn_tl.images import ImageSequence
from sklearn_tl.inspection.cam import map_shape


def gradient_maps(
    classifier: FineTuneClassifier, images: ImageSequence, codes: np.ndarray
) -> np.ndarray:
    """Return how much each position of the last layer raises the logit of one class.

    Parameters
    ----------
    classifier : FineTuneClassifier
        Fitted.
    images : ImageSequence
    codes : ndarray of shape (n_images,)
        The index of a class for each image.

    Returns
    -------
    maps : ndarray of shape (n_images, map_height, map_width), float32
        0 or larger. Computed on the CPU in float32.
    """
    backbone = classifier.tuned_backbone()
    preprocessing = classifier.frozen_pass().preprocessing
    layer = backbone.layers[-1]
    map_shape(backbone, layer, preprocessing.crop)
    network = cut_network(backbone, [], keep_frozen=True)
    head = copy.deepcopy(classifier.net_.module_.head).cpu()
    tail = Tail(network, head, backbone).eval()
    seen: list[torch.Tensor] = []

    def start_of_gradient(module: Any, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        seen.append(output.detach().requires_grad_())
        return seen[-1].clone()  # because the next module may work in place

    hook = network.get_submodule(layer).register_forward_hook(start_of_gradient)
    maps = []
    try:
        for start in range(0, len(images), classifier.batch_size):
            batch = range(start, min(start + classifier.batch_size, len(images)))
            # Decoded as in `predict`, so that a large JPEG file gives the same input.
            pixels = [images.open(i).decode(preprocessing.at_least) for i in batch]
            logits = tail(torch.stack([preprocessing(image) for image in pixels]))
            chosen = logits[torch.arange(len(batch)), torch.from_numpy(codes[list(batch)])]
            activation = seen.pop()
            (gradient,) = torch.autograd.grad(chosen.sum(), activation)
            if backbone.channels_last_maps:
                activation, gradient = activation.movedim(3, 1), gradient.movedim(3, 1)
            weights = gradient.mean((2, 3), keepdim=True)
            maps.append((weights * activation).sum(1).relu().detach().numpy())
    finally:
        hook.remove()
    return np.concatenate(maps).astype(np.float32)
