"""What both estimators share: images in, a backbone, the frozen pass, small pickles."""

import math
import os
from numbers import Integral, Real

import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from sklearn_tl._utils import Interval, StrOptions, resolve_device, resolve_precision
from sklearn_tl.backbones import check_fingerprint, load_backbone
from sklearn_tl.embedding import EMBEDDING, ENGINES, FrozenPass, resolve_engine
from sklearn_tl.images import CHANNELS, as_images

_POSITIVE = Interval(Integral, 1, None, closed="left")


class BackboneEstimator(BaseEstimator):
    """Base class of estimators that run a backbone over images.

    A subclass has the parameters named in `_parameter_constraints`, calls `_check_images` and
    `_load_backbone` in `fit`, and gets a pickle without the network.
    """

    _features = EMBEDDING  # what `frozen_pass` makes unless told otherwise
    _parameter_constraints = {
        "backbone": [str, torch.nn.Module, callable],
        "weights": [str, os.PathLike, None],
        "image_size": [_POSITIVE, tuple, list, StrOptions({"native"}), None],
        "image_shape": [tuple, list, StrOptions({"strip"}), None],
        "value_range": [tuple, list, None],
        "draft": ["boolean"],
        "cache": [str, os.PathLike, None],
        "batch_size": [_POSITIVE],
        "device": [str, torch.device],
        "precision": [StrOptions({"auto", "float32", "bfloat16"})],
        "engine": [StrOptions(set(ENGINES))],
        "verbose": ["verbose"],
    }

    def read_images(self, X):
        """Return `X` as this estimator reads images, for a fitted one."""
        return self._check_images(X, reset=False)

    def _check_images(self, X, *, reset):
        """Return `X` as an `ImageSequence`; flat rows also pass scikit-learn's own checks."""
        if reset:
            for name in ("n_features_in_", "feature_names_in_"):
                self.__dict__.pop(name, None)
            _check_pair("image_size", self.image_size, Integral, above=0)
            _check_shape(self.image_shape)
            _check_pair("value_range", self.value_range, Real)
        if self.image_shape is not None:
            X = validate_data(self, X, reset=reset, allow_nd=True)
        elif hasattr(X, "columns") and (reset or hasattr(self, "feature_names_in_")):
            validate_data(self, X, reset=reset, skip_check_array=True)  # the column's name
        return as_images(X, image_shape=self.image_shape, value_range=self.value_range)

    def _load_backbone(self):
        """Load the backbone that the parameters name and remember which one it was."""
        self._backbone = load_backbone(self.backbone, self.weights)
        self.backbone_fingerprint_ = self._backbone.fingerprint
        # As fitted, whatever set_params does later.
        self._preprocessing = self._backbone.preprocessing.at(self.image_size, self.draft)
        return self._backbone

    def _pretrained(self):
        """Return the backbone, which after unpickling is loaded again and must be the same."""
        if not hasattr(self, "_backbone"):
            backbone = load_backbone(self.backbone, self.weights)
            check_fingerprint(backbone, self.backbone_fingerprint_, self.weights)
            self._backbone = backbone
        return self._backbone

    def frozen_pass(self, features=None):
        """Return the frozen pass of this estimator, or the one that makes `features`.

        It names the backbone and the preprocessing, too.
        """
        features = self._features if features is None else features
        device = resolve_device(self.device)
        return FrozenPass(
            backbone=self._pretrained(),
            features=features,
            preprocessing=self._preprocessing,
            precision=resolve_precision(self.precision, device),
            batch_size=self.batch_size,
            device=device,
            engine=resolve_engine(self.engine, device, self._preprocessing.crop),
        )

    def __getstate__(self):
        state = super().__getstate__()
        state.pop("_backbone", None)  # named by the parameters, verified when loaded again
        return state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = self.image_shape is not None
        tags.input_tags.three_d_array = self.image_shape is None
        tags.input_tags.string = self.image_shape is None
        return tags


def _check_pair(name, value, kind, above=-math.inf):
    if not isinstance(value, tuple | list):  # other types were checked by the constraints
        return
    if (
        len(value) != 2
        or not all(isinstance(x, kind) and math.isfinite(x) and x > above for x in value)
        or (name == "value_range" and value[0] == value[1])
    ):
        wanted = {
            "image_size": "a pair (height, width) of positive integers",
            "value_range": "a pair (black, white) of two different numbers",
        }[name]
        raise ValueError(f"{name}={value!r} should be {wanted}.")


def _check_shape(image_shape):
    if not isinstance(image_shape, tuple | list):
        return
    if (
        len(image_shape) not in (2, 3)
        or not all(isinstance(side, Integral) and side > 0 for side in image_shape)
        or (len(image_shape) == 3 and image_shape[2] not in CHANNELS)
    ):
        raise ValueError(
            f"image_shape={image_shape!r} should be (height, width), (height, width, channels) "
            'with 1, 3 or 4 channels, or "strip".'
        )
