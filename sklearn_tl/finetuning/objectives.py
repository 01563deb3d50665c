"""What training minimises for each task, and which skorch net and score go with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet, NeuralNetClassifier, NeuralNetRegressor
from torch import nn

LOSSES = {"squared_error": nn.MSELoss, "huber": nn.HuberLoss}


@dataclass(frozen=True)
class Objective:
    """The net of a task.

    Parameters
    ----------
    net : type
        A class of skorch.
    settings : dict
        Parameters of the net, which a user may replace.
    score : str or callable
        A score of scikit-learn, or a function (net, X, y).
    score_name : str
        The end of the score's name in the history, such as "acc" in "train_acc".
    criterion_settings : dict
        Parameters that belong to the criterion in `settings`, and to no other.
    """

    net: type[NeuralNet]
    settings: Mapping[str, Any]
    score: Any
    score_name: str
    criterion_settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scores_validation(self) -> bool:
        """Whether the score of held-out images must be asked for: skorch's classifier has it."""
        return self.net is not NeuralNetClassifier


def of_classes(n_classes: int) -> Objective:
    """Return the objective of a classification with one class per image."""
    settings = {"criterion": nn.CrossEntropyLoss, "classes": np.arange(n_classes)}
    return Objective(NeuralNetClassifier, settings, "accuracy", "acc")


def of_labels(class_weights: np.ndarray) -> Objective:
    """Return the objective of a classification with several labels per image.

    Parameters
    ----------
    class_weights : ndarray of shape (n_labels, 2)
        The weights of images without and with each label.
    """
    settings = {"criterion": nn.BCEWithLogitsLoss, "predict_nonlinearity": torch.sigmoid}
    without, with_label = torch.from_numpy(class_weights).float().T
    weights = {"criterion__weight": without, "criterion__pos_weight": with_label / without}
    return Objective(NeuralNet, settings, share_of_right_labels, "acc", weights)


def of_numbers(loss: str) -> Objective:
    """Return the objective of a regression, whose targets are standardised.

    Parameters
    ----------
    loss : {"squared_error", "huber"}
        Huber's loss is linear from one standard deviation of the targets on.
    """
    return Objective(NeuralNetRegressor, {"criterion": LOSSES[loss]}, "r2", "r2")


def share_of_right_labels(net: NeuralNet, X: Any, y: Any) -> float:
    """Return the share of the labels, over all images, that a net predicts as they are."""
    return float(np.mean((net.predict_proba(X) > 0.5) == (np.asarray(y) > 0.5)))
