"""A training that ends far from where it began returns to its start."""

import warnings
from copy import copy
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from torch.utils.data import Subset

N_IMAGES = 64  # enough to tell a head that is fitted from one that guesses


class Safeguard:
    """The start of a training, and the loss of a few training images there.

    Parameters
    ----------
    net : skorch.NeuralNet
        Before the training.
    train_set : torch.utils.data.Dataset
    """

    def __init__(self, net: NeuralNet, train_set: Any) -> None:
        self.images = few_images(train_set)
        self.state = {name: t.clone() for name, t in net.module_.state_dict().items()}
        self.loss, self.loss_of_guess = self._losses(net)

    def restore_if_worse(self, net: NeuralNet, lr: float) -> None:
        """Restore the start, with a warning, if the training lost half of what a head had gained.

        A head gains on outputs of zero, which stand for a guess. A start that is no better than
        that must not become a tenth worse.
        """
        loss, _ = self._losses(net)
        if loss <= max((self.loss + self.loss_of_guess) / 2, 1.1 * self.loss):
            return
        net.module_.load_state_dict(self.state)
        warnings.warn(
            f"The training went wrong: it began with a loss of {self.loss:.2g} on "
            f"{len(self.images)} of the training images and ended with {loss:.2g}, where outputs "
            f"of zero have {self.loss_of_guess:.2g}. The network and the head are as they were "
            f"before. Try lr={lr / 10:.1g} in place of {lr:g}.",
            stacklevel=9,  # where the user calls fit
        )

    def _losses(self, net: NeuralNet) -> tuple[float, float]:
        """Return the loss, and that of outputs of zero."""
        outputs, targets = outputs_of(net, self.images)
        guess = torch.zeros_like(outputs)
        with torch.inference_mode():
            loss, of_guess = (
                net.get_loss(y, targets, training=False).mean().item() for y in (outputs, guess)
            )
        return loss, of_guess


def few_images(train_set: Any) -> Subset:
    """Return up to `N_IMAGES` images of a dataset, drawn at random, without augmentation."""
    plain = copy(train_set)
    plain.augment = None  # of `TrainingImages`
    drawn = np.random.default_rng(0).permutation(len(plain))[:N_IMAGES]
    return Subset(plain, sorted(drawn.tolist()))


def outputs_of(net: NeuralNet, images: Subset) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the outputs (n_images, n_outputs) of a net in evaluation mode, and the targets."""
    with torch.random.fork_rng(devices=[]):  # a loader draws a number, which training must not miss
        batches = list(net.get_iterator(images, training=False))
    outputs = torch.cat([net.evaluation_step(batch) for batch in batches])
    return outputs, torch.cat([batch[1] for batch in batches]).to(outputs.device)
