"""Surgery on networks: what is cut off and put on, what may change, and how fast.

Functions on modules; nothing here knows of estimators, of images or of training loops.
"""

from numbers import Integral

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from sklearn_tl._utils import (
    autocast,
    filled,
    in_parts_that_fit,
    kind_of,
    moved,
    on_each_core,
    one_core,
)
from sklearn_tl.backbones import Backbone, Replicas, find_classifier, noise, pool


class Tail(nn.Module):
    """The part of a network that is trained, with a head for the classes at hand.

    The network stays in evaluation mode but for the dropout of its trained layers: the statistics
    of BatchNorm were gathered over a million images, and a few small batches would only spoil them.

    Parameters
    ----------
    network : torch.nn.Module or None
        A copy of a backbone without its classifier, from `cut_network`. None: the head alone.
    head : torch.nn.Module
        Takes embeddings (n, n_features) and returns logits (n, n_classes).
    channels_last_maps : bool, default=False
        Whether the network's own activation maps are channels last.
    precision : {"float32", "bfloat16"}, default="float32"
        In which the network computes. The head and the loss are always in float32.
    """

    def __init__(self, network, head, channels_last_maps=False, precision="float32"):
        super().__init__()
        self.network = network
        self.head = head
        self.channels_last_maps = channels_last_maps
        self.precision = precision

    def embed(self, x):
        """Return the embeddings (n, n_features) of a batch."""
        if self.network is None:
            return x
        if x.ndim == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        with autocast(x.device, self.precision):
            return pool(self.network(x), "avg", self.channels_last_maps).float()

    def forward(self, x):
        return self.head(self.embed(x))

    def train(self, mode=True):
        super().train(mode)
        for module in () if self.network is None else self.network.modules():
            module.training = mode and isinstance(module, _DropoutNd)
        return self


def layers_to_tune(backbone, unfreeze):
    """Return the names of the layers that the parameter `unfreeze` sets free, in order."""
    layers = backbone.layers
    if isinstance(unfreeze, str) and unfreeze == "all":
        return layers
    if isinstance(unfreeze, Integral):
        weighty = [name for name in layers if _has_weights(backbone.module, name)]
        if unfreeze > len(weighty):
            raise ValueError(
                f"unfreeze={unfreeze}, but {backbone.name} has {len(weighty)} layers with weights: "
                f'{", ".join(weighty)}. "all" sets all of them free.'
            )
        unfreeze = weighty[-unfreeze]  # layers without weights, poolings say, do not count
    (first,) = backbone.resolve_layers(unfreeze)
    return layers[layers.index(first) :]


def find_boundary(backbone, tuned, size):
    """Find out whether the layers to be tuned can be run without those before them.

    Parameters
    ----------
    backbone : Backbone
    tuned : list of str
        From `layers_to_tune`.
    size : (height, width)
        Of the network's input.

    Returns
    -------
    (features, shape) or None
        What the frozen pass makes there, and the shape of it for one image. None where
        nothing is frozen, where more than its activation flows into the tuned ones, or where that
        takes more memory than the image.
    """
    n_frozen = len(backbone.layers) - len(tuned)
    if n_frozen == 0:
        return None
    last = backbone.layers[n_frozen - 1]
    image = noise(2, 3, *size)
    try:
        with torch.inference_mode():
            activation = backbone.run(image, {last: torch.clone})[last]
    except ValueError:  # no tensor, or not passed at all
        return None
    if activation[0].numel() >= image[0].numel():
        return None
    network = cut_network(backbone, tuned, keep_frozen=False)
    try:
        if not agrees(network, activation, backbone, image):
            return None
    except Exception:  # of the network, whose layers are no chain
        return None
    return ((last, "flatten"),), tuple(activation.shape[1:])


def check_whole(backbone, tuned, size):
    """Raise unless the network without its classifier returns the embedding."""
    image, cause = noise(2, 3, *size), None
    network = cut_network(backbone, tuned, keep_frozen=True)
    try:
        if agrees(network, image, backbone, image):
            return
    except Exception as error:  # of the network
        cause = error
    raise ValueError(
        f"{backbone.name} cannot be trained: something that follows its last linear layer (a "
        "softmax, say) stays in the way of a new head. Leave that out of the network, or take "
        "unfreeze=None."
    ) from cause


def cut_network(backbone, tuned, *, keep_frozen):
    """Copy a backbone for training, without its classifier.

    Parameters
    ----------
    backbone : Backbone
    tuned : list of str
        The layers to train, which are the last ones. What lies behind them is trained, too.
    keep_frozen : bool
        Whether the layers before `tuned` are part of the copy, frozen. Where not, the copy takes
        the activation in front of `tuned` for its input, in place of images: a layer that hands
        on what it gets stands in for each that is left out.
    """
    frozen = backbone.layers[: len(backbone.layers) - len(tuned)]
    classifier = find_classifier(backbone.module)
    stand_ins = {}  # deepcopy takes these for copies that it has made already
    if isinstance(classifier, nn.Linear):
        stand_ins[id(classifier)] = nn.Identity()
    elif classifier is not None:  # SqueezeNet's would have pooled its input itself
        stand_ins[id(classifier)] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    for layer in map(backbone.module.get_submodule, frozen):
        parts = (part for part in layer.modules() if isinstance(part, _DropoutNd))
        stand_ins |= {id(part): nn.Identity() for part in (parts if keep_frozen else [layer])}
    network = backbone.copy_module(stand_ins).requires_grad_(True)
    if frozen:
        _make_constant(network)  # what is in no layer: a transformer's tokens and positions
        for name in frozen:
            for part in network.get_submodule(name).modules():
                _make_constant(part)
    return network.eval()


def agrees(network, x, backbone, image):
    """Whether a network of `cut_network` makes of `x` what the backbone makes of the image."""
    with torch.inference_mode():
        maps = backbone.channels_last_maps
        wanted = backbone.run(image.clone(), {None: lambda a: pool(a, "avg", maps)})[None]
        got = Tail(network, None, maps).embed(x)
    return got.shape == wanted.shape and torch.allclose(
        got, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max())
    )


def tuned_backbone(backbone, tensors):
    """Return a copy of a backbone in which the tensors of a `changed_state` stand."""
    module = backbone.copy_module()
    network = "network."
    module.load_state_dict(
        {k.removeprefix(network): v for k, v in tensors.items() if k.startswith(network)},
        strict=False,
    )
    return Backbone(f"{backbone.name} (fine-tuned)", module, backbone.preprocessing)


def changed_state(tail, backbone):
    """Return the tensors of a tail that are not the backbone's, on the CPU."""
    pretrained = backbone.module.state_dict()
    changed = {}
    for name, tensor in tail.state_dict().items():
        tensor = tensor.cpu()
        before = pretrained.get(name.removeprefix("network."))
        if name.startswith("head.") or before is None or not torch.equal(tensor, before):
            changed[name] = tensor.contiguous().clone()
    return changed


def restore(tail, tensors):
    """Load the tensors of a `changed_state` into a tail that was made anew."""
    missing, unexpected = tail.load_state_dict(tensors, strict=False)
    wrong = [*unexpected, *(name for name in missing if name.startswith("head."))]
    if wrong:
        raise ValueError(
            f"The head or the network is another than when this was fitted ({', '.join(wrong)}). "
            "Bring back the code of then, or fit again."
        )


def linear_head(rows, codes, *, C, class_weight):
    """Return a linear layer that is a logistic regression fitted on `rows`.

    Kumar et al., "Fine-Tuning can Distort Pretrained Features" (ICLR 2022): a head that is right
    from the start does not drive good layers apart in the first epochs.
    """
    # The number of BLAS threads would show in the last bits.
    with threadpool_limits(1, user_api="blas"):
        regression = LogisticRegression(C=C, class_weight=class_weight, max_iter=1000)
        regression.fit(rows, codes)
    weight, bias = regression.coef_, regression.intercept_
    if len(weight) == 1:  # two classes: half of the logit for the one, half against the other
        weight, bias = np.vstack([-weight, weight]) / 2, np.hstack([-bias, bias]) / 2
    head = nn.Linear(weight.shape[1], len(weight))
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(bias))
    return head


def check_head(head, n_features, n_classes):
    """Raise unless a factory's head turns embeddings into one logit a class."""
    if not isinstance(head, nn.Module):
        raise TypeError(
            f"The head factory returned {type(head).__name__}, but should return a torch.nn.Module."
        )
    with torch.no_grad():
        shape = tuple(head.eval()(torch.zeros(2, n_features)).shape)
    if shape != (2, n_classes):
        raise ValueError(
            f"The head makes of embeddings of shape (2, {n_features}) an output of shape {shape}, "
            f"but logits for {n_classes} classes are (2, {n_classes})."
        )


def embed_rows(tail, x, chunk_size):
    """Return the embeddings (n, n_features) of the inputs of a tail, as a float32 array."""
    device = next(tail.parameters(), torch.empty(0)).device
    tails, batch_sizes = Replicas(tail.eval()), {}

    def run(batch):
        with torch.inference_mode(), tails.one() as tail:
            # A copy, since a network may work in place.
            return tail.embed(moved(batch.clone(), device)).cpu()

    batches = torch.from_numpy(x).split(chunk_size)
    if kind_of(device) == "cpu":
        parts = on_each_core(lambda b: run(filled(b, chunk_size))[: len(b)], batches)
    else:
        parts = (part for b in batches for part in in_parts_that_fit(run, b, batch_sizes, None))
    return torch.cat(list(parts)).numpy()


def logits(head, rows):
    """Return the outputs (n, n_classes) of a head, as a float64 array.

    A linear head is also computed in float64, where other rows of a batch do not show.
    """
    x = torch.from_numpy(rows)
    with torch.inference_mode(), one_core():
        if isinstance(head, nn.Linear):
            weight = head.weight.cpu().double()
            bias = None if head.bias is None else head.bias.cpu().double()
            return nn.functional.linear(x.double(), weight, bias).numpy()
        device = next(head.parameters(), x).device
        return head.eval()(x.to(device)).cpu().double().numpy()


def learning_rate_groups(tail, tuned, lr, decay):
    """Return skorch's parameter groups, the head first: each layer learns slower than the next.

    Howard & Ruder, "Universal Language Model Fine-tuning for Text Classification" (ACL 2018).
    What lies between the last layer and the head learns as the head does; a transformer's tokens
    and positions, which are in no layer, as the first one.
    """
    groups = [("head.*", {"lr": lr})]
    if tail.network is None:
        return groups
    weighty = [name for name in tuned if _has_weights(tail.network, name)]
    for depth, name in enumerate(reversed(weighty), start=1):
        groups.append((f"network.{name}.*", {"lr": lr * decay**depth}))
    tokens = [name for name, _ in tail.network.named_parameters(recurse=False)]
    groups += [(f"network.{name}", {"lr": lr * decay ** len(weighty)}) for name in tokens]
    return groups


def _make_constant(module):
    """Turn parameters into buffers, so that no optimizer and no callback finds them."""
    for name, parameter in list(module._parameters.items()):
        del module._parameters[name]
        module.register_buffer(name, None if parameter is None else parameter.detach().clone())


def _has_weights(module, name):
    return any(True for _ in module.get_submodule(name).parameters())
