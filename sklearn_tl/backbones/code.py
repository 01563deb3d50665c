"""The code of a user's own network, as text that is the same in every process.

The text covers the classes in the network and the user's functions, classes and constants that they
name. It stops at libraries, and at values that can change while the program runs: `probe` sees
those.
"""

import functools
import hashlib
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from sklearn_tl._utils import attributes_of_every_module, forward_hooks

NETWORK_LIBRARIES = ("torch", "torchvision", "timm", "sklearn_tl")
CONSTANTS = (bool, int, float, complex, str, bytes, tuple, frozenset, type(None))


def describe(module: nn.Module) -> str:
    """Return everything about a network except its tensors as text.

    Two networks of one class can differ in a plain attribute. In a notebook, a class or a function
    can get new code under its old name.
    """
    lines: list[str] = []
    seen: set[int] = set()
    for name, child in module.named_modules():
        lines.append(f"{name}: {_name(type(child))}")
        own = {k: v for k, v in vars(child).items() if k not in attributes_of_every_module()}
        for key, value in sorted(own.items()):
            lines += [f"{key}={_text(value)}", *_code(value, seen)]
        for hook in forward_hooks(child):
            lines += _code(hook, seen)
        if isinstance(getattr(child, "code", None), str):  # what torch traced or scripted
            lines.append(child.code)
        for kind in type(child).__mro__:
            if kind.__module__.partition(".")[0] not in NETWORK_LIBRARIES:
                lines += _code(kind, seen, own=True)
    return "\n".join(lines)


def _code(value: Any, seen: set[int], own: bool = False) -> Iterator[str]:
    """Yield the code of a function or class, and of everything of the user's that it names."""
    if isinstance(value, functools.partial):
        yield _text((value.args, value.keywords))
        value = value.func
    if isinstance(value, property):
        for function in (value.fget, value.fset, value.fdel):
            yield from _code(function, seen)
        return
    value = getattr(value, "__func__", value)  # of a method, a static method, a class method
    if not isinstance(value, types.FunctionType):
        value = getattr(value, "__wrapped__", value)  # of a function with a cache
    if isinstance(value, CONSTANTS):
        yield _text(value)
    elif isinstance(value, type | types.FunctionType) and id(value) not in seen:
        if not own and _is_library(value.__module__):
            return
        seen.add(id(value))
        yield _name(value)
        if isinstance(value, type):
            yield " ".join(map(_name, value.__bases__))
            for key, member in sorted(vars(value).items()):
                if not key.startswith("__") or callable(member):
                    yield key
                    yield from _code(member, seen, own)
        else:
            yield from _function(value, seen)


def _function(function: types.FunctionType, seen: set[int]) -> Iterator[str]:
    names: set[str] = set()
    yield from _bytecode(function.__code__, names)
    yield from _code(function.__defaults__, seen)
    for name, default in (function.__kwdefaults__ or {}).items():
        yield name
        yield from _code(default, seen)
    for cell in function.__closure__ or ():
        yield from _code(cell.cell_contents, seen)
    for name in sorted(names & function.__globals__.keys()):
        value = function.__globals__[name]
        if not isinstance(value, types.ModuleType):
            yield name
            yield from _code(value, seen)
        elif not _is_library(value.__name__):  # of a module, what the function names
            for member in sorted(names & vars(value).keys()):
                yield f"{name}.{member}"
                yield from _code(vars(value)[member], seen)


def _bytecode(code: types.CodeType, names: set[str]) -> Iterator[str]:
    """Yield the instructions of a function and of those in it; collect the names they look up."""
    names |= set(code.co_names)
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_freevars))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _bytecode(constant, names)
        else:
            yield _text(constant)


def _text(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().float().numpy()
    if isinstance(value, np.ndarray):
        return hashlib.sha256(value.tobytes()).hexdigest()
    if isinstance(value, set | frozenset):
        return repr(sorted(map(_text, value)))
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))  # addresses differ from run to run


def _name(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def _is_library(module: str) -> bool:
    """Tell whether a module is installed, rather than the user's own."""
    top = module.partition(".")[0]
    if top in NETWORK_LIBRARIES or top in sys.stdlib_module_names:
        return True
    file = getattr(sys.modules.get(top), "__file__", None) or ""
    return bool({"site-packages", "dist-packages"} & set(Path(file).parts))
