"""Surgery on networks: choosing the layers to train, cutting, and storing what training changed.

Functions on modules and backbones. They know nothing of estimators, images or training loops.
"""

from numbers import Integral

import numpy as np
import torch
from torch import nn

from sklearn_tl.backbones import Backbone, noise
from sklearn_tl.embedding import Feature
from sklearn_tl.finetuning.tail import DROPOUTS, Tail, memory_format

NEXT_TO_NONE = 1e-5  # of all weights
NETWORK, HEAD = "network.", "head."  # how the names of a tail's tensors begin


def layers_to_tune(backbone: Backbone, unfreeze: int | str) -> list[str]:
    """Return the names of the layers that the parameter `unfreeze` stands for, in order."""
    layers = backbone.layers
    if isinstance(unfreeze, str) and unfreeze == "all":
        return layers
    if isinstance(unfreeze, Integral):
        counted = _blocks(backbone)
        if unfreeze > len(counted):
            raise ValueError(
                f"unfreeze={unfreeze}, but {backbone.name} has only {len(counted)} layers with "
                f'weights: {", ".join(counted)}. Use "all" to unfreeze all of them.'
            )
        block = counted[-int(unfreeze)]
        unfreeze = next(name for name in layers if backbone.structure.blocks[name] == block)
    (first,) = backbone.resolve_layers(unfreeze)
    return layers[layers.index(first) :]


def find_boundary(
    backbone: Backbone, tuned: list[str], size: tuple[int, int]
) -> tuple[tuple[Feature, ...], tuple[int, ...]] | None:
    """Find out whether the layers to be trained can be run without those before them.

    Parameters
    ----------
    backbone : Backbone
    tuned : list of str
        From `layers_to_tune`.
    size : (height, width)
        Of the network's input, in pixels.

    Returns
    -------
    (features, shape) or None
        The features of the frozen pass at that place, and their shape for one image. None if
        no layer is frozen, if the trained layers need more than the activation at that place, or
        if the activation takes more memory than the image.
    """
    n_frozen = len(backbone.layers) - len(tuned)
    if n_frozen == 0:
        return None
    last = backbone.layers[n_frozen - 1]
    image = noise(2, backbone.preprocessing.n_channels, *size)
    try:
        with torch.inference_mode():
            activation = backbone.run(image, {last: torch.clone})[last]
    except ValueError:  # not a tensor, or the layer is never run
        return None
    if activation[0].numel() >= image[0].numel():
        return None
    network = cut_network(backbone, tuned, keep_frozen=False)
    try:
        if not agrees(network, activation, backbone, image):
            return None
    except Exception:  # raised by a network whose layers are not a chain
        return None
    return ((last, "flatten"),), tuple(activation.shape[1:])


def check_whole(backbone: Backbone, tuned: list[str], size: tuple[int, int]) -> None:
    """Raise a ValueError unless the network without its classifier returns the embedding."""
    image, cause = noise(2, backbone.preprocessing.n_channels, *size), None
    network = cut_network(backbone, tuned, keep_frozen=True)
    try:
        if agrees(network, image, backbone, image):
            return
    except Exception as error:  # raised by the network
        cause = error
    raise ValueError(
        f"{backbone.name} cannot be trained: an operation after its last linear layer, for example "
        "a softmax, would follow the new head. Remove that operation from the network, or set "
        "unfreeze=None."
    ) from cause


def cut_network(backbone: Backbone, tuned: list[str], *, keep_frozen: bool) -> nn.Module:
    """Copy a backbone for training, without its classifier.

    Parameters
    ----------
    backbone : Backbone
    tuned : list of str
        The layers to train, which are the last ones. Everything after them is trained as well.
    keep_frozen : bool
        Whether the copy contains the layers before `tuned`, frozen. If not, its input is the
        activation in front of `tuned` in place of images: each layer that is left out is replaced
        by one that returns its input.
    """
    frozen = backbone.layers[: len(backbone.layers) - len(tuned)]
    classifier = backbone.classifier_of(backbone.module)
    stand_ins: dict[int, nn.Module] = {}  # deepcopy takes these for copies that it made before
    if isinstance(classifier, nn.Linear):
        stand_ins[id(classifier)] = nn.Identity()
    elif classifier is not None:  # SqueezeNet's would have pooled its input itself
        stand_ins[id(classifier)] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    for layer in map(backbone.module.get_submodule, frozen):
        parts = (part for part in layer.modules() if isinstance(part, DROPOUTS))
        stand_ins |= {id(part): nn.Identity() for part in (parts if keep_frozen else [layer])}
    network = backbone.copy_module(stand_ins).requires_grad_(True)
    if frozen:
        # What begins to run before the first trained layer is frozen. So are tokens and positions,
        # which are parameters of what contains this layer.
        started = backbone.structure.started
        first = min((started[name] for name in tuned), default=len(started))
        for name, part in network.named_modules(remove_duplicate=False):
            if started.get(name, -1) < first:
                _make_constant(part)
    return network.to(memory_format=memory_format(network)).eval()


def agrees(network: nn.Module, x: torch.Tensor, backbone: Backbone, image: torch.Tensor) -> bool:
    """Tell whether a cut network turns `x` into the backbone's embedding of `image`."""
    with torch.inference_mode():
        expected = backbone.run(image.clone(), {None: lambda a: backbone.pool(a, None, "avg")})[
            None
        ]
        found = Tail(network, None, backbone).eval().embed(x)
    return found.shape == expected.shape and torch.allclose(
        found, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max())
    )


def tuned_backbone(backbone: Backbone, tensors: dict[str, np.ndarray]) -> Backbone:
    """Return a copy of a backbone with the tensors from `changed_tensors`."""
    module = backbone.copy_module()
    module.load_state_dict(_as_state(tensors, NETWORK), strict=False)
    return backbone.with_values(f"{backbone.name} (fine-tuned)", module)


def changed_tensors(tail: Tail, backbone: Backbone) -> dict[str, np.ndarray]:
    """Return the tensors of a tail that differ from the backbone's, as arrays."""
    pretrained = backbone.module.state_dict()
    changed = {}
    for name, tensor in tail.state_dict().items():
        tensor = tensor.cpu()
        before = pretrained.get(name.removeprefix(NETWORK))
        if name.startswith(HEAD) or before is None or not torch.equal(tensor, before):
            changed[name] = tensor.contiguous().clone().numpy()
    return changed


def restore(tail: Tail, tensors: dict[str, np.ndarray]) -> None:
    """Load the tensors from `changed_tensors` into a new tail."""
    missing, unexpected = tail.load_state_dict(_as_state(tensors), strict=False)
    wrong = [*unexpected, *(name for name in missing if name.startswith(HEAD))]
    if wrong:
        raise ValueError(
            "The head or the network is not the one that was fitted: its tensors "
            f"{', '.join(wrong)} differ. Restore the code that it was fitted with, or fit again."
        )


def has_weights(module: nn.Module, name: str) -> bool:
    """Tell whether a layer has parameters."""
    return any(True for _ in module.get_submodule(name).parameters())


def _blocks(backbone: Backbone) -> list[str]:
    """Return the blocks that the parameter `unfreeze` counts.

    A norm is part of what it follows, and so is anything else that has next to no weights.
    """
    sizes: dict[str, int] = {}
    for name, block in backbone.structure.blocks.items():
        parts = backbone.module.get_submodule(name).modules()
        weights = (
            tensor.numel()
            for part in parts
            if "norm" not in type(part).__name__.lower()
            for tensor in part.parameters(recurse=False)
        )
        sizes[block] = sizes.get(block, 0) + sum(weights)
    return [block for block, size in sizes.items() if size > NEXT_TO_NONE * sum(sizes.values())]


def _as_state(tensors: dict[str, np.ndarray], prefix: str = "") -> dict[str, torch.Tensor]:
    # Copies, since an array that joblib maps from a file cannot be written.
    return {
        name.removeprefix(prefix): torch.tensor(array)
        for name, array in tensors.items()
        if name.startswith(prefix)
    }


def _make_constant(module: nn.Module) -> None:
    """Turn parameters into buffers, so that no optimizer and no callback finds them."""
    for name, parameter in list(module.named_parameters(recurse=False, remove_duplicate=False)):
        delattr(module, name)
        module.register_buffer(name, parameter.detach().clone())
