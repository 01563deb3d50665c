"""Callbacks for skorch that make up the recipe: one idea each."""

from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping

from sklearn_tl._utils import tqdm


class StopIfDiverged(Callback):
    """Ends a training whose loss or weights are no longer finite, with an error.

    Parameters
    ----------
    advice : str
        What the user can do.
    """

    def __init__(self, advice: str) -> None:
        self.advice = advice

    def on_batch_end(self, net: NeuralNet, training: bool, loss: Any, **kwargs: Any) -> None:
        """Check the loss."""
        if training and not torch.isfinite(loss).all():
            self._stop(net, f"the loss is {loss.item()}")

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Check the weights."""
        if not all(torch.isfinite(p).all() for p in net.module_.parameters()):
            self._stop(net, "some weights are not finite")

    def _stop(self, net: NeuralNet, what: str) -> None:
        raise ValueError(
            f"The training diverged: {what} (a non-finite value) in epoch {len(net.history)}. "
            f"{self.advice}."
        )


class RecordLearningRates(Callback):
    """Writes the learning rates of the last step of each epoch into the history."""

    def on_batch_begin(self, net: NeuralNet, training: bool, **kwargs: Any) -> None:
        """Note the rates."""
        if training:
            rates = [group["lr"] for group in net.optimizer_.param_groups]
            self.rates_ = rates[0], min(rates)

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Record the rates."""
        head, lowest = self.rates_
        net.history.record("lr", head)
        net.history.record("lr_lowest", lowest)


class WeightedValidationLoss(Callback):
    """Puts the weighted mean of the held-out images' losses in place of their plain mean.

    Training draws images by weight. Held-out images are not drawn: each is used once.

    Parameters
    ----------
    weights : ndarray of shape (n_held_out,)
    """

    def __init__(self, weights: np.ndarray) -> None:
        self.weights = weights

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Forget the losses of the epoch before."""
        self.losses_: list[float] = []

    def on_batch_end(
        self, net: NeuralNet, batch: Any, training: bool, y_pred: Any, **kwargs: Any
    ) -> None:
        """Note the loss of each image, whatever the criterion is."""
        if not training:
            targets = batch[1].to(y_pred.device)
            with torch.inference_mode():
                self.losses_ += [
                    net.criterion_(output[None], target[None]).item()
                    for output, target in zip(y_pred, targets, strict=True)
                ]

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Record the weighted mean."""
        loss = float(np.average(self.losses_, weights=self.weights))
        before = [epoch["valid_loss"] for epoch in net.history[:-1]]
        net.history.record("valid_loss", loss)
        net.history.record("valid_loss_best", loss < min(before, default=np.inf))


class ProgressBar(Callback):
    """Shows how many epochs are done, and the scores of the last one."""

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Open the bar."""
        self.bar_ = tqdm(total=net.max_epochs, unit="epoch", desc="fine-tuning")

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Move the bar."""
        names = [f"{part}_{of}" for part in ("train", "valid") for of in ("loss", "acc", "r2")]
        last = net.history[-1]
        self.bar_.set_postfix({name: f"{last[name]:.3f}" for name in names if name in last})
        self.bar_.update()

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Close the bar."""
        self.bar_.close()


def forget_best_weights(net: NeuralNet) -> None:
    """Drop the copy of the best epoch's weights that skorch's EarlyStopping keeps."""
    for _, callback in net.callbacks_:
        if isinstance(callback, EarlyStopping):
            callback.best_model_weights_ = None
