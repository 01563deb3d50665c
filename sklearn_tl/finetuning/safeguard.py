"""What a training keeps of its start: half of the weights, or all of them if it went wrong."""

import warnings
from copy import copy
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from torch.utils.data import Subset

from sklearn_tl.finetuning.callbacks import losses_of_images

N_IMAGES = 64  # enough to tell a head that is fitted from one that guesses


class Safeguard:
    """The start of a training, and the loss of a few training images there.

    Parameters
    ----------
    net : skorch.NeuralNet
        Before the training.
    train_set : torch.utils.data.Dataset
    weights : ndarray of shape (n_images,), or None
        How often an epoch draws each image. None: each image once.
    """

    def __init__(self, net: NeuralNet, train_set: Any, weights: np.ndarray | None) -> None:
        self.images = few_images(train_set, weights)
        self.state = {name: t.clone() for name, t in net.module_.state_dict().items()}
        self.loss, self.loss_of_guess = self._losses(net)

    def restore_if_worse(self, net: NeuralNet, lr: float) -> bool:
        """Restore the start, with a warning, if the training lost half of what a head had gained.

        A head gains on outputs of zero, which stand for a guess. A start that is no better than
        that must not become a tenth worse. Return whether the start was restored.
        """
        loss, _ = self._losses(net)
        if loss <= max((self.loss + self.loss_of_guess) / 2, 1.1 * self.loss):
            return False
        net.module_.load_state_dict(self.state)
        warnings.warn(
            f"The training went wrong: it began with a loss of {self.loss:.2g} on "
            f"{len(self.images)} of the training images and ended with {loss:.2g}, where outputs "
            f"of zero have {self.loss_of_guess:.2g}. The network and the head are as they were "
            f"before. Try lr={lr / 10:.1g} in place of {lr:g}.",
            stacklevel=9,  # where the user calls fit
        )
        return True

    def average(
        self, net: NeuralNet, share: float, valid_set: Any, weights: np.ndarray | None
    ) -> None:
        """Average the weights with those of the start.

        Wortsman et al., "Robust fine-tuning of zero-shot models" (CVPR 2022).

        Parameters
        ----------
        net : skorch.NeuralNet
            After the training.
        share : float
            Of the trained weights in the average.
        valid_set : torch.utils.data.Dataset or None
            If the average has a higher loss on these images, the trained weights stay.
        weights : ndarray, or None
            The weights of the images of `valid_set`.
        """
        trained = {name: t.clone() for name, t in net.module_.state_dict().items()}
        loss = np.inf if valid_set is None else _loss(net, valid_set, weights)
        with torch.no_grad():
            averaged = {
                name: torch.lerp(self.state[name], t, share) if t.is_floating_point() else t
                for name, t in trained.items()
            }
        net.module_.load_state_dict(averaged)
        if valid_set is not None and _loss(net, valid_set, weights) > loss:
            net.module_.load_state_dict(trained)

    def _losses(self, net: NeuralNet) -> tuple[float, float]:
        """Return the loss, and that of outputs of zero."""
        outputs, targets = outputs_of(net, self.images)
        guess = torch.zeros_like(outputs)
        with torch.inference_mode():
            loss, of_guess = (
                net.get_loss(y, targets, training=False).mean().item() for y in (outputs, guess)
            )
        return loss, of_guess


def _loss(net: NeuralNet, images: Any, weights: np.ndarray | None) -> float:
    """Return the mean loss of all images of a dataset."""
    outputs, targets = outputs_of(net, Subset(images, range(len(images))))
    if weights is not None:
        return float(np.average(losses_of_images(net, outputs, targets), weights=weights))
    with torch.inference_mode():
        return net.get_loss(outputs, targets, training=False).mean().item()


def few_images(train_set: Any, weights: np.ndarray | None = None) -> Subset:
    """Return a few images of a dataset without augmentation, drawn as an epoch draws them.

    Without weights these are `N_IMAGES` different images, or all.
    """
    plain = copy(train_set)
    plain.augment = None  # of `TrainingImages`
    generator = np.random.default_rng(0)
    order = generator.permutation(len(plain))
    drawn = order[:N_IMAGES]
    if weights is not None:  # an image of a large weight comes several times
        ends = np.cumsum(weights[order])
        at = (np.arange(N_IMAGES) + generator.random()) * ends[-1] / N_IMAGES
        drawn = order[np.searchsorted(ends, at).clip(max=len(plain) - 1)]
    return Subset(plain, sorted(drawn.tolist()))


def outputs_of(net: NeuralNet, images: Subset) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the outputs (n_images, n_outputs) of a net in evaluation mode, and the targets."""
    with torch.random.fork_rng(devices=[]):  # a loader draws a number, which training must not miss
        batches = list(net.get_iterator(images, training=False))
    outputs = torch.cat([net.evaluation_step(batch) for batch in batches])
    return outputs, torch.cat([batch[1] for batch in batches]).to(outputs.device)
