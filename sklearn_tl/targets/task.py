"""The interface of a task, which is all that training and comparisons know of `y`."""

from typing import Protocol, Self

import numpy as np
from sklearn.model_selection import train_test_split


class Task(Protocol):
    """What the targets of a model mean.

    Attributes
    ----------
    name : {"classification", "multilabel", "regression"}
    n_outputs : int
        Number of outputs of a head for this task.
    names : ndarray of shape (n_outputs,) or None
        Names of the outputs, if `y` had them.
    """

    name: str

    @property
    def names(self) -> np.ndarray | None: ...

    @property
    def n_outputs(self) -> int: ...

    def fitted(self, targets: np.ndarray, weight: np.ndarray) -> Self:
        """Return the task with what it learns from the training targets, such as their mean."""

    def encode(self, targets: np.ndarray) -> np.ndarray:
        """Return targets as a network learns them."""

    def predictions(self, outputs: np.ndarray) -> np.ndarray:
        """Return the predictions that the outputs (n_images, n_outputs) of a head stand for."""

    def strata(self, targets: np.ndarray, least: int) -> np.ndarray:
        """Return an integer per image. Each fold should have the same share of each integer.

        No integer stands for fewer than `least` images, except in a classification, whose strata
        are the classes.
        """

    def hold_out(
        self, targets: np.ndarray, fraction: float, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions to train on, and those to validate on.

        Raises
        ------
        ValueError
            If one of the two parts would be too small.
        """


def random_part(
    task: Task, targets: np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Hold out a part of the images of a task that is not a classification."""
    n = len(targets)
    n_valid = int(np.ceil(fraction * n))
    if min(n_valid, n - n_valid) < 2:
        raise ValueError(
            f"validation_fraction={fraction} of {n} images is {n_valid}, but both parts need at "
            f"least two images. Set another validation_fraction, or early_stopping=False."
        )
    # Every stratum is large enough to be in both parts.
    strata = task.strata(targets, int(np.ceil(1 / min(fraction, 1 - fraction))))
    train, valid = train_test_split(
        np.arange(n), test_size=n_valid, stratify=strata, random_state=seed
    )
    return train, valid
