"""Pretrained networks: a name, a module or a factory becomes a `Backbone`.

A `Backbone` is read-only and shared by all estimators of the process; whoever wants to train one
copies its module first.
"""

import copy
import hashlib
import threading
from functools import lru_cache

import torch
from torch import nn

from sklearn_tl._utils import close_matches
from sklearn_tl.backbones.folding import Replicas, folded, noise
from sklearn_tl.backbones.structure import (
    describe,
    find_classifier,
    has_channels_last_maps,
    layer_names,
)


class Backbone:
    """A frozen network, its layers in order, and the preprocessing that its weights want.

    Attributes
    ----------
    name : str
    module : torch.nn.Module
        In evaluation mode; not to be changed.
    layers : list of str
        Names of the layers that can be asked for, from the input to the output.
    preprocessing : Preprocessing
    fingerprint : str
        Digest of the architecture and of every weight.
    kept : dict
        Empty at first. Other rooms keep here what they derive from this network (lengths of rows,
        compiled networks, batch sizes that fitted a device), so that it is freed with the network.
        Each copy on another device has its own.
    """

    def __init__(self, name, module, preprocessing, source=None):
        self.name = name
        self.module = module.float().cpu().eval().requires_grad_(False)
        self.preprocessing = preprocessing
        self.layers = layer_names(module)
        self.fingerprint = _fingerprint(name if source else describe(module), module)
        self.module.to(memory_format=torch.channels_last)  # what CPUs convolve fastest
        self.channels_last_maps = has_channels_last_maps(module)
        self._source = source  # what a named network is loaded from again
        self.kept = {}
        self.row_lengths = {}  # a note for `FrozenPass.lengths`
        self.batch_sizes = {}  # and one for `FrozenPass.rows`: what fitted a device's memory
        self._inference = {}  # what runs in place of the module
        self._lock = threading.Lock()

    def run(self, x, reduce):
        """Run the network on a batch up to the last layer that is asked for.

        Parameters
        ----------
        x : Tensor of shape (n, 3, height, width)
        reduce : dict of str or None to callable
            For each layer what is applied to its activation as soon as it is there, before a later
            layer that works in place can change it. The layer None stands for the embedding, which
            is what the classifier would get.

        Returns
        -------
        dict of what `reduce` returned for each layer
        """
        found, hooks = {}, []

        def keep(name, activation):
            if not isinstance(activation, torch.Tensor) or activation.ndim not in (2, 3, 4):
                raise ValueError(
                    f"{name or 'The output'} of {self.name} is {type(activation).__name__} of "
                    f"shape {tuple(getattr(activation, 'shape', ()))}, from which no embedding "
                    f"can be made. Choose another layer: {', '.join(self.layers)}."
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
                missed = [name or "classifier" for name in reduce if name not in found]
                raise ValueError(
                    f"{self.name} was run to its end without passing {', '.join(missed)}. "
                    "Choose another layer."
                )
            except _AllFound:
                pass
            finally:
                for hook in hooks:
                    hook.remove()
        return found

    def _replicas(self, layers):
        """Return the networks to run for these layers, folded where that keeps their outputs."""
        modules = {name: self.module.get_submodule(name) for name in layers}
        keep = tuple(name for name, module in modules.items() if isinstance(module, nn.Conv2d))
        with self._lock:
            if keep not in self._inference:
                device = next(self.module.parameters(), torch.empty(0)).device
                image = noise(1, 3, *self.preprocessing.crop).to(device)
                self._inference[keep] = Replicas(folded(self.module, image, keep))
            return self._inference[keep]

    @property
    def is_stock(self):
        """Whether it came by a name, from a library."""
        return self._source is not None

    def on(self, device):
        """Return this backbone on a device; the shared one stays on the CPU."""
        if torch.device(device).type == "cpu":
            return self
        return _copy_to(self, str(device))

    def copy_module(self, memo=None):
        """Return a copy of the network to change; `memo` is that of `copy.deepcopy`."""
        return copy.deepcopy(self.module, memo)

    def resolve_layers(self, layer):
        """Return the names that the parameter `layer` stands for, or an error with close ones."""
        names = () if layer is None else (layer,) if isinstance(layer, str) else tuple(layer)
        if layer is not None and len(set(names)) < max(1, len(names)):
            raise ValueError(
                f"layer={layer!r} should be one name, several different ones, or None for the "
                f"embedding. The layers of {self.name} are {', '.join(self.layers)}."
            )
        for name in names:
            if name not in self.layers:
                raise ValueError(
                    f"{self.name} has no layer {name!r}.{close_matches(name, self.layers)} "
                    f"Its layers are {', '.join(self.layers)}."
                )
        return names

    def __reduce__(self):
        if self._source:
            reload, *names = self._source
            return reload, (*names, self.fingerprint)
        return Backbone, (self.name, self.module, self.preprocessing)


class _AllFound(Exception):
    """Stops a forward pass whose remaining layers nobody asked for."""


@lru_cache(maxsize=4)
def _copy_to(backbone, device):
    twin = object.__new__(Backbone)  # copy.copy would find the shared one again
    twin.__dict__.update(backbone.__dict__)
    twin.module = backbone.copy_module().to(device)
    twin.kept = {}
    twin._inference, twin._lock = {}, threading.Lock()
    return twin


def _fingerprint(architecture, module):
    digest = hashlib.sha256(architecture.encode())
    # Not the state dict, which leaves out buffers that are not persistent.
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        tensor = tensor.detach().contiguous().reshape(-1)
        digest.update(tensor.view(torch.uint8).numpy())
    return digest.hexdigest()


def check_fingerprint(backbone, fingerprint, weights):
    """Raise unless a backbone is bit for bit the one with this fingerprint."""
    if backbone.fingerprint != fingerprint:
        raise ValueError(
            f"This was fitted on {backbone.name} with weights={weights!r} and fingerprint "
            f"{fingerprint[:16]}…, but what loads under that name now has "
            f"{backbone.fingerprint[:16]}…: the weights, or the code of a network of your own, "
            "changed since. Bring back those of then, or fit again."
        )
