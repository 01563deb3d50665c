"""A frozen network whose layers have names, with everything that is derived from it."""

import hashlib
import threading
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from sklearn_tl._utils import close_matches, one_core
from sklearn_tl.backbones.code import describe
from sklearn_tl.backbones.fingerprint import fingerprint, probe
from sklearn_tl.backbones.folding import Pair, find_pairs, folded
from sklearn_tl.backbones.pooling import LayerError, activation_of, embedding_of, pool
from sklearn_tl.backbones.replicas import Replicas
from sklearn_tl.backbones.seeding import noise
from sklearn_tl.backbones.sizes import has_a_size, in_words, set_size, sizes_taken
from sklearn_tl.backbones.structure import Structure, has_channels_last_maps, study
from sklearn_tl.images import Preprocessing


class Backbone:
    """A frozen network, its layers in order, and the preprocessing of its weights.

    A backbone is read-only, and all estimators of the process share it. Copy its module before you
    train it.

    Parameters
    ----------
    name : str
    module : torch.nn.Module
        Is changed: it moves to the CPU, to float32, and to evaluation mode. A timm network loses
        its classifier.
    preprocessing : Preprocessing
    source : tuple or None, default=None
        For a network that has a name, a function that loads it again and its arguments except for
        the last one, which is the fingerprint. None for the user's own network.
    structure : Structure or None, default=None
        That of the network, if it is known. None looks for it, which takes a second.

    Attributes
    ----------
    name : str
    module : torch.nn.Module
        In evaluation mode. Do not change it.
    layers : list of str
        The names of the layers that can be requested, from input to output.
    preprocessing : Preprocessing
    structure : Structure
        The classifier, and the order in which all parts run.
    channels_last_maps : bool
        Whether activation maps have the shape (n, height, width, channels).
    fingerprint : str
        A digest of the architecture and of every tensor. For the user's own network the
        architecture is the code that it runs and everything that the code reaches. It is the same
        in every process and on every processor, so estimators remember it in their pickles.
    kept : dict
        Empty at first. Other rooms keep here what they derive from this network (lengths of rows,
        compiled networks, batch sizes that fitted a device), so that it is freed with the network.
        Each copy on another device has its own.
    """

    def __init__(
        self,
        name: str,
        module: nn.Module,
        preprocessing: Preprocessing,
        source: tuple[Callable, *tuple[Any, ...]] | None = None,
        structure: Structure | None = None,
    ) -> None:
        self.name = name
        self.module = module.float().cpu().eval().requires_grad_(False)
        self.preprocessing = preprocessing
        self.structure = structure or study(module, self._input_shape)
        self.layers = self.structure.layers
        self.fingerprint = fingerprint(name if source else describe(module), module)
        self.module.to(memory_format=torch.channels_last)  # the fastest format on CPUs
        self.channels_last_maps = has_channels_last_maps(module)
        self.kept: dict[Any, Any] = {}
        self._source = source
        self._on_cpu = self.module
        self._state: str | None = None  # of the code, when the next line was found
        self._cache_key = ""
        self._copies: dict[str, Backbone] = {}
        self._pairs: list[Pair] | None = None
        self._inference: dict[tuple[Pair, ...], Replicas] = {}
        self._lock = threading.Lock()

    def with_values(self, name: str, module: nn.Module) -> "Backbone":
        """Return the backbone of a copy of this network whose tensors have other values.

        Parameters
        ----------
        name : str
        module : torch.nn.Module
            From `copy_module`, with the same parts.
        """
        other = Backbone(name, module, self.preprocessing, structure=self.structure)
        other._pairs = self._pairs
        return other

    @property
    def is_stock(self) -> bool:
        """Whether the network was loaded by its name."""
        return self._source is not None

    @property
    def cache_key(self) -> str:
        """The part of a cache's keys that stands for this network.

        For a network that has a name this is the fingerprint. For the user's own network it also
        depends on the outputs for one noise image. The code is read again at every access, because
        a notebook can replace a function at any time. The noise image is run at the first access,
        and again if the code has changed, or a global value that it uses. If the network is then
        another one, everything that was derived from the old one is dropped.
        """
        if self.is_stock:
            return self.fingerprint
        with self._lock:
            state = describe(self._on_cpu, state=True)
            if state != self._state:
                outputs = probe(self._on_cpu, self.layers, self._input_shape)
                parts = (self.fingerprint, describe(self._on_cpu), outputs)
                key = hashlib.sha256(repr(parts).encode()).hexdigest()
                if self._state is not None and key != self._cache_key:
                    for derived in (self.kept, self._copies, self._inference):
                        derived.clear()
                    self._pairs = None
                self._state, self._cache_key = state, key
            return self._cache_key

    def run(
        self, x: torch.Tensor, reduce: dict[str | None, Callable[[torch.Tensor], Any]]
    ) -> dict[str | None, Any]:
        """Run the network on a batch, up to the last layer that is requested.

        Parameters
        ----------
        x : Tensor of shape (n, n_channels, height, width)
            On the device of the network.
        reduce : dict of str or None to callable
            For each layer a function of its activation. It is called as soon as the activation is
            there, before a later layer can change it in place. The layer None stands for the
            embedding, which is the input of the classifier.

        Returns
        -------
        dict of str or None to object
            For each layer, the value that its function returned.

        Raises
        ------
        LayerError
            If the network does not pass a layer, or if its activation is not a tensor of 2 to 4
            dimensions.
        """
        found: dict[str | None, Any] = {}
        hooks: list[RemovableHandle] = []

        def keep(name: str | None, output: Any) -> None:
            activation = activation_of(output)
            if activation is None or activation.ndim not in (2, 3, 4):
                shape = tuple(getattr(activation, "shape", ()))
                raise LayerError(
                    f"Expected a tensor of 2 to 4 dimensions from "
                    f"{f'layer {name!r}' if name else 'the output'} of {self.name}, got "
                    f"{type(output).__name__} of shape {shape} instead. Choose another layer: "
                    f"{', '.join(self.layers)}."
                )
            found[name] = reduce[name](activation)
            if len(found) == len(reduce):
                raise _AllFound

        layers = [name for name in reduce if name is not None]
        with self._replicas(layers).one() as module:
            classifier = self.classifier_of(module)
            embeds = self.structure.embeds
            try:
                for name in layers:
                    hooks.append(
                        module.get_submodule(name).register_forward_hook(
                            lambda module, inputs, output, name=name: keep(name, output)
                        )
                    )
                if None in reduce and classifier is not None:
                    hooks.append(
                        classifier.register_forward_pre_hook(
                            lambda module, inputs: keep(None, inputs[0])
                        )
                    )
                if None in reduce and embeds is not None:
                    hooks.append(
                        module.get_submodule(embeds).register_forward_hook(
                            lambda module, inputs, output: keep(None, output)
                        )
                    )
                output = module(x)
                if None in reduce and classifier is None and embeds is None:
                    if not self.structure.started:  # the output may be classes
                        raise LayerError(
                            f"{self.name} could not be run on two noise images, so it is not known "
                            "which part makes classes. Set an image_size that it takes, let it "
                            "take any number of images, or name a layer: "
                            f"{', '.join(self.layers)}."
                        )
                    keep(None, output)
                missed = [name or "the classifier" for name in reduce if name not in found]
                raise LayerError(
                    f"{self.name} ran to its end without passing {', '.join(missed)}. Choose "
                    f"another layer: {', '.join(self.layers)}."
                )
            except _AllFound:
                pass
            finally:
                for hook in hooks:
                    hook.remove()
        return found

    def pool(self, activation: torch.Tensor, layer: str | None, pooling: str) -> torch.Tensor:
        """Reduce an activation of a layer of this network to one vector per image.

        Parameters are as in the function `pool`. The layer None stands for the embedding, which is
        what the network makes of its tokens or maps: a class token, if there is one, or the mean.
        """
        n_prefix = self.structure.n_prefix.get(layer, 0)
        if layer is None and pooling == "avg":
            return embedding_of(activation, self.channels_last_maps, n_prefix)
        return pool(activation, pooling, self.channels_last_maps, n_prefix)

    def classifier_of(self, module: nn.Module) -> nn.Module | None:
        """Return the classifier in a copy of this network, or None if there is none."""
        name = self.structure.classifier
        return None if name is None else module.get_submodule(name)

    @property
    def _input_shape(self) -> tuple[int, int, int]:
        return (self.preprocessing.n_channels, *(self.preprocessing.crop or (224, 224)))

    def _replicas(self, layers: list[str]) -> Replicas:
        """Return the networks that run for these layers, folded if that keeps their outputs."""
        with self._lock:
            if self._pairs is None:
                with one_core():
                    self._pairs = find_pairs(self.module, self._noise())
            # The output of a layer that ends in a convolution must stay what it is.
            pairs = [
                (conv, norm)
                for conv, norm in self._pairs
                if not any(_is_in(conv, layer) and not _is_in(norm, layer) for layer in layers)
            ]
            key = tuple(pairs)
            if key not in self._inference:
                with one_core():
                    self._inference[key] = Replicas(folded(self.module, pairs, self._noise()))
            return self._inference[key]

    def _noise(self) -> torch.Tensor:
        """Return one noise image on the device of the network."""
        device = next(self.module.parameters(), torch.empty(0)).device
        return noise(1, *self._input_shape).to(device)

    def on(self, device: str | torch.device) -> "Backbone":
        """Return this backbone on a device. Copies on other devices than the CPU are kept here."""
        if torch.device(device).type == "cpu":
            return self
        with self._lock:
            if str(device) not in self._copies:
                twin = object.__new__(Backbone)  # copy.copy would return the shared one
                twin.__dict__.update(self.__dict__)
                twin.module = self.copy_module().to(device)
                twin.kept, twin._copies, twin._inference = {}, {}, {}
                twin._lock = threading.Lock()
                self._copies[str(device)] = twin
            return self._copies[str(device)]

    def at_size(self, size: tuple[int, int] | None) -> "Backbone":
        """Return this backbone for images of another size, if that makes a difference.

        The positions of a timm transformer are resampled. A network that does not run on images of
        its own size is looked at again.

        Parameters
        ----------
        size : (height, width) or None
            None stands for the native size of each image.

        Returns
        -------
        Backbone
            This one for its own size, and for networks that take other sizes as they are.

        Raises
        ------
        ValueError
            If the network cannot take images of this size.
        """
        own = self.preprocessing.crop
        if size is None or own is None or size == own:
            return self
        can_change = has_a_size(self.module)
        if self.structure.started and not can_change:
            return self  # it was seen to run
        with self._lock:
            key = f"{size}"
            if key not in self._copies:
                module, cause = self.copy_module(), None
                try:
                    set_size(module, size)
                except ValueError as error:
                    cause = error
                preprocessing = self.preprocessing.at(size, self.preprocessing.draft)
                source = None if self._source is None else (*self._source, size)
                other = Backbone(self.name, module, preprocessing, source)
                if cause or (can_change and not other.structure.started):
                    sizes = sizes_taken(self.module, self.preprocessing.n_channels) or [own[0]]
                    raise ValueError(
                        f"{self.name} cannot process images of {size[0]} x {size[1]} pixels. "
                        f"{in_words(sizes, max(size))}"
                    ) from cause
                self._copies[key] = other
            return self._copies[key]

    def copy_module(self, memo: dict[int, Any] | None = None) -> nn.Module:
        """Return a copy of the network that may be changed.

        Parameters
        ----------
        memo : dict or None, default=None
            As in `copy.deepcopy`: replacements of parts by their `id`.
        """
        return deepcopy(self.module, memo).eval()  # what torch.fx made would be in training mode

    def resolve_layers(self, layer: Any) -> tuple[str, ...]:
        """Return the names that the parameter `layer` stands for.

        Parameters
        ----------
        layer : str, sequence of str or None
            None stands for the embedding, for which the result is empty.

        Raises
        ------
        ValueError
            If there is no such layer, or if a name comes twice.
        """
        names = () if layer is None else (layer,) if isinstance(layer, str) else tuple(layer)
        if layer is not None and len(set(names)) < max(1, len(names)):
            raise ValueError(
                f"layer={layer!r} must be one name, several different names, or None for the "
                f"embedding. The layers of {self.name} are {', '.join(self.layers)}."
            )
        for name in names:
            if name not in self.layers:
                raise ValueError(
                    f"{self.name} has no layer {name!r}.{close_matches(name, self.layers)} "
                    f"Its layers are {', '.join(self.layers)}."
                )
        return names

    def __reduce__(self) -> tuple:
        if self._source:
            reload, *names = self._source
            return reload, (*names, self.fingerprint)
        return Backbone, (self.name, self.module, self.preprocessing)


def _is_in(name: str, layer: str) -> bool:
    """Tell whether a part is a layer or lies in it."""
    return f"{name}.".startswith(f"{layer}.")


class _AllFound(Exception):
    """Stops a forward pass as soon as all requested layers are found."""


def check_fingerprint(backbone: Backbone, fingerprint: str, weights: Any) -> None:
    """Raise a ValueError unless a backbone has this fingerprint."""
    if backbone.fingerprint != fingerprint:
        raise ValueError(
            f"This was fitted on {backbone.name} with weights={weights!r} and the fingerprint "
            f"{fingerprint[:16]}…, but the network that loads now has the fingerprint "
            f"{backbone.fingerprint[:16]}…: its weights, or the code of your own network, have "
            "changed. Bring back the old weights or code, or fit again."
        )
