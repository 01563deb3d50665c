"""The learning-rate range test: how high the rate can be before a training goes wrong."""

import warnings
from copy import deepcopy
from itertools import chain, repeat
from typing import Any

import numpy as np
import torch
from skorch.callbacks import GradientNormClipping

from sklearn_tl._utils import is_out_of_memory
from sklearn_tl.finetuning.objectives import Objective
from sklearn_tl.finetuning.safeguard import Safeguard, outputs_of
from sklearn_tl.finetuning.sampling import DrawByWeight
from sklearn_tl.finetuning.tail import Tail
from sklearn_tl.finetuning.training import MAX_GRADIENT_NORM, new_net, reproducible

DEFAULT_RATE = 3e-4
LOWEST, HIGHEST, STEPS_PER_DECADE = 1e-5, 10.0, 10
# The loss that counts as wrong is above the start's by this share of it, and by this share of the
# loss of a guess: a head that fits its images nearly perfectly has a loss close to zero.
RISE, RISE_OF_GUESS = 0.1, 0.01


def find_learning_rate(
    tail: Tail,
    objective: Objective,
    train_set: Any,
    *,
    weights: np.ndarray | None,
    **params: Any,
) -> float:
    """Return a tenth of the learning rate at which a training goes wrong.

    Parameters
    ----------
    tail : Tail
        It is left as it is, and so are the random generators.
    objective : Objective
        What is minimised.
    train_set : torch.utils.data.Dataset
    weights : ndarray of shape (n_images,), or None
        How often an epoch draws each image. None: each image once.
    **params
        Of the skorch net, with ``lr`` and the parameter groups of the optimizer. Of their rates,
        only the ratios matter.

    Returns
    -------
    lr : float
        Rounded to two digits. `DEFAULT_RATE`, with a warning, if no rate up to `HIGHEST` is wrong.

    Raises
    ------
    MemoryError
        If a training step does not fit into the device's memory.
    """
    try:
        # The training draws the same numbers as one whose rate is given.
        with reproducible(torch.initial_seed(), params["device"]):
            rates, losses, limit = range_test(tail, objective, train_set, weights, params)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryError(
            f'A training step in the search for lr="auto" does not fit into the device\'s memory '
            f"({str(error).splitlines()[0]}). Set a smaller batch_size, or unfreeze fewer layers."
        ) from error
    if not losses or losses[-1] <= limit:
        warnings.warn(
            f'lr="auto" found no learning rate up to {HIGHEST:g} at which the training goes wrong, '
            f"so the rate is {DEFAULT_RATE:g}. Set lr to a number.",
            stacklevel=9,  # where the user calls fit
        )
        return DEFAULT_RATE
    return float(f"{rates[-1] / 10:.1e}")


def range_test(
    tail: Tail,
    objective: Objective,
    train_set: Any,
    weights: np.ndarray | None,
    params: dict[str, Any],
) -> tuple[list[float], list[float], float]:
    """Train a copy of a tail while the rate rises from step to step, until the loss is wrong.

    Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017. The loss is that of
    the same training images after each step, since the losses of small batches differ too much.

    Returns
    -------
    rates, losses : list of float
        One per step. Only the last loss can be above the limit.
    limit : float
    """
    batch_size = params.get("iterator_train__batch_size", params["batch_size"])
    # Batches as in `train`.
    one_is_left = len(train_set) % batch_size == 1
    params = {"iterator_train__shuffle": True, "iterator_train__drop_last": one_is_left} | params
    if weights is not None:
        params |= {"iterator_train__shuffle": False}
        params = {"iterator_train__sampler": DrawByWeight(weights)} | params
    # The callbacks that these would set are not in this net.
    params = {name: p for name, p in params.items() if not name.startswith("callbacks__")}
    params = deepcopy(params) | {"callbacks": [GradientNormClipping(MAX_GRADIENT_NORM)]}
    net = new_net(deepcopy(tail), objective, **params)
    start = Safeguard(net, train_set, weights)
    limit = (1 + RISE) * start.loss + RISE_OF_GUESS * start.loss_of_guess
    groups = net.optimizer_.param_groups
    ratios = [group["lr"] / params["lr"] for group in groups]
    n_steps = round(np.log10(HIGHEST / LOWEST) * STEPS_PER_DECADE) + 1
    batches = chain.from_iterable(repeat(net.get_iterator(train_set, training=True), n_steps))
    rates: list[float] = []
    losses: list[float] = []
    for rate, batch in zip(np.geomspace(LOWEST, HIGHEST, n_steps), batches, strict=False):
        for group, ratio in zip(groups, ratios, strict=True):
            group["lr"] = rate * ratio
        net.train_step(batch)
        outputs, targets = outputs_of(net, start.images)
        with torch.inference_mode():
            loss = net.get_loss(outputs, targets, training=False).mean().item()
        rates.append(float(rate))
        losses.append(loss)
        if not loss <= limit:  # or not a number
            break
    return rates, losses, limit
