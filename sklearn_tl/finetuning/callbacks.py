"""Callbacks for skorch that make up the recipe: one idea each."""

from collections.abc import Sequence
from copy import copy, deepcopy
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, LRScheduler

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
            self.losses_ += losses_of_images(net, y_pred, batch[1].to(y_pred.device))

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Record the weighted mean."""
        loss = float(np.average(self.losses_, weights=self.weights))
        before = [epoch["valid_loss"] for epoch in net.history[:-1]]
        net.history.record("valid_loss", loss)
        net.history.record("valid_loss_best", loss < min(before, default=np.inf))


def losses_of_images(net: NeuralNet, outputs: torch.Tensor, targets: torch.Tensor) -> list[float]:
    """Return the loss of each image, whatever the criterion is."""
    with torch.inference_mode():
        return [
            net.criterion_(output[None], target[None]).item()
            for output, target in zip(outputs, targets, strict=True)
        ]


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


class ReportEpochs(Callback):
    """Reports each epoch to the callbacks of scikit-learn, which may end the training.

    Parameters
    ----------
    task : sklearn.callback.CallbackContext
        The fit of the estimator.
    fitted_as : callable
        Gets the net; returns the attributes of the estimator as if the training had ended.
    **known
        What else the callbacks are told: the estimator, X and y.
    """

    def __init__(self, task: Any, fitted_as: Any, **known: Any) -> None:
        self.task = task
        self.fitted_as = fitted_as
        self.known = known

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Begin a task."""
        self.epoch_ = self.task.subcontext(task_name="epoch")
        self.epoch_.call_on_fit_task_begin(**self.known)

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """End the task."""
        attributes = partial(self.fitted_as, net)  # called only if a callback asks for it
        if self.epoch_.call_on_fit_task_end(**self.known, reconstruction_attributes=attributes):
            raise KeyboardInterrupt  # with which skorch's callbacks end a training

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Let go of the images, which the net does not need."""
        self.task = self.fitted_as = self.epoch_ = None
        self.known = {}


def copies_of(callbacks: Sequence[Any]) -> list[Any]:
    """Return copies of a user's callbacks, which keep what they see in a training to themselves.

    A clone has only the parameters of a callback. Other callbacks are copied with everything that
    they hold. A callback that holds an open file or a connection, such as a writer of logs, cannot
    be copied as a whole: its copy writes to the same place.

    Parameters
    ----------
    callbacks : list
        As skorch takes them: instances, classes, or pairs of a name and one of the two.

    Returns
    -------
    copies : list
        Of the same form.
    """
    return [
        (callback[0], _copy_of(callback[1]))
        if isinstance(callback, list | tuple)
        else _copy_of(callback)
        for callback in callbacks
    ]


def _copy_of(callback: Any) -> Any:
    for copied in (partial(clone, safe=False), deepcopy, copy):
        try:
            return copied(callback)
        except Exception:  # raised by the callback's constructor, or by what it holds
            continue
    return callback


def has_schedule(callbacks: Sequence[Any]) -> bool:
    """Tell whether there is a learning-rate schedule among a user's callbacks."""
    given = [c[-1] if isinstance(c, list | tuple) else c for c in callbacks]
    kinds = [callback if isinstance(callback, type) else type(callback) for callback in given]
    return any(issubclass(kind, LRScheduler) for kind in kinds)


def forget_best_weights(net: NeuralNet) -> None:
    """Drop the copy of the best epoch's weights that skorch's EarlyStopping keeps."""
    for _, callback in net.callbacks_:
        if isinstance(callback, EarlyStopping):
            callback.best_model_weights_ = None
