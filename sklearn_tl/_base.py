"""What all estimators share: images in, a backbone, the frozen pass, small pickles."""

import hashlib
import os
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from sklearn_tl._choices import RESIZE_MODES
from sklearn_tl._utils import Interval, StrOptions, resolve_device, resolve_precision
from sklearn_tl.backbones import Backbone, check_fingerprint, load_backbone
from sklearn_tl.embedding import EMBEDDING, ENGINES, Feature, FrozenPass, resolve_engine
from sklearn_tl.images import CONSTRAINTS, ImageSequence, Reading, as_images, say_whose_limit

MOST_KEPT = 64  # images of a training set that a fitted estimator can recognise
MOST_COMPARED = 2000
POSITIVE = Interval(Integral, 1, None, closed="left")
# The parameters that decide what a fitted estimator computes, as far as this class uses them.
AS_FITTED = ("backbone", "weights", "precision", *(n for n in CONSTRAINTS if n != "max_pixels"))


class BackboneEstimator(BaseEstimator):
    """Base class of estimators that run a backbone over images.

    A subclass has the parameters named in `_parameter_constraints`, and its `fit` calls
    `_begin_fit`. Its pickles do not contain the network.

    Parameters that decide what is computed keep the value that they had in `fit`, until the next
    fit. Parameters that only say where and how fast (`cache`, `batch_size`, `device`, `engine`,
    `max_pixels`, `n_jobs`, `verbose`) take effect as soon as `set_params` changes them.
    """

    max_pixels: int | None  # a parameter of all subclasses
    resize_mode: str = "crop"  # of a pickle that is older than this parameter
    _trained_on = np.empty(0, dtype=np.uint64)  # of a model file that is older than this attribute
    _features: tuple[Feature, ...] = EMBEDDING  # what `frozen_pass` makes unless told otherwise
    _parameter_constraints: dict[str, list] = {
        "backbone": [str, torch.nn.Module, callable],
        "weights": [str, os.PathLike, None],
        "image_size": [POSITIVE, tuple, list, StrOptions({"native"}), None],
        "resize_mode": [StrOptions(set(RESIZE_MODES))],
        **CONSTRAINTS,
        "draft": ["boolean"],
        "cache": [str, os.PathLike, None],
        "batch_size": [POSITIVE],
        "device": [str, torch.device],
        "precision": [StrOptions({"auto", "float32", "bfloat16"})],
        "engine": [StrOptions(set(ENGINES))],
        "verbose": ["verbose"],
    }

    def read_images(self, X: Any) -> ImageSequence:
        """Return `X` as the fitted estimator reads it: with its value range, channels and so on.

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

    def count_trained_on(self, images: ImageSequence) -> int:
        """Return how many images are known to be among those that were passed to `fit`.

        A fitted estimator recognises 64 evenly spaced images of its training set: by their paths,
        or by some of their bytes. It looks for them among all images if there are up to 2000, and
        else among 64 evenly spaced ones.

        Parameters
        ----------
        images : ImageSequence
            As `read_images` returns them.

        Returns
        -------
        n_images : int
            0 does not say that there are none.
        """
        n_compared = len(images) if len(images) <= MOST_COMPARED else MOST_KEPT
        return int(np.isin(_keys_of(images, n_compared), self._trained_on).sum())

    def _begin_fit(self, X: Any) -> ImageSequence:
        """Check the parameters and `X`, load the backbone; return the images of `X`."""
        for name in ("n_features_in_", "feature_names_in_", "backbone_fingerprint_", "_backbone"):
            self.__dict__.pop(name, None)
        _check_size(self.image_size)
        _check_resize_mode(self.resize_mode, self.image_size, getattr(self, "unfreeze", None))
        fitted = {name: getattr(self, name) for name in AS_FITTED}
        if isinstance(fitted["weights"], os.PathLike):
            fitted["weights"] = os.fspath(fitted["weights"])
        self._fitted = fitted
        n_channels = self._reading().n_channels
        if self.image_shape is not None:
            X = validate_data(self, X, reset=True, allow_nd=True)
        elif hasattr(X, "columns"):  # only to remember the column's name
            validate_data(self, X, reset=True, skip_check_array=True)
        images = self._as_images(X)
        backbone = load_backbone(self.backbone, self.weights, n_channels)
        preprocessing = backbone.preprocessing.at(self.image_size, self.draft)
        self._preprocessing = preprocessing.resized_by(self.resize_mode)
        self._backbone = backbone.at_size(self._preprocessing.crop)
        self.backbone_fingerprint_ = self._backbone.fingerprint
        self._trained_on = _keys_of(images, MOST_KEPT)
        return images

    def _as_images(self, X: Any) -> ImageSequence:
        return as_images(X, self._reading())

    def _reading(self) -> Reading:
        return Reading.of(self._fitted | {"max_pixels": self.max_pixels})

    def _pretrained(self) -> Backbone:
        """Return the backbone. After unpickling it is loaded again, and must be the same."""
        if not hasattr(self, "_backbone"):
            weights = self._fitted["weights"]
            n_channels = self._reading().n_channels
            backbone = load_backbone(self._fitted["backbone"], weights, n_channels)
            backbone = backbone.at_size(self._preprocessing.crop)
            check_fingerprint(backbone, self.backbone_fingerprint_, weights)
            self._backbone = backbone
        return self._backbone

    def __getstate__(self) -> dict[str, Any]:
        say_whose_limit(self.max_pixels)  # perhaps on the way to another process
        state = dict(super().__getstate__())  # a copy: it may be the estimator's own __dict__
        state.pop("_backbone", None)  # loaded again by its name, and verified
        return state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = self.image_shape is not None
        tags.input_tags.three_d_array = self.image_shape is None
        tags.input_tags.string = self.image_shape is None
        return tags


def _keys_of(images: ImageSequence, n: int) -> np.ndarray:
    """Return numbers (n_keys,) that recognise up to `n` evenly spaced images."""
    if images.is_slow:  # reading its items may take long, or have side effects
        return np.empty(0, dtype=np.uint64)
    positions = np.unique(np.linspace(0, len(images) - 1, min(n, len(images))).astype(int))
    keys = [_key_of(images, i) for i in positions.tolist()]
    return np.array([key for key in keys if key is not None], dtype=np.uint64)


def _key_of(images: ImageSequence, i: int) -> int | None:
    """Return a number that recognises an image, or None if the image cannot be read."""
    path = images.path(i)
    if path is not None:
        data = os.path.abspath(path).encode(errors="surrogateescape")
    else:
        try:
            found = images.contents(i).found
        except (OSError, TypeError, ValueError):  # the pass through the network reports it
            return None
        # A part is enough, and all of a photograph would take milliseconds.
        if isinstance(found, bytes):
            data = found[:: max(1, len(found) // 1024)]
        else:
            height, width = found.array.shape[:2]
            data = found.array[:: max(1, height // 16), :: max(1, width // 16)].tobytes()
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def _check_size(image_size: Any) -> None:
    if not isinstance(image_size, tuple | list):  # other types were checked by the constraints
        return
    if len(image_size) != 2 or not all(isinstance(n, Integral) and int(n) > 0 for n in image_size):
        raise ValueError(
            f"image_size={image_size!r} must be a pair (height, width) of positive integers."
        )


def _check_resize_mode(resize_mode: str, image_size: Any, unfreeze: int | str | None) -> None:
    if resize_mode != "crop" and image_size == "native":
        raise ValueError(
            f'resize_mode="{resize_mode}" needs an image_size, but with image_size="native" each '
            "image keeps its own size and nothing is cropped. Leave one of the two out."
        )
    if resize_mode == "tiles" and unfreeze is not None:
        raise ValueError(
            'With resize_mode="tiles" no layers can be trained, since the tiles of an image have '
            f'one target: got unfreeze={unfreeze!r}. Set resize_mode="pad" or "squash", or '
            "unfreeze=None (in a comparison: name strategies that train no layers)."
        )
