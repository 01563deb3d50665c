"""Three recipes: what is trained, on which inputs, and how the fitted model embeds images.

All three have the same interface (`Recipe`), so an estimator is written once for all of them.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from skorch.dataset import Dataset

from sklearn_tl.backbones import Backbone
from sklearn_tl.embedding import EMBEDDING, Feature, FrozenPass, embed
from sklearn_tl.finetuning.augmentation import TrainingImages, as_augmentation
from sklearn_tl.finetuning.surgery import check_whole, cut_network, find_boundary, layers_to_tune
from sklearn_tl.finetuning.tail import Tail, embed_inputs
from sklearn_tl.images import ImageSequence

CHUNK = 2048  # images whose activations are in memory at once in prediction


class Model(Protocol):
    """What a recipe asks of the estimator that it works for."""

    cache: Any
    verbose: int
    augment: Any

    @property
    def net_(self) -> Any: ...

    def frozen_pass(self, features: tuple[Feature, ...] | None = None) -> FrozenPass: ...

    def tuned_backbone(self) -> Backbone: ...


class Recipe(Protocol):
    """What an estimator asks of a recipe.

    Attributes
    ----------
    tuned : list of str
        Names of the layers that are trained. Empty if only the head is.
    features : tuple of (layer, pooling)
        Features of the frozen pass with which the training begins.
    head_c : float
        Inverse regularisation strength that suits a linear head.
    """

    tuned: list[str]
    features: tuple[Feature, ...]
    head_c: float

    def new_tail(self, backbone: Backbone, precision: str) -> Tail:
        """Return the part that is trained, with pretrained weights and without a head."""

    def training_data(
        self, model: Model, tail: Tail, images: list[ImageSequence], targets: list[np.ndarray]
    ) -> tuple[list[Any], np.ndarray]:
        """Return a dataset per part of the images, and the embeddings of the first part."""

    def embeddings(self, model: Model, images: ImageSequence) -> np.ndarray:
        """Return the embeddings (n_images, n_features) of the fitted model, as float32."""


class _OnFrozenRows:
    """Base of the two recipes that train on the rows of a frozen pass."""

    tuned: list[str]
    features: tuple[Feature, ...]
    shape: tuple[int, ...]  # of the features of one image

    def training_data(
        self, model: Model, tail: Tail, images: list[ImageSequence], targets: list[np.ndarray]
    ) -> tuple[list[Any], np.ndarray]:
        inputs = [self._inputs(model, part) for part in images]
        datasets = [Dataset(x, y) for x, y in zip(inputs, targets, strict=True)]
        return datasets, embed_inputs(tail, inputs[0], model.frozen_pass().chunk_size)

    def embeddings(self, model: Model, images: ImageSequence) -> np.ndarray:
        tail, chunk_size, parts = model.net_.module_, model.frozen_pass().chunk_size, []
        for start in range(0, len(images), CHUNK):
            part = images.take(range(start, min(start + CHUNK, len(images))))
            parts.append(embed_inputs(tail, self._inputs(model, part), chunk_size))
        return np.concatenate(parts)

    def _inputs(self, model: Model, images: ImageSequence) -> np.ndarray:
        frozen = model.frozen_pass(self.features)
        rows = embed(images, frozen, cache=model.cache, verbose=model.verbose, large_in_file=True)
        return rows.reshape(len(images), *self.shape)


class HeadAlone(_OnFrozenRows):
    """Only the head is fitted, on the embeddings of the frozen network."""

    head_c = 1.0

    def __init__(self, n_features: int) -> None:
        self.tuned, self.features, self.shape = [], EMBEDDING, (n_features,)

    def new_tail(self, backbone: Backbone, precision: str) -> Tail:
        return Tail(None, None)


class AbovePrefix(_OnFrozenRows):
    """The last layers are trained, on the activation in front of them."""

    head_c = 0.1

    def __init__(
        self, tuned: list[str], features: tuple[Feature, ...], shape: tuple[int, ...]
    ) -> None:
        self.tuned, self.features, self.shape = tuned, features, shape

    def new_tail(self, backbone: Backbone, precision: str) -> Tail:
        network = cut_network(backbone, self.tuned, keep_frozen=False)
        return Tail(network, None, backbone, precision)


class WholeNetwork:
    """The images themselves go through the network in every epoch, frozen layers included."""

    head_c = 0.1
    features = EMBEDDING

    def __init__(self, tuned: list[str]) -> None:
        self.tuned = tuned

    def new_tail(self, backbone: Backbone, precision: str) -> Tail:
        network = cut_network(backbone, self.tuned, keep_frozen=True)
        return Tail(network, None, backbone, precision)

    def training_data(
        self, model: Model, tail: Tail, images: list[ImageSequence], targets: list[np.ndarray]
    ) -> tuple[list[Any], np.ndarray]:
        frozen = model.frozen_pass()
        datasets = [
            TrainingImages(part, y, frozen.preprocessing)
            for part, y in zip(images, targets, strict=True)
        ]
        datasets[0].augment = as_augmentation(model.augment, frozen.preprocessing)
        return datasets, embed(images[0], frozen, cache=model.cache, verbose=model.verbose)

    def embeddings(self, model: Model, images: ImageSequence) -> np.ndarray:
        # In torch, since compiling takes as long as several hundred images.
        frozen = replace(model.frozen_pass(), backbone=model.tuned_backbone(), engine="torch")
        # In memory even if the cache is a file: no other model will ever have these weights.
        cache = None if model.cache is None else "memory"
        return embed(images, frozen, cache=cache, verbose=model.verbose)


def choose_recipe(
    frozen: FrozenPass, unfreeze: int | str | None, augment: str | Callable | None
) -> Recipe:
    """Return the recipe that the parameters of an estimator stand for.

    Parameters
    ----------
    frozen : FrozenPass
        The pass that makes the embedding.
    unfreeze : "all", int, str or None
    augment : "standard", callable or None

    Returns
    -------
    recipe : HeadAlone, AbovePrefix or WholeNetwork
        `HeadAlone` if `unfreeze` is None. `AbovePrefix` if there is no augmentation, if images have
        one size, and if the activation in front of the trained layers is smaller than the image and
        is all that they need. Otherwise `WholeNetwork`.

    Raises
    ------
    ValueError
        If the network has no such layers, or cannot be trained with a new head.
    """
    if unfreeze is None:
        return HeadAlone(sum(frozen.lengths()))
    backbone, crop = frozen.backbone, frozen.preprocessing.crop
    tuned = layers_to_tune(backbone, unfreeze)
    if augment is None and crop is not None:
        boundary = find_boundary(backbone, tuned, crop)
        if boundary is not None:
            return AbovePrefix(tuned, *boundary)
    size = crop or backbone.preprocessing.crop
    assert size is not None  # only an estimator can ask for the images' native sizes
    check_whole(backbone, tuned, size)
    return WholeNetwork(tuned)
