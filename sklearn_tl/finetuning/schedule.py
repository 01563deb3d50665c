"""Learning rates: how they fall from layer to layer, and from step to step."""

import math
from typing import Any

from sklearn_tl.finetuning.surgery import has_weights
from sklearn_tl.finetuning.tail import Tail

WARMUP = 0.1  # share of the steps in which the rates rise


def learning_rate_groups(
    tail: Tail, tuned: list[str], lr: float, decay: float, started: dict[str, int]
) -> list[tuple[str, dict[str, Any]]]:
    """Return skorch's parameter groups, the head first: each earlier layer learns more slowly.

    Howard & Ruder, "Universal Language Model Fine-tuning for Text Classification" (ACL 2018).
    Weights between the last layer and the head learn at the head's rate. Others that belong to no
    layer, such as the tokens and positions of a transformer, learn at the first layer's rate.
    `started` is that of the network's structure.
    """
    groups: list[tuple[str, dict[str, Any]]] = [("head.*", {"lr": lr})]
    if tail.network is None:
        return groups
    weighted = [name for name in tuned if has_weights(tail.network, name)]
    for depth, name in enumerate(reversed(weighted), start=1):
        groups.append((f"network.{name}.*", {"lr": lr * decay**depth}))
    for name, _ in tail.network.named_parameters():
        in_a_layer = any(name.startswith(f"{layer}.") for layer in tuned)
        if not in_a_layer and started.get(name.rpartition(".")[0], -1) < started[tuned[-1]]:
            groups.append((f"network.{name}", {"lr": lr * decay ** len(weighted)}))
    return groups


class WarmupCosine:
    """The factor on the learning rates at each step: a linear rise, then half a cosine wave.

    Attributes
    ----------
    n_steps : int
        Number of steps of the whole training. Set it before the training begins.
    """

    def __init__(self, n_steps: int = 1) -> None:
        self.n_steps = n_steps

    def __call__(self, step: int) -> float:
        n_warmup = max(1, round(WARMUP * self.n_steps))
        if step < n_warmup:
            return (step + 1) / n_warmup
        share = min(1, (step - n_warmup) / max(1, self.n_steps - n_warmup))
        return 0.5 * (1 + math.cos(math.pi * share))
