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
from sklearn_tl.backbones.folding import folded
from sklearn_tl.backbones.replicas import Replicas
from sklearn_tl.backbones.seeding import noise
from sklearn_tl.backbones.structure import (
    find_classifier,
    has_channels_last_maps,
    layer_names,
)
from sklearn_tl.images import Preprocessing


class Backbone:
    """A frozen network, its layers in order, and the preprocessing of its weights.

    A backbone is read-only, and all estimators of the process share it. Copy its module before you
    train it.

    Parameters
    ----------
    name : str
    module : torch.nn.Module
        Is changed: it moves to the CPU, to float32, and to evaluation mode.
    preprocessing : Preprocessing
    source : tuple or None, default=None
        For a network that has a name, a function that loads it again and its arguments except for
        the last one, which is the fingerprint. None for the user's own network.

    Attributes
    ----------
    name : str
    module : torch.nn.Module
        In evaluation mode. Do not change it.
    layers : list of str
        The names of the layers that can be requested, from input to output.
    preprocessing : Preprocessing
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
    ) -> None:
        self.name = name
        self.module = module.float().cpu().eval().requires_grad_(False)
        self.preprocessing = preprocessing
        self.layers = layer_names(module)
        self.fingerprint = fingerprint(name if source else describe(module), module)
        self.module.to(memory_format=torch.channels_last)  # the fastest format on CPUs
        self.channels_last_maps = has_channels_last_maps(module)
        self.kept: dict[Any, Any] = {}
        self._source = source
        self._on_cpu = self.module
        self._state: str | None = None  # of the code, when the next line was found
        self._cache_key = ""
        self._copies: dict[str, Backbone] = {}
        self._inference: dict[tuple[str, ...], Replicas] = {}
        self._lock = threading.Lock()

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
                size = self.preprocessing.crop or (224, 224)
                outputs = probe(self._on_cpu, self.layers, (self.preprocessing.n_channels, *size))
                parts = (self.fingerprint, describe(self._on_cpu), outputs)
                key = hashlib.sha256(repr(parts).encode()).hexdigest()
                if self._state is not None and key != self._cache_key:
                    for derived in (self.kept, self._copies, self._inference):
                        derived.clear()
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
        ValueError
            If the network does not pass a layer, or if its activation is not a tensor of 2 to 4
            dimensions.
        """
        found: dict[str | None, Any] = {}
        hooks: list[RemovableHandle] = []

        def keep(name: str | None, activation: Any) -> None:
            if not isinstance(activation, torch.Tensor) or activation.ndim not in (2, 3, 4):
                shape = tuple(getattr(activation, "shape", ()))
                raise ValueError(
                    f"Expected a tensor of 2 to 4 dimensions from "
                    f"{f'layer {name!r}' if name else 'the output'} of {self.name}, got "
                    f"{type(activation).__name__} of shape {shape} instead. Choose another layer: "
                    f"{', '.join(self.layers)}."
                )
            found[name] = reduce[name](activation)
            if len(found) == len(reduce):
                raise _AllFound

        layers = [name for name in reduce if name is not None]
        with self._replicas(layers).one() as module:
            classifier = find_classifier(module)
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
                output = module(x)
                if None in reduce and classifier is None:
                    keep(None, output)
                missed = [name or "the classifier" for name in reduce if name not in found]
                raise ValueError(
                    f"{self.name} ran to its end without passing {', '.join(missed)}. Choose "
                    f"another layer: {', '.join(self.layers)}."
                )
            except _AllFound:
                pass
            finally:
                for hook in hooks:
                    hook.remove()
        return found

    def _replicas(self, layers: list[str]) -> Replicas:
        """Return the networks that run for these layers, folded if that keeps their outputs."""
        modules = {name: self.module.get_submodule(name) for name in layers}
        keep = tuple(name for name, module in modules.items() if isinstance(module, nn.Conv2d))
        with self._lock:
            if keep not in self._inference:
                device = next(self.module.parameters(), torch.empty(0)).device
                size = self.preprocessing.crop or (224, 224)
                with one_core():
                    image = noise(1, self.preprocessing.n_channels, *size).to(device)
                    network = folded(self.module, image, keep)
                self._inference[keep] = Replicas(network)
            return self._inference[keep]

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

    def copy_module(self, memo: dict[int, Any] | None = None) -> nn.Module:
        """Return a copy of the network that may be changed.

        Parameters
        ----------
        memo : dict or None, default=None
            As in `copy.deepcopy`: replacements of parts by their `id`.
        """
        return deepcopy(self.module, memo)

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
