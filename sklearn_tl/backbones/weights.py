"""Files of weights: read without running code, and put into a network."""

import os

import torch
from torch import nn

from sklearn_tl.backbones.structure import find_classifier

SUFFIXES = (".pth", ".pt", ".bin", ".ckpt", ".safetensors")


def is_path(weights):
    """Tell a path from the name of a set of weights."""
    return isinstance(weights, os.PathLike) or (
        isinstance(weights, str) and (weights.endswith(SUFFIXES) or os.sep in weights)
    )


def read_state(path):
    """Read a dict of tensors without running any code that the file may hold."""
    if str(path).endswith(".safetensors"):
        return _read_safetensors(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # of any kind, for a file of any kind
        raise ValueError(
            f"{str(path)!r} was refused: it is no file of weights, or holds objects besides "
            "tensors, which could run code. Save model.state_dict(), not the model."
        ) from error
    if not isinstance(state, dict):
        raise ValueError(
            f"{str(path)!r} holds {type(state).__name__}, not a state dict: save "
            "model.state_dict()."
        )
    return state


def load_state(module, path, name, adapt=dict):
    """Put the state dict in a file into `module`, which may have another number of classes.

    Nothing is loaded unless every tensor fits. `adapt` may rename the tensors of the file.
    """
    state = adapt(_unwrap(read_state(path), path))
    own = module.state_dict()
    classifier, resized = find_classifier(module), {}
    if isinstance(classifier, nn.Linear):
        (prefix,) = (n for n, child in module.named_modules() if child is classifier)
        weight = state.get(f"{prefix}.weight")
        if weight is not None and weight.shape[1:] == classifier.weight.shape[1:]:
            names = [name for name in ("weight", "bias") if f"{prefix}.{name}" in state]
            resized = {name: state[f"{prefix}.{name}"] for name in names}
            own |= {f"{prefix}.{name}": tensor for name, tensor in resized.items()}
    problems = [f"{key} is missing" for key in own if key not in state]
    problems += [f"{key} is unknown" for key in state if key not in own]
    problems += [
        f"{key} is {tuple(state[key].shape)} instead of {tuple(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise ValueError(
            f"The weights in {str(path)!r} are of another architecture than {name}: "
            f"{'; '.join(problems[:3])}{more}. Name the backbone that they were saved from."
        )
    for key, tensor in resized.items():  # trained for other classes
        setattr(classifier, key, nn.Parameter(torch.empty_like(tensor)))
        classifier.out_features = len(tensor)
    module.load_state_dict(state)


def _read_safetensors(path):
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        raise ImportError("To read .safetensors files: pip install safetensors.") from error
    try:
        return load_file(path)
    except Exception as error:  # safetensors has an exception of its own, made in Rust
        raise ValueError(f"{str(path)!r} is no safetensors file: {error}.") from error


def _unwrap(state, path):
    """Take the state dict out of what training scripts put around it."""
    for wrapper in ("state_dict", "model"):
        if isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in state.items()):
        raise ValueError(f"{str(path)!r} holds no state dict: save model.state_dict().")
    return {key.removeprefix("module."): value for key, value in state.items()}
