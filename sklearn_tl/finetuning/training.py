"""Training a tail with skorch: the settings of the loop, and what makes it reproducible."""

import random
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import EarlyStopping, EpochScoring, GradientNormClipping, LRScheduler
from skorch.helper import predefined_split
from torch.optim.lr_scheduler import LambdaLR

from sklearn_tl._utils import cores, is_out_of_memory, n_cores, one_core
from sklearn_tl.finetuning.callbacks import (
    ProgressBar,
    RecordLearningRates,
    StopIfDiverged,
    WeightedValidationLoss,
    copies_of,
    forget_best_weights,
    has_schedule,
)
from sklearn_tl.finetuning.objectives import Objective
from sklearn_tl.finetuning.safeguard import Safeguard, few_images, outputs_of
from sklearn_tl.finetuning.sampling import DrawByWeight
from sklearn_tl.finetuning.schedule import WarmupCosine
from sklearn_tl.finetuning.tail import Tail

MAX_GRADIENT_NORM = 1.0
# A training loss that falls by less has converged. Guessing costs 0.7 or more in each objective.
CONVERGED = 1e-3
# The random generators and the number of threads belong to the whole process.
_ONE_TRAINING = threading.RLock()
_RESERVED = (
    {
        name: f"set {name} of the estimator itself"
        for name in ("lr", "max_epochs", "batch_size", "device", "verbose", "callbacks")
    }
    | {"train_split": "set early_stopping and validation_fraction of the estimator"}
    | {"module": "the module is made from the backbone and the head"}
    | {"compile": "compiling renames the parameters, so all layers would learn at the same rate"}
)


def check_net_params(net_params: dict[str, Any] | None) -> None:
    """Raise a ValueError if `net_params` names a parameter that the estimator sets."""
    for name in net_params or ():
        if name in _RESERVED:
            raise ValueError(
                f"net_params={{{name!r}: ...}} is not allowed: {_RESERVED[name]}. net_params is "
                "for other parameters of the skorch net, such as 'optimizer'."
            )


def new_net(tail: Tail, objective: Objective, **params: Any) -> NeuralNet:
    """Return a skorch net around a tail, initialised but not trained."""
    defaults = {"optimizer": torch.optim.AdamW, "train_split": None, **objective.settings}
    if "criterion" not in params:
        defaults |= objective.criterion_settings
    if "optimizer" not in params and tail.network is None:
        defaults["optimizer__fused"] = True  # twice as fast where the optimizer is most of a step
    return objective.net(tail, **(defaults | params)).initialize()


def train(
    tail: Tail,
    objective: Objective,
    train_set: Any,
    valid_set: Any,
    *,
    weights: Sequence[np.ndarray] | None,
    patience: int,
    converged: int | None = None,
    callbacks: Sequence[Any],
    advice: str,
    weight_averaging: float = 1.0,
    reports: Sequence[Any] = (),
    show_progress: bool = False,
    **params: Any,
) -> NeuralNet:
    """Train a tail in place.

    Parameters
    ----------
    tail : Tail
    objective : Objective
        What is minimised.
    train_set : torch.utils.data.Dataset
        With an attribute `y` of targets.
    valid_set : torch.utils.data.Dataset or None
        With one, the training stops after `patience` epochs without a lower loss on it, and the
        weights of the best epoch are kept.
    weights : list of ndarray, or None
        The weights of the images of `train_set`, and of those of `valid_set` if there is one. None:
        all images weigh the same.
    patience : int
    converged : int or None, default=None
        The training stops after so many epochs in which the training loss falls by less than
        `CONVERGED` in all. None: it never does.
    callbacks : list
        For skorch, in addition to those of the recipe. A learning-rate schedule among them
        replaces the recipe's.
    advice : str
        What the user can do if the training diverges.
    weight_averaging : float, default=1.0
        The share of the trained weights in the final ones. The others are those of the start. A
        head that is trained alone is not averaged.
    reports : list, default=()
        Further callbacks of the recipe. They are not copied.
    show_progress : bool, default=False
        Whether to show a progress bar over the epochs.
    **params
        Of the skorch net.

    Returns
    -------
    skorch.NeuralNet

    Raises
    ------
    ValueError
        If the loss or a weight is no longer finite.
    MemoryError
        If a training step does not fit into the device's memory.
    KeyboardInterrupt
        If the user interrupts before there is a best epoch to keep.
    """
    recipe: list[Any] = [
        _score(objective, "train"),
        StopIfDiverged(advice),
        RecordLearningRates(),
        GradientNormClipping(MAX_GRADIENT_NORM),
    ]
    if show_progress:
        recipe.append(ProgressBar())
    if converged is not None:
        stop = EarlyStopping(
            "train_loss", converged, CONVERGED, threshold_mode="abs", load_best=False
        )
        recipe.append(("converged", stop))
    # Copies, since the user's objects would carry over what they saw in one training to the next.
    callbacks, params = copies_of(callbacks), deepcopy(params)
    factor = WarmupCosine()
    if not has_schedule(callbacks):
        recipe.append(LRScheduler(LambdaLR, lr_lambda=factor, step_every="batch"))
    batch_size = params.get("iterator_train__batch_size", params["batch_size"])
    # BatchNorm, which a user's head may have, cannot train on a batch of one image.
    one_is_left = len(train_set) % batch_size == 1
    params = {"iterator_train__shuffle": True, "iterator_train__drop_last": one_is_left} | params
    if valid_set is not None:
        if objective.scores_validation:
            recipe.append(_score(objective, "valid"))
        if weights is not None:
            recipe.append(WeightedValidationLoss(weights[1]))
        recipe.append(EarlyStopping(patience=patience, load_best=True))
        params = {"train_split": predefined_split(valid_set)} | params
    if weights is not None:
        params |= {"iterator_train__shuffle": False}  # the sampler shuffles
        params = {"iterator_train__sampler": DrawByWeight(weights[0])} | params
    net = new_net(tail, objective, callbacks=[*recipe, *callbacks, *reports], **params)
    # The loader knows how many steps an epoch has, whatever `net_params` says about batches.
    factor.n_steps = net.max_epochs * len(net.get_iterator(train_set, training=True))
    on_train, on_valid = weights[0] if weights else None, weights[-1] if weights else None
    safeguard = None if tail.network is None else Safeguard(net, train_set, on_train)
    try:
        # Threads cost more than they save on a head, whose steps take less than a millisecond.
        with one_core() if tail.network is None else nullcontext():
            net.partial_fit(train_set, y=None)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryError(
            f"A training step on {batch_size} images does not fit into the device's memory "
            f"({str(error).splitlines()[0]}). Set a smaller batch_size, or unfreeze fewer layers."
        ) from error
    except KeyError as error:
        if valid_set is None and "valid" in str(error):
            error.add_note("A callback asks for validation scores: set early_stopping=True.")
        raise
    _check_interrupted(net, has_best=valid_set is not None)
    _check_finite(net, train_set, advice)
    if safeguard is not None:
        went_wrong = safeguard.restore_if_worse(net, params["lr"])
        if weight_averaging < 1 and not went_wrong:
            safeguard.average(net, weight_averaging, valid_set, on_valid)
    _release(net)
    return net


@contextmanager
def reproducible(seed: int, device: str) -> Iterator[None]:
    """Make everything that is trained inside depend on `seed` alone; restore the process after.

    The number of threads is fixed as well: it changes the last bits of sums, and the processes of
    a search have fewer threads.
    """
    where = torch.device(device)
    with _ONE_TRAINING:
        python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
        mps = torch.mps.get_rng_state() if where.type == "mps" else None
        try:
            with torch.random.fork_rng(devices=[where] if where.type == "cuda" else []):
                random.seed(seed)
                np.random.seed(seed)  # noqa: NPY002
                _seed_torch(seed, where)
                with cores(n_cores()):
                    yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002
            if mps is not None:
                torch.mps.set_rng_state(mps)


def _seed_torch(seed: int, device: torch.device) -> None:
    """Seed the generators of the CPU and of one device. `torch.manual_seed` seeds all devices."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def _check_finite(net: NeuralNet, train_set: Any, advice: str) -> None:
    """Raise a ValueError if the trained net returns values that are not finite.

    The loss of a batch is computed before its step, so only this check sees the last step.
    """
    outputs, _ = outputs_of(net, few_images(train_set))
    if not torch.isfinite(outputs).all():
        raise ValueError(
            f"The training diverged: outputs after the last epoch are non-finite. {advice}."
        )


def _release(net: NeuralNet) -> None:
    """Drop what only the training needed: held-out images, gradients, the best weights."""
    net.train_split = None
    net.module_.zero_grad(set_to_none=True)
    forget_best_weights(net)


def _check_interrupted(net: NeuralNet, *, has_best: bool) -> None:
    """Raise the KeyboardInterrupt that skorch swallows, unless there is a best epoch to keep.

    Every complete epoch has a learning rate in the history. If the last epoch has one, a callback
    ended the training, not the user.
    """
    history = net.history
    if history and "lr" in history[-1]:
        return
    if not has_best or len(history) < 2:
        raise KeyboardInterrupt("The training was interrupted; the estimator is not fitted.")
    del history[-1]
    warnings.warn(
        f"The training was interrupted after {len(history)} epochs. The weights of the best of "
        "these epochs are kept.",
        stacklevel=7,
    )


def _score(objective: Objective, part: str) -> EpochScoring:
    name = f"{part}_{objective.score_name}"
    on_train = part == "train"
    return EpochScoring(objective.score, name=name, on_train=on_train, lower_is_better=False)
