"""Files of weights: they are read without running code, and put into a network."""

import os
from collections.abc import Callable
from typing import Any, TypeGuard

import torch
from torch import nn

from sklearn_tl.backbones.structure import find_classifier

SUFFIXES = (".pth", ".pt", ".bin", ".ckpt", ".safetensors")


def is_path(weights: Any) -> TypeGuard[str | os.PathLike[str]]:
    """Tell whether the parameter `weights` is a path rather than a name."""
    return isinstance(weights, os.PathLike) or (
        isinstance(weights, str) and (weights.endswith(SUFFIXES) or os.sep in weights)
    )


def read_state(path: str | os.PathLike[str]) -> dict[Any, Any]:
    """Read a dict of tensors without running code that is in the file.

    Raises
    ------
    ValueError
        If the file contains anything other than tensors.
    """
    if str(path).endswith(".safetensors"):
        return _read_safetensors(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # torch raises anything for a file that it does not know
        raise ValueError(
            f"{str(path)!r} was refused: it is not a file of weights, or it contains objects other "
            "than tensors, which could run code. Save model.state_dict() rather than the model."
        ) from error
    if not isinstance(state, dict):
        raise ValueError(
            f"Expected a state dict in {str(path)!r}, got {type(state).__name__} instead. Save "
            "model.state_dict()."
        )
    return state


def load_state(
    module: nn.Module,
    path: str | os.PathLike[str],
    name: str,
    adapt: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]] = dict,
) -> None:
    """Put the state dict in a file into a network.

    Parameters
    ----------
    module : torch.nn.Module
        Is changed. Its classifier takes the number of classes in the file.
    path : str or path
    name : str
        Of the backbone, for errors.
    adapt : callable, default=dict
        Renames the tensors of the file.

    Raises
    ------
    ValueError
        If a tensor is missing, unknown or of another shape. The network is then unchanged.
    """
    state = adapt(_unwrap(read_state(path), path))
    own = module.state_dict()
    classifier = find_classifier(module)
    resized: dict[str, torch.Tensor] = {}
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
            f"The weights in {str(path)!r} belong to another architecture than {name}: "
            f"{'; '.join(problems[:3])}{more}. Name the backbone that they were saved from."
        )
    if isinstance(classifier, nn.Linear):
        for key, tensor in resized.items():
            setattr(classifier, key, nn.Parameter(torch.empty_like(tensor)))
            classifier.out_features = len(tensor)
    module.load_state_dict(state)


def _read_safetensors(path: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        raise ImportError(
            "Files ending in .safetensors need a package: pip install safetensors."
        ) from error
    try:
        return load_file(path)
    except Exception as error:  # safetensors raises its own class of errors
        raise ValueError(f"{str(path)!r} is not a safetensors file: {error}.") from error


def _unwrap(state: dict[Any, Any], path: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    """Return the state dict inside the dict that a training script saved."""
    for wrapper in ("state_dict", "model"):
        if isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in state.items()):
        raise ValueError(f"{str(path)!r} is not a state dict. Save model.state_dict().")
    return {key.removeprefix("module."): value for key, value in state.items()}
