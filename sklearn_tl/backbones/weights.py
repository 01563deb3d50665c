"""Files of weights: they are read without running code, and put into a network."""

import os
from collections.abc import Callable
from typing import Any, TypeGuard

import torch
from torch import nn

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
    resized = _other_numbers_of_classes(module, state)
    own |= resized
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
    for key, tensor in resized.items():
        name, _, kind = key.rpartition(".")
        linear = module.get_submodule(name)
        setattr(linear, kind, nn.Parameter(torch.empty_like(tensor)))
        linear.out_features = len(tensor)  # type: ignore[assignment]
    module.load_state_dict(state)


def _other_numbers_of_classes(
    module: nn.Module, state: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Return the tensors of linear layers that have another number of outputs in the file.

    These can only be classifiers: otherwise the layer that takes their output would not fit.
    """
    resized: dict[str, torch.Tensor] = {}
    for name, part in module.named_modules():
        weight = state.get(f"{name}.weight")
        if not isinstance(part, nn.Linear) or weight is None or weight.shape == part.weight.shape:
            continue
        if weight.shape[1:] == part.weight.shape[1:]:
            keys = [f"{name}.{kind}" for kind in ("weight", "bias")]
            resized |= {key: state[key] for key in keys if key in state}
    return resized


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
