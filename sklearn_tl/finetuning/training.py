"""Training with skorch: the settings of the loop, its callbacks, what makes it reproducible."""

import math
import random
import threading
import warnings
from contextlib import contextmanager
from copy import copy, deepcopy
from functools import partial

import numpy as np
import torch
from sklearn.base import clone
from skorch import NeuralNetClassifier
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
)
from skorch.helper import predefined_split
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from sklearn_tl._utils import is_out_of_memory, n_cores, tqdm

MAX_GRADIENT_NORM = 1.0
_ONE_TRAINING = threading.RLock()  # the generators and the number of threads are the process's


def new_net(tail, n_classes, **params):
    """Return a skorch net around a tail, initialised but not trained."""
    defaults = {
        "criterion": nn.CrossEntropyLoss,
        "optimizer": torch.optim.AdamW,
        "classes": np.arange(n_classes),
        "train_split": None,
    }
    return NeuralNetClassifier(tail, **(defaults | params)).initialize()


def train(
    tail,
    n_classes,
    train_set,
    valid_set,
    *,
    class_weight,
    patience,
    callbacks,
    advice,
    show_progress=False,
    **params,
):
    """Train a tail in place.

    Parameters
    ----------
    tail : Tail
    n_classes : int
    train_set : torch.utils.data.Dataset
    valid_set : torch.utils.data.Dataset or None
        Where there is one, the training stops when its loss does not fall for `patience` epochs,
        and the weights of the best epoch are taken.
    class_weight : ndarray of shape (n_classes,) or None
    patience : int
    callbacks : list
        Of skorch, besides our own. A learning-rate schedule among them replaces ours.
    advice : str
        What the user can do should the training diverge.
    show_progress : bool, default=False
        Whether to show a progress bar over the epochs.
    **params
        Of `skorch.NeuralNetClassifier`.

    Returns
    -------
    skorch.NeuralNetClassifier

    Raises
    ------
    ValueError
        If the loss or a weight is no longer finite.
    MemoryError
        If the device's memory does not hold a training step.
    KeyboardInterrupt
        If the user interrupts, and there is no best epoch to keep.
    """
    own = [
        EpochScoring("accuracy", name="train_acc", on_train=True, lower_is_better=False),
        StopIfDiverged(advice),
        RecordLearningRates(),
        GradientNormClipping(MAX_GRADIENT_NORM),
    ]
    if show_progress:
        own.append(ProgressBar())
    # The user's objects would keep what they saw in one training for the next.
    callbacks, params = clone(list(callbacks), safe=False), deepcopy(params)
    if not any(isinstance(_instance(callback), LRScheduler) for callback in callbacks):
        batch_size = params.get("iterator_train__batch_size", params["batch_size"])
        n_steps = params["max_epochs"] * -(-len(train_set) // batch_size)
        factor = warmup_cosine(n_steps)
        own.append(LRScheduler(LambdaLR, lr_lambda=factor, step_every="batch"))
    # BatchNorm, which a user's head may have, cannot train on a batch of one.
    alone = len(train_set) % params["batch_size"] == 1
    params = {"iterator_train__shuffle": True, "iterator_train__drop_last": alone} | params
    if valid_set is not None:
        own.append(EarlyStopping(patience=patience, load_best=True))
        params = {"train_split": predefined_split(valid_set)} | params
    if class_weight is not None:
        params |= {"iterator_train__shuffle": False}  # the sampler does
        params = {"iterator_train__sampler": ByWeight(class_weight[train_set.y])} | params
        if "criterion" not in params:
            weight = torch.from_numpy(class_weight).float()
            params |= {"criterion": ValidationWeighted, "criterion__weight": weight}
    net = new_net(tail, n_classes, callbacks=[*own, *callbacks], **params)
    try:
        net.partial_fit(train_set, y=None)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        size = params.get("iterator_train__batch_size", params["batch_size"])
        raise MemoryError(
            f"The device has no memory for a training step on {size} images "
            f"({str(error).splitlines()[0]}). Set a smaller batch_size, or unfreeze fewer layers."
        ) from error
    except KeyError as error:
        if valid_set is None and "valid" in str(error):
            error.add_note("A callback asks for validation scores: set early_stopping=True.")
        raise
    _check_interrupted(net, has_best=valid_set is not None)
    _check_finite(net, train_set, advice)
    _let_go(net)
    return net


class ByWeight(torch.utils.data.Sampler):
    """Draws each image as often an epoch as its weight says; of fractions, chance decides.

    As factors on the loss, large weights are of little use: few batches have an image of a rare
    class, and in those its gradient is clipped. Where all weights are equal this is a shuffle.
    """

    def __init__(self, weights):
        self.weights = torch.from_numpy(weights / weights.mean())

    def __len__(self):
        return len(self.weights)

    def __iter__(self):
        n = len(self)
        order = torch.randperm(n)
        ends = self.weights[order].cumsum(0)
        drawn = torch.searchsorted(ends, torch.arange(n) + torch.rand(1, dtype=ends.dtype))
        return iter(order[drawn.clamp(max=n - 1)][torch.randperm(n)].tolist())


class ValidationWeighted(nn.CrossEntropyLoss):
    """Weighs images that are held out, which are not drawn by weight."""

    def forward(self, logits, y):
        weight, smoothing = None if self.training else self.weight, self.label_smoothing
        return nn.functional.cross_entropy(logits, y, weight, label_smoothing=smoothing)


def warmup_cosine(n_steps, warmup=0.1):
    """Return the factor on the learning rates at each step: up in a line, down in half a wave."""
    return partial(_warmup_cosine, n_steps=n_steps, n_warmup=max(1, round(warmup * n_steps)))


def _warmup_cosine(step, n_steps, n_warmup):
    if step < n_warmup:
        return (step + 1) / n_warmup
    share = min(1, (step - n_warmup) / max(1, n_steps - n_warmup))
    return 0.5 * (1 + math.cos(math.pi * share))


class StopIfDiverged(Callback):
    """Ends a training whose loss is no number, in place of predictions that are none."""

    def __init__(self, advice):
        self.advice = advice

    def on_batch_end(self, net, training, loss, **kwargs):
        if training and not torch.isfinite(loss).all():
            self._stop(net, f"the loss is {loss.item()}")

    def on_epoch_end(self, net, **kwargs):
        if not all(torch.isfinite(p).all() for p in net.module_.parameters()):
            self._stop(net, "weights are no longer finite")

    def _stop(self, net, what):
        raise ValueError(
            f"The training diverged: {what} (a non-finite value) in epoch {len(net.history)}. "
            f"{self.advice}."
        )


class RecordLearningRates(Callback):
    """Writes the learning rates of an epoch's last step into the history."""

    def on_batch_begin(self, net, training, **kwargs):
        if training:
            rates = [group["lr"] for group in net.optimizer_.param_groups]
            self.rates_ = rates[0], min(rates)

    def on_epoch_end(self, net, **kwargs):
        head, lowest = self.rates_
        net.history.record("lr", head)
        net.history.record("lr_lowest", lowest)


class ProgressBar(Callback):
    """Shows how many epochs are done, and how the last one went."""

    def on_train_begin(self, net, **kwargs):
        self.bar_ = tqdm(total=net.max_epochs, unit="epoch", desc="fine-tuning")

    def on_epoch_end(self, net, **kwargs):
        wanted = ("train_loss", "train_acc", "valid_loss", "valid_acc")
        last = net.history[-1]
        self.bar_.set_postfix({name: f"{last[name]:.3f}" for name in wanted if name in last})
        self.bar_.update()

    def on_train_end(self, net, **kwargs):
        self.bar_.close()


@contextmanager
def reproducible(seed, device):
    """Make what is trained inside depend on `seed` alone, and leave the process as it was.

    Sums come out different in their last bits with another number of threads, and the processes
    of a search have fewer of them: so the number is fixed as well.
    """
    with _ONE_TRAINING:
        states = random.getstate(), np.random.get_state()  # noqa: NPY002
        n_threads = torch.get_num_threads()
        device = torch.device(device)
        mps = torch.mps.get_rng_state() if device.type == "mps" else None
        try:
            with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
                random.seed(seed)
                np.random.seed(seed)  # noqa: NPY002
                if device.type == "cpu":
                    torch.default_generator.manual_seed(seed)
                else:
                    torch.manual_seed(seed)
                torch.set_num_threads(n_cores())
                yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002
            torch.set_num_threads(n_threads)
            if mps is not None:
                torch.mps.set_rng_state(mps)


def _check_finite(net, train_set, advice):
    """Raise if the trained net makes of images what is no number.

    The loss of a batch is computed before its step, so that the last step shows only here.
    """
    plain = copy(train_set)
    plain.augment = None
    few = torch.utils.data.Subset(plain, range(min(len(plain), net.batch_size)))
    if not all(torch.isfinite(output).all() for output in net.forward_iter(few)):
        raise ValueError(
            f"The training diverged: outputs after the last epoch are non-finite. {advice}."
        )


def _let_go(net):
    """Drop what only the training needed: held-out images, gradients, the best epoch's weights."""
    net.train_split = None
    net.module_.zero_grad(set_to_none=True)
    for _, callback in net.callbacks_:
        if isinstance(callback, EarlyStopping):
            callback.best_model_weights_ = None


def _check_interrupted(net, *, has_best):
    """Raise the KeyboardInterrupt that skorch swallows, unless there is a best epoch to keep.

    An epoch that came to its end has a learning rate in the history; where the last one has, it
    was a callback that ended the training.
    """
    history = net.history
    if history and "lr" in history[-1]:
        return
    if not has_best or len(history) < 2:
        raise KeyboardInterrupt("The training was interrupted; the classifier is not fitted.")
    del history[-1]
    warnings.warn(
        f"The training was interrupted after {len(history)} epochs; the weights of the best of "
        "them are kept.",
        stacklevel=7,
    )


def _instance(callback):
    return callback[-1] if isinstance(callback, tuple) else callback
