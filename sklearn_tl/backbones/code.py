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
PLAIN_REPR: Any = object.__repr__  # says nothing about the attributes
MAX_DEPTH = 8  # of values in values, which can contain themselves


def describe(module: nn.Module, state: bool = False) -> str:
    """Return everything about a network except its tensors as text.

    Two networks of one class can differ in a plain attribute. In a notebook, a class or a function
    can get new code under its old name.

    Parameters
    ----------
    module : torch.nn.Module
    state : bool, default=False
        Whether to include the values that can change while the program runs, such as global lists.
        Then the text shows changes within this process, and other processes have another text.
    """
    return "\n".join(_Reader(state).network(module))


class _Reader:
    """Reads each class and each function once."""

    def __init__(self, state: bool) -> None:
        self.state = state
        self._seen: set[int] = set()

    def network(self, module: nn.Module) -> Iterator[str]:
        """Yield the lines about a network."""
        for name, child in module.named_modules(remove_duplicate=False):
            yield f"{name}: {_name(type(child))}"
            own = {k: v for k, v in vars(child).items() if k not in attributes_of_every_module()}
            for key, value in sorted(own.items()):
                yield f"{key}={_text(value)}"
                yield from self._code(value)
            for hook in forward_hooks(child):
                yield from self._code(hook)
            if isinstance(getattr(child, "code", None), str):  # what torch traced or scripted
                yield child.code
            for kind in type(child).__mro__:
                if kind.__module__.partition(".")[0] not in NETWORK_LIBRARIES:
                    yield from self._code(kind, in_network=True)

    def _code(self, value: Any, in_network: bool = False) -> Iterator[str]:
        """Yield the code of a function or class, and of everything of the user's that it names."""
        if isinstance(value, functools.partial):
            yield _text((value.args, value.keywords))
            value = value.func
        if isinstance(value, property):
            for function in (value.fget, value.fset, value.fdel):
                yield from self._code(function)
            return
        value = getattr(value, "__func__", value)  # of a method, a static method, a class method
        if not isinstance(value, types.FunctionType):
            value = getattr(value, "__wrapped__", value)  # of a function with a cache
        if isinstance(value, CONSTANTS):
            yield _text(value)
        elif not isinstance(value, type | types.FunctionType):
            if self.state and not isinstance(value, types.ModuleType):
                yield f"{id(value)} {_text(value)}"
        elif id(value) not in self._seen and (in_network or not _is_library(value.__module__)):
            self._seen.add(id(value))
            yield _name(value)
            if isinstance(value, types.FunctionType):
                yield from self._function(value)
                return
            yield " ".join(map(_name, value.__bases__))
            for key, member in sorted(vars(value).items()):
                if not key.startswith("__") or callable(member):
                    yield key
                    yield from self._code(member, in_network)

    def _function(self, function: types.FunctionType) -> Iterator[str]:
        names: set[str] = set()
        yield from _bytecode(function.__code__, names)
        yield from self._code(function.__defaults__)
        for name, default in (function.__kwdefaults__ or {}).items():
            yield name
            yield from self._code(default)
        for cell in function.__closure__ or ():
            try:
                yield from self._code(cell.cell_contents)
            except ValueError:  # the cell is still empty
                yield "empty"
        for name in sorted(names & function.__globals__.keys()):
            value = function.__globals__[name]
            if not isinstance(value, types.ModuleType):
                yield name
                yield from self._code(value)
            elif not _is_library(value.__name__):  # of a module, what the function names
                for member in sorted(names & vars(value).keys()):
                    yield f"{name}.{member}"
                    yield from self._code(vars(value)[member])


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


def _text(value: Any, depth: int = 0) -> str:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().float().numpy()
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return hashlib.sha256(value.tobytes()).hexdigest()
    if depth < MAX_DEPTH:
        text = functools.partial(_text, depth=depth + 1)
        kind = type(value).__name__
        if isinstance(value, set | frozenset):
            return f"{kind}{sorted(map(text, value))}"
        if isinstance(value, list | tuple):
            return f"{kind}{list(map(text, value))}"
        if isinstance(value, dict):
            return f"{kind}{[(text(key), text(item)) for key, item in value.items()]}"
        if type(value).__repr__ is PLAIN_REPR and hasattr(value, "__dict__"):
            return f"{_name(type(value))}{text(vars(value))}"
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))  # addresses differ from run to run


def _name(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def _is_library(module: str | None) -> bool:
    """Tell whether a module is installed, rather than the user's own."""
    top = str(module).partition(".")[0]
    if top in NETWORK_LIBRARIES or top in sys.stdlib_module_names:
        return True
    found = sys.modules.get(top)
    places = [getattr(found, "__file__", None) or "", *getattr(found, "__path__", ())]
    folders = {part for place in places for part in Path(place).parts}
    return bool({"site-packages", "dist-packages"} & folders)
