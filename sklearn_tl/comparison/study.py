"""The images of a comparison, with their targets and groups."""

import os
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from sklearn_tl._utils import num_samples, safe_indexing
from sklearn_tl.datasets import groups_from_names
from sklearn_tl.targets import Multiclass, Task, check_groups, read_targets


@dataclass(frozen=True, eq=False)
class Study:
    """The images of a comparison.

    Parameters
    ----------
    X : images
    y : ndarray of shape (n_images,) or (n_images, n_outputs)
        What estimators are fitted on.
    task : Task
    targets : ndarray
        `y` as the task reads it.
    groups : ndarray of shape (n_images,) or None
        Integers. Images of one group belong together.
    kept : ndarray of shape (n_images,)
        The positions of the images in the `X` of the user.
    """

    X: Any
    y: np.ndarray
    task: Task
    targets: np.ndarray
    groups: np.ndarray | None
    kept: np.ndarray

    @classmethod
    def read(cls, X: Any, y: Any, task: str | None, groups: Any) -> Self:
        """Check the targets and the groups, and guess the task if it is None."""
        n_images = num_samples(X)
        read, targets = read_targets(y, n_images, task)
        plain = plain_targets(y, read)
        return cls(X, plain, read, targets, read_groups(groups, X), np.arange(n_images))

    def positions(self, wanted: bool | np.ndarray) -> np.ndarray:
        """Return where the wanted images are, which are named by their place in the user's `X`."""
        everything = np.arange(len(self.y))
        return everything if wanted is True else everything[np.isin(self.kept, wanted)]

    def take(self, positions: np.ndarray) -> Self:
        """Return the study of some of the images."""
        y, task, targets = self.y[positions], self.task, self.targets[positions]
        if isinstance(task, Multiclass):  # a class may be gone
            task, targets = read_targets(y, len(positions), task.name)
        return replace(
            self,
            X=safe_indexing(self.X, positions),
            y=y,
            task=task,
            targets=targets,
            groups=None if self.groups is None else self.groups[positions],
            kept=self.kept[positions],
        )


def plain_targets(y: Any, task: Task) -> np.ndarray:
    """Return targets, which were checked, as an array that estimators are fitted on."""
    if task.name == "classification":
        return np.ravel(y)
    y = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
    return y.astype(int if task.name == "multilabel" else float)


def read_groups(groups: Any, X: Any) -> np.ndarray | None:
    """Return the group of each image as an integer.

    Parameters
    ----------
    groups : array-like of shape (n_images,), str, callable or None
        A pattern or a function is applied to the paths in `X`.
    X : images

    Raises
    ------
    ValueError
        If the groups do not fit to the images.
    """
    if groups is None:
        return None
    n_images = num_samples(X)
    if isinstance(groups, str) or callable(groups):
        paths = paths_in(X)
        if paths is None:
            raise ValueError(
                f"groups={groups!r} is applied to paths, but X does not consist of paths. Pass an "
                "array with one group per image."
            )
        groups = groups_from_names(paths, groups)
    return check_groups(groups, n_images)


def paths_in(X: Any) -> list[str] | None:
    """Return the paths that `X` consists of, or None if it consists of something else."""
    if hasattr(X, "columns") and len(X.columns) == 1:
        X = X.iloc[:, 0]
    if not (isinstance(X, list | tuple) or getattr(X, "dtype", None) is not None):
        return None
    items = X if isinstance(X, list | tuple) else np.asarray(X).ravel()
    if not all(isinstance(item, str | os.PathLike) for item in items):
        return None
    return [os.fspath(item) for item in items]
