"""What all estimators share: images in, a backbone, the frozen pass, small pickles."""

import math
import os
from numbers import Integral, Real
from typing import Any

import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from sklearn_tl._utils import Interval, StrOptions, resolve_device, resolve_precision
from sklearn_tl.backbones import Backbone, check_fingerprint, load_backbone
from sklearn_tl.embedding import EMBEDDING, ENGINES, Feature, FrozenPass, resolve_engine
from sklearn_tl.images import CHANNELS, ImageSequence, as_images

POSITIVE = Interval(Integral, 1, None, closed="left")
# The parameters that decide what a fitted estimator computes, as far as this class uses them.
AS_FITTED = ("backbone", "weights", "image_shape", "value_range", "precision")


class BackboneEstimator(BaseEstimator):
    """Base class of estimators that run a backbone over images.

    A subclass has the parameters named in `_parameter_constraints`, and its `fit` calls
    `_begin_fit`. Its pickles do not contain the network.

    Parameters that decide what is computed keep the value that they had in `fit`, until the next
    fit. Parameters that only say where and how fast (`cache`, `batch_size`, `device`, `engine`,
    `n_jobs`, `verbose`) take effect as soon as `set_params` changes them.
    """

    _features: tuple[Feature, ...] = EMBEDDING  # what `frozen_pass` makes unless told otherwise
    _parameter_constraints: dict[str, list] = {
        "backbone": [str, torch.nn.Module, callable],
        "weights": [str, os.PathLike, None],
        "image_size": [POSITIVE, tuple, list, StrOptions({"native"}), None],
        "image_shape": [tuple, list, StrOptions({"strip"}), None],
        "value_range": [tuple, list, None],
        "draft": ["boolean"],
        "cache": [str, os.PathLike, None],
        "batch_size": [POSITIVE],
        "device": [str, torch.device],
        "precision": [StrOptions({"auto", "float32", "bfloat16"})],
        "engine": [StrOptions(set(ENGINES))],
        "verbose": ["verbose"],
    }

    def read_images(self, X: Any) -> ImageSequence:
        """Return `X` as the fitted estimator reads it: with its image shape and value range.

        Parameters
        ----------
        X : images
            In any of the forms that `fit` accepts.

        Returns
        -------
        images : ImageSequence
            The images; none of them is read yet.
        """
        if self._fitted["image_shape"] is not None:
            X = validate_data(self, X, reset=False, allow_nd=True)
        elif hasattr(X, "columns") and hasattr(self, "feature_names_in_"):
            validate_data(self, X, reset=False, skip_check_array=True)
        return self._as_images(X)

    def frozen_pass(self, features: tuple[Feature, ...] | None = None) -> FrozenPass:
        """Return the frozen pass of the fitted estimator.

        Parameters
        ----------
        features : tuple of (layer, pooling), default=None
            The features of the pass. None is those that the estimator uses itself.

        Returns
        -------
        frozen : FrozenPass
            Holds the backbone and the preprocessing, too.
        """
        device = resolve_device(self.device)
        return FrozenPass(
            backbone=self._pretrained(),
            features=self._features if features is None else features,
            preprocessing=self._preprocessing,
            precision=resolve_precision(self._fitted["precision"], device),
            batch_size=self.batch_size,
            device=device,
            engine=resolve_engine(self.engine, device, self._preprocessing.crop),
        )

    def _begin_fit(self, X: Any) -> ImageSequence:
        """Check the parameters and `X`, load the backbone; return the images of `X`."""
        for name in ("n_features_in_", "feature_names_in_", "backbone_fingerprint_", "_backbone"):
            self.__dict__.pop(name, None)
        _check_pair("image_size", self.image_size, Integral, above=0)
        _check_shape(self.image_shape)
        _check_pair("value_range", self.value_range, Real)
        fitted = {name: getattr(self, name) for name in AS_FITTED}
        if isinstance(fitted["weights"], os.PathLike):
            fitted["weights"] = os.fspath(fitted["weights"])
        self._fitted = fitted
        if self.image_shape is not None:
            X = validate_data(self, X, reset=True, allow_nd=True)
        elif hasattr(X, "columns"):  # only to remember the column's name
            validate_data(self, X, reset=True, skip_check_array=True)
        images = self._as_images(X)
        backbone = load_backbone(self.backbone, self.weights)
        self._preprocessing = backbone.preprocessing.at(self.image_size, self.draft)
        self._backbone = backbone
        self.backbone_fingerprint_ = backbone.fingerprint
        return images

    def _as_images(self, X: Any) -> ImageSequence:
        shape, value_range = self._fitted["image_shape"], self._fitted["value_range"]
        return as_images(X, image_shape=shape, value_range=value_range)

    def _pretrained(self) -> Backbone:
        """Return the backbone. After unpickling it is loaded again, and must be the same."""
        if not hasattr(self, "_backbone"):
            weights = self._fitted["weights"]
            backbone = load_backbone(self._fitted["backbone"], weights)
            check_fingerprint(backbone, self.backbone_fingerprint_, weights)
            self._backbone = backbone
        return self._backbone

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())  # a copy: it may be the estimator's own __dict__
        state.pop("_backbone", None)  # loaded again by its name, and verified
        return state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = self.image_shape is not None
        tags.input_tags.three_d_array = self.image_shape is None
        tags.input_tags.string = self.image_shape is None
        return tags


def _check_pair(name: str, value: Any, kind: Any, above: float = -math.inf) -> None:
    if not isinstance(value, tuple | list):  # other types were checked by the constraints
        return
    if (
        len(value) != 2
        or not all(isinstance(x, kind) and math.isfinite(x) and x > above for x in value)
        or (name == "value_range" and value[0] == value[1])
    ):
        expected = {
            "image_size": "a pair (height, width) of positive integers",
            "value_range": "a pair (black, white) of two different numbers",
        }[name]
        raise ValueError(f"{name}={value!r} must be {expected}.")


def _check_shape(image_shape: Any) -> None:
    if not isinstance(image_shape, tuple | list):
        return
    if (
        len(image_shape) not in (2, 3)
        or not all(isinstance(side, Integral) and int(side) > 0 for side in image_shape)
        or (len(image_shape) == 3 and image_shape[2] not in CHANNELS)
    ):
        raise ValueError(
            f"image_shape={image_shape!r} must be (height, width), (height, width, channels) "
            'with 1, 3 or 4 channels, or "strip".'
        )
