"""Frozen layers are unfrozen and trained with a new head, by one of three recipes.

`choose_recipe` returns the recipe for an estimator's parameters. A recipe makes the `Tail` that is
trained and its training data; `train` trains it with skorch; `restore` rebuilds it from the tensors
that training changed.
"""

from sklearn_tl.finetuning.callbacks import ReportEpochs, copies_of
from sklearn_tl.finetuning.heads import ALPHAS, logistic_head, logistic_heads, new_head, ridge_head
from sklearn_tl.finetuning.holdout import check_split, first_split
from sklearn_tl.finetuning.objectives import LOSSES, Objective, of_classes, of_labels, of_numbers
from sklearn_tl.finetuning.rate_finder import find_learning_rate
from sklearn_tl.finetuning.recipes import (
    AbovePrefix,
    HeadAlone,
    Recipe,
    WholeNetwork,
    choose_recipe,
)
from sklearn_tl.finetuning.schedule import learning_rate_groups
from sklearn_tl.finetuning.surgery import changed_tensors, cut_network, restore, tuned_backbone
from sklearn_tl.finetuning.tail import Tail, head_outputs, training_precision
from sklearn_tl.finetuning.training import check_net_params, new_net, reproducible, train
from sklearn_tl.finetuning.warm_start import WarmStart

__all__ = [
    "ALPHAS",
    "LOSSES",
    "AbovePrefix",
    "HeadAlone",
    "Objective",
    "Recipe",
    "ReportEpochs",
    "Tail",
    "WarmStart",
    "WholeNetwork",
    "changed_tensors",
    "check_net_params",
    "check_split",
    "choose_recipe",
    "copies_of",
    "cut_network",
    "find_learning_rate",
    "first_split",
    "head_outputs",
    "learning_rate_groups",
    "logistic_head",
    "logistic_heads",
    "new_head",
    "new_net",
    "of_classes",
    "of_labels",
    "of_numbers",
    "reproducible",
    "restore",
    "ridge_head",
    "train",
    "training_precision",
    "tuned_backbone",
]
