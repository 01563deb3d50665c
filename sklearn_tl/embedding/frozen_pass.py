"""The frozen pass: what a row depends on, and how a batch of images becomes rows."""

import hashlib
import itertools
import math
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch

from sklearn_tl._utils import autocast, filled, in_parts_that_fit, kind_of, moved, without_tf32
from sklearn_tl.backbones import Backbone, LayerError, noise, what_to_type
from sklearn_tl.embedding.engines import compile_network
from sklearn_tl.images import Preprocessing

ROWS_VERSION = 6  # raise it with every change of this package that changes rows
# Pixels that one core takes at once; larger chunks are not faster.
CHUNK_PIXELS = {"torch": 4 * 224**2, "openvino": 2 * 224**2}
CHUNK_TOKENS = 800  # of a transformer with large patches, whose matrices would otherwise be small
MAX_COMPILED = 8  # networks per backbone
_COMPILING = threading.Lock()  # two threads would compile the same network twice

Feature = tuple[str | None, str]  # (layer, pooling); the layer None stands for the embedding
EMBEDDING: tuple[Feature, ...] = ((None, "avg"),)


class RowPass(Protocol):
    """What `embed` needs of a pass that makes rows of images."""

    @property
    def preprocessing(self) -> Preprocessing: ...

    @property
    def name(self) -> str: ...

    @property
    def batch_size(self) -> int: ...

    @property
    def on_cpu(self) -> bool: ...

    @property
    def chunk_size(self) -> int: ...

    @property
    def settings(self) -> tuple: ...

    def keys(self) -> list[bytes]: ...

    def lengths(self) -> list[int]: ...

    def prepare(self) -> None: ...

    def compute_rows(self, levels: torch.Tensor) -> np.ndarray: ...


@dataclass(frozen=True)
class FrozenPass:
    """Everything that decides what a row is, and the size of the batches in which rows are made.

    Parameters
    ----------
    backbone : Backbone
    preprocessing : Preprocessing
    features : tuple of (layer, pooling), default=EMBEDDING
        A row holds the features of these layers side by side. The layer None is the embedding.
    precision : {"float32", "bfloat16"}, default="float32"
    batch_size : int, default=32
    device : str, default="cpu"
    engine : {"torch", "openvino"}, default="torch"
    """

    backbone: Backbone
    preprocessing: Preprocessing
    features: tuple[Feature, ...] = EMBEDDING
    precision: str = "float32"
    batch_size: int = 32
    device: str = "cpu"
    engine: str = "torch"

    def keys(self) -> list[bytes]:
        """Return a digest per feature of everything it depends on other than the image."""
        settings = self.settings  # once, because a user's own network is looked at each time
        return [
            hashlib.sha256(repr((*feature, *settings)).encode()).digest()
            for feature in self.features
        ]

    @property
    def settings(self) -> tuple:
        """Everything that all features depend on. Passes with equal settings can be joined."""
        return (
            ROWS_VERSION,
            self.backbone.cache_key,
            self.preprocessing,
            self.precision,
            self.engine,
            kind_of(self.device),  # GPUs round the factors of a convolution
        )

    @property
    def name(self) -> str:
        """The backbone's name."""
        return self.backbone.name

    @property
    def on_cpu(self) -> bool:
        """Whether each core runs a chunk of its own. Other devices run batches."""
        return kind_of(self.device) == "cpu"

    @property
    def chunk_size(self) -> int:
        """How many images go through the network at once."""
        if not self.on_cpu:
            return self.batch_size
        if self.preprocessing.crop is None:  # few images share a shape, and padding is expensive
            return 1
        n_images = CHUNK_PIXELS[self.engine] // math.prod(self.preprocessing.crop)
        n_tokens = self.backbone.structure.n_tokens
        if n_tokens and self.engine == "torch":
            n_images = max(n_images, CHUNK_TOKENS // n_tokens)
        return max(1, min(self.batch_size, n_images))

    def lengths(self) -> list[int]:
        """Return the number of values per feature, found by running one black image."""
        flat = any(pooling == "flatten" for _, pooling in self.features)
        if flat and self.preprocessing.crop_mode == "tiles":
            raise ValueError(
                'With resize_mode="tiles" there are no activation maps, and no pooling="flatten", '
                "since the rows of the tiles of an image are averaged, and their positions differ. "
                'Set resize_mode="pad" or "squash".'
            )
        crop = self.preprocessing.crop or self.backbone.preprocessing.crop
        assert crop is not None  # only an estimator can ask for the images' native sizes
        height, width = crop
        key = ("lengths", self.features, height, width)
        if key not in self.backbone.kept:
            n_channels = self.preprocessing.n_channels
            image = torch.zeros(1, height, width, n_channels, dtype=torch.uint8)
            try:
                with torch.inference_mode():
                    lengths = [part.shape[1] for part in self.forward_layers(image)]
            except LayerError:
                raise
            except Exception as error:  # a network raises anything for images it does not know
                shape = (n_channels, height, width)
                raise ValueError(
                    f"{self.name} cannot process images of {height} x {width} pixels with "
                    f"{n_channels} channels: {error}. "
                    f"{what_to_type(self.backbone.module, shape, error)}"
                ) from error
            self.backbone.kept[key] = lengths
        return self.backbone.kept[key]

    def prepare(self) -> None:
        """Compile the network for `compute_rows` if that pays. Call it from one thread."""
        if self.on_cpu:
            self._compiled()

    def compute_rows(self, levels: torch.Tensor) -> np.ndarray:
        """Run at most `chunk_size` images on the device and engine. Any thread may call this.

        Parameters
        ----------
        levels : Tensor of shape (n_images, height, width, n_channels)
            From `Preprocessing.levels`.

        Returns
        -------
        rows : ndarray of shape (n_images, n_features), float32
        """
        if not self.on_cpu:
            what = ("fits", self.device, self.features, self.precision, levels.shape[1:])
            return np.concatenate(
                in_parts_that_fit(self._rows_by_torch, levels, self.backbone.kept, what)
            )
        batch = filled(levels, self.chunk_size)
        compiled = self._compiled()
        # A compiled network takes float32, in which networks begin anyway: one serves all images.
        rows = compiled(batch.float()) if compiled else self._rows_by_torch(batch)
        return rows[: len(levels)]

    def forward(self, levels: torch.Tensor) -> torch.Tensor:
        """Run a batch in torch, layer by layer; return the features side by side."""
        return torch.cat(self.forward_layers(levels), dim=1)

    def forward_layers(self, levels: torch.Tensor) -> list[torch.Tensor]:
        """Run a batch in torch, layer by layer; return a tensor (n_images, length) per feature."""
        backbone = self.backbone.on(self.device)
        poolings = defaultdict(list)
        for layer, pooling in self.features:
            poolings[layer].append(pooling)

        def pool_all(
            layer: str | None, names: list[str]
        ) -> Callable[[torch.Tensor], dict[str, torch.Tensor]]:
            return lambda a: {name: backbone.pool(a, layer, name) for name in names}

        x = self.preprocessing.normalised(moved(levels, self.device))
        with autocast(self.device, self.precision):
            wanted = {layer: pool_all(layer, names) for layer, names in poolings.items()}
            pooled = backbone.run(x, wanted)
        return [pooled[layer][pooling] for layer, pooling in self.features]

    def _rows_by_torch(self, levels: torch.Tensor) -> np.ndarray:
        with torch.inference_mode(), without_tf32(self.device):
            return self.forward(levels).float().cpu().numpy()

    def _compiled(self) -> Callable[[torch.Tensor], np.ndarray] | None:
        """Return what an engine made of the network, or None if torch runs it layer by layer."""
        if not self._pays_to_compile:
            return None
        kept = self.backbone.kept
        setting = (self.features, self.preprocessing, self.precision, self.engine)
        key = ("compiled", *setting, self.chunk_size)
        with _COMPILING:
            if key not in kept:
                others = [other for other in kept if other[0] == "compiled"]
                for oldest in others[: max(0, len(others) + 1 - MAX_COMPILED)]:
                    del kept[oldest]
                kept[key] = self._compile()
            return kept[key]

    @property
    def _pays_to_compile(self) -> bool:
        """Whether a compiled network does what the network does with any image, and is faster.

        The user's own network may choose its path by what it sees, which a trace cannot. If each
        image has another shape, compiling takes longer than it saves. In bfloat16 a trace saved
        nothing with most networks.
        """
        if self.preprocessing.crop is None:
            return False
        traced = self.backbone.is_stock and self.precision == "float32"
        return self.engine == "openvino" or traced

    def _compile(self) -> Callable[[torch.Tensor], np.ndarray] | None:
        height, width = self.preprocessing.crop  # type: ignore[misc]
        plain = replace(self, precision="float32")  # OpenVINO lowers it by itself
        return compile_network(
            plain.forward,
            (self.chunk_size, height, width, self.preprocessing.n_channels),
            engine=self.engine,
            precision=self.precision,
            name=self.name,
        )


def all_features(frozen: FrozenPass, pooling: str) -> tuple[Feature, ...]:
    """Return the features of all layers, from input to output, and the embedding.

    With "avgmax", the mean and the maximum of a layer are two features. The embedding of many
    networks is the mean of the last layer, and then takes its place. Without "avg" there are only
    the layers, since the embedding has gone through the network's own pooling.
    """
    poolings = ("avg", "max") if pooling == "avgmax" else (pooling,)
    features: list[Feature] = [(n, pooling) for n in frozen.backbone.layers for pooling in poolings]
    if "avg" not in poolings:
        return tuple(features)
    last: Feature = (frozen.backbone.layers[-1], "avg")
    if _are_equal(replace(frozen, features=(last, *EMBEDDING))):
        features[features.index(last)] = EMBEDDING[0]
    else:
        features += EMBEDDING
    return tuple(features)


def lengths_per_layer(frozen: FrozenPass) -> list[int]:
    """Return the number of features per layer. The embedding counts as a part of the last layer."""
    last = frozen.backbone.layers[-1]
    names = [layer or last for layer, _ in frozen.features]
    parts = itertools.groupby(zip(names, frozen.lengths(), strict=True), key=lambda part: part[0])
    return [sum(length for _, length in part) for _, part in parts]


def _are_equal(frozen: FrozenPass) -> bool:
    """Tell whether the two features of a pass are the same for an image of noise."""
    if len(set(frozen.lengths())) > 1:
        return False
    backbone = frozen.backbone
    key = ("are equal", frozen.features)
    if key not in backbone.kept:
        crop = frozen.preprocessing.crop or backbone.preprocessing.crop
        assert crop is not None  # only an estimator can ask for the images' native sizes
        image = noise(1, frozen.preprocessing.n_channels, *crop)
        levels = (image - image.min()) / (image.max() - image.min()) * 255
        plain = replace(frozen, precision="float32", device="cpu")
        with torch.inference_mode():
            one, other = plain.forward_layers(levels.movedim(1, 3).contiguous())
        bound = 1e-4 * float(other.abs().max())
        backbone.kept[key] = torch.allclose(one, other, rtol=0, atol=bound)
    return backbone.kept[key]
