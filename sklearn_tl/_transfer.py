"""What `TransferClassifier` and `TransferRegressor` share: all layers, one linear model."""

from abc import abstractmethod
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_tl._base import BackboneEstimator
from sklearn_tl._utils import Interval, StrOptions, safe_indexing
from sklearn_tl.embedding import (
    FirstPass,
    all_features,
    embed,
    lengths_per_layer,
    normalize_parts,
)
from sklearn_tl.images import ImageSequence
from sklearn_tl.linear import ALPHAS, DECAYS, LinearModel, Link, fit_linear
from sklearn_tl.targets import (
    Task,
    check_groups,
    check_scored,
    check_weights,
    check_weights_of_fit,
    labels_of,
)

FITTED = (
    *("coef_", "intercept_", "alpha_", "layer_decay_"),
    *("classes_", "temperature_", "target_names_", "_task"),
)


class TransferEstimator(BackboneEstimator):
    """Base class of the estimators that fit a linear model on the features of all layers.

    A subclass says how `y` is read, and what the outputs of the linear model mean.
    """

    layer_decay: float | str
    alpha: float | str
    _parameter_constraints = BackboneEstimator._parameter_constraints | {
        "layer_decay": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})],
        "alpha": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "n_jobs": [Integral, None],
    }
    _task: Task

    def first_pass(self, X: Any) -> FirstPass:
        """Return the frozen pass with which `fit` begins, to fill a cache beforehand.

        Parameters
        ----------
        X : images
            See the notes of the class.

        Returns
        -------
        first : FirstPass
            The images of `X`, the pass, and the cache.
        """
        images = self._begin_fit(X)
        return FirstPass(images, self.frozen_pass(), self.cache)

    @abstractmethod
    def _read_targets(self, y: Any, n_images: int) -> tuple[Task, np.ndarray]:
        """Check `y`; return the task and the targets."""

    @abstractmethod
    def _link(self, targets: np.ndarray, weight: np.ndarray) -> tuple[Link, np.ndarray]:
        """Return what the linear model learns, and the weights of the images in it."""

    def _begin_fit(self, X: Any) -> ImageSequence:
        for name in FITTED:
            self.__dict__.pop(name, None)  # an interrupted fit leaves nothing of an earlier one
        images = super()._begin_fit(X)
        self._features = all_features(self.frozen_pass(), "avgmax")
        return images

    def _fit(self, X: Any, y: Any, sample_weight: Any, groups: Any) -> LinearModel:
        images = self._begin_fit(X)
        y = labels_of(X, y)
        task, targets = self._read_targets(y, len(images))
        weight = check_weights_of_fit(sample_weight, len(images))
        group = None if groups is None else check_groups(groups, len(images))
        if not weight.all():  # an image without weight is as if it were not there
            used = np.flatnonzero(weight)
            images, weight = images.take(used), weight[used]
            group = None if group is None else group[used]
            task, targets = self._read_targets(safe_indexing(y, used), len(used))
        self._task = task.fitted(targets, weight)
        link, weight = self._link(self._task.encode(targets), weight)
        model = fit_linear(
            self._rows(images),
            lengths_per_layer(self.frozen_pass()),
            link,
            weight,
            group,
            decays=DECAYS if isinstance(self.layer_decay, str) else (float(self.layer_decay),),
            alphas=ALPHAS if isinstance(self.alpha, str) else (float(self.alpha),),
        )
        self.layer_decay_ = model.layer_decay
        self.coef_, self.intercept_ = model.coef.T, model.intercept
        if self._task.name != "classification" and self._task.names is not None:
            self.target_names_ = self._task.names
        return model

    def _rows(self, images: ImageSequence) -> np.ndarray:
        """Return the means and the maxima of all layers, each divided by their norm."""
        frozen = self.frozen_pass()
        rows = embed(images, frozen, cache=self.cache, n_jobs=self.n_jobs, verbose=self.verbose)
        normalize_parts(rows, frozen, "l2")
        return rows

    def _outputs(self, X: Any) -> np.ndarray:
        """Return the outputs (n_images, n_outputs) of the linear model, as float64."""
        check_is_fitted(self)
        rows = self._rows(self.read_images(X)).astype(np.float64)
        # Row by row the same sums, whatever the number of images is.
        return np.einsum("if,of->io", rows, self.coef_) + self.intercept_

    def _check_scored(self, X: Any, y: Any, sample_weight: Any) -> np.ndarray | None:
        """Check what `score` gets, as `fit` does, before any image is read; return the weights."""
        check_is_fitted(self)
        n_images = len(self.read_images(X))
        check_scored(self._task, y, n_images)
        return None if sample_weight is None else check_weights(sample_weight, n_images)

    def __sklearn_is_fitted__(self) -> bool:
        return "coef_" in vars(self)
