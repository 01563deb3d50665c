"""A digest of the code of a network and of everything that the code reaches.

The walk starts at the modules of a network. It follows classes, functions, closures, default
values and global names, and stops at installed libraries, of which it digests only the names. It
digests bytecode rather than source, because a file can change after its import. The digest is the
same in every process: addresses, the order of sets and the processor do not change it.
"""

import dis
import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
import sys
import types
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from sklearn_tl._utils import attributes_of_every_module, forward_hooks

MAX_DEPTH = 100  # of values inside values; linked lists could be longer than Python's stack
PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented))
# Libraries whose classes are never digested, because users do not edit them.
NETWORK_LIBRARIES = ("torch", "torchvision", "timm", "sklearn_tl")
# Functions that Python adds to a class with annotations. They do not change what it computes.
NOISE = ("__annotate__", "__annotate_func__")


def digest_code(module: nn.Module) -> tuple[str, frozenset[str]]:
    """Digest the code of a network, and name the libraries that it uses.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    digest : str
        Covers the classes of the modules, their attributes, and everything that they reach, but
        not the tensors of the network.
    libraries : frozenset of str
        The installed packages at which the walk stopped, without the standard library.
    """
    walk = _Walk()
    root = walk.network(module)
    return walk.finish(root), frozenset(walk.libraries)


def versions(libraries: Iterable[str]) -> str:
    """Return the versions of packages as one line of text."""
    return " ".join(f"{name}={_version(name)}" for name in sorted(libraries))


class _Walk:
    """One walk over objects that may refer to each other in cycles.

    A reference to a class or function is digested as its name. Its body is digested once, from a
    queue, so the result does not depend on where the walk finds it first.
    """

    def __init__(self) -> None:
        self.libraries: set[str] = set()
        self._known: dict[int, str] = {}  # id → digest, or the place in the network
        self._alive: list[Any] = []  # no other object can get the id of one of these
        self._open: set[int] = set()
        self._queue: deque[tuple[str, Any]] = deque()

    def finish(self, root: str) -> str:
        """Digest the queue, and return the digest of everything."""
        bodies = set()
        while self._queue:
            name, value = self._queue.popleft()
            if isinstance(value, type):
                body = self._class(value)
            elif isinstance(value, types.ModuleType):
                body = self._whole_module(value)
            else:
                body = self._function(value)
            bodies.add(f"{name} {body}")
        return _join("network", root, *sorted(bodies))

    def network(self, module: nn.Module) -> str:
        """Digest the modules of a network and their attributes, but not the tensors."""
        children = list(module.named_modules(remove_duplicate=False))
        first: dict[int, str] = {}
        for name, child in children:
            first.setdefault(id(child), name)
        self._known |= {key: _join("module", name) for key, name in first.items()}
        self._alive.append(module)
        parts = []
        for name, child in children:
            if first[id(child)] != name:
                parts.append(f"{name} is {first[id(child)]}")
                continue
            parts += [name, *(self._tree_class(kind) for kind in type(child).__mro__)]
            parts += self._text_of_code(child)
            parts += [self.digest(hook) for hook in forward_hooks(child)]
            for key, value in sorted(vars(child).items()):
                if key not in attributes_of_every_module():
                    parts += [key, self.digest(value)]
        return _join("tree", *parts)

    def digest(self, value: Any) -> str:
        """Return the digest of any object."""
        if type(value) in PLAIN:
            return _join(type(value).__name__, repr(value))
        key = id(value)
        if key in self._known:
            return self._known[key]
        if key in self._open or len(self._open) > MAX_DEPTH:
            return _join("again", _name(type(value)))
        self._open.add(key)
        self._alive.append(value)
        try:
            self._known[key] = result = self._composite(value)
        finally:
            self._open.discard(key)
        return result

    def _composite(self, value: Any) -> str:
        if isinstance(value, type | types.FunctionType | types.ModuleType):
            return self._named(value)
        if isinstance(value, types.CodeType):
            return self._code(value)
        if isinstance(value, torch.Tensor):
            return _join("tensor", digest_tensor(value))
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            data = hashlib.sha256(value.tobytes()).hexdigest()
            return _join("array", str(value.dtype), str(value.shape), data)
        if isinstance(value, nn.Module):
            tensors = (*value.named_parameters(), *value.named_buffers())
            return _join(
                "network",
                self.network(value),
                *(f"{name} {digest_tensor(tensor)}" for name, tensor in tensors),
            )
        if isinstance(value, types.MethodType):
            return _join("method", self.digest(value.__func__), self.digest(value.__self__))
        if isinstance(value, staticmethod | classmethod):
            return _join(type(value).__name__, self.digest(value.__func__))
        if isinstance(value, property):
            return _join("property", *map(self.digest, (value.fget, value.fset, value.fdel)))
        if isinstance(value, functools.cached_property):
            return _join("cached", self.digest(value.func))
        if isinstance(value, functools.partial | functools.partialmethod):
            parts = (value.func, value.args, dict(value.keywords))
            return _join("partial", *map(self.digest, parts))
        if hasattr(value, "__wrapped__") and hasattr(value, "cache_info"):
            return _join("cache", self.digest(value.__wrapped__))
        if isinstance(getattr(value, "__qualname__", None), str):  # of C code
            self._is_library(getattr(value, "__module__", None))
            owner = getattr(value, "__self__", None)
            bound = owner is not None and not isinstance(owner, type | types.ModuleType)
            return _join("builtin", _name(value), self.digest(owner) if bound else "")
        return self._instance(value)

    def _instance(self, value: Any) -> str:
        kind = type(value)
        parts = [self.digest(kind), *self._items(value)]
        if not self._is_library(kind.__module__):
            state = dict(getattr(value, "__dict__", {}))
            for owner in kind.__mro__:
                slots = vars(owner).get("__slots__", ())
                for slot in (slots,) if isinstance(slots, str) else tuple(slots):
                    if hasattr(value, slot) and slot not in ("__dict__", "__weakref__"):
                        state[slot] = getattr(value, slot)
            parts += [self.digest(part) for item in sorted(state.items()) for part in item]
            return _join("instance", *parts)
        # Private objects of torch, and weak references, depend on what the process did before.
        if kind.__module__.startswith("torch._") or kind.__module__ in ("weakref", "_weakref"):
            return _join("instance", *parts)
        parts += self._text_of_code(value)
        if not parts[1:]:
            try:  # the content of a pickle, which is only the name for a logger
                reduced = value.__reduce_ex__(4)
            except Exception:  # classes that cannot be pickled raise anything
                reduced = None
            if isinstance(reduced, tuple):
                parts += [
                    self.digest(list(part) if hasattr(part, "__next__") else part)
                    for part in reduced
                ]
            elif reduced is not None:
                parts.append(self.digest(reduced))
        return _join("instance", *parts)

    def _items(self, value: Any) -> list[str]:
        """Return digests of the items of a container."""
        if isinstance(value, dict | types.MappingProxyType):
            return ["items", *(self.digest(part) for item in value.items() for part in item)]
        if isinstance(value, set | frozenset):
            return ["items", *sorted(map(self.digest, value))]
        if isinstance(value, list | tuple | deque):
            return ["items", *map(self.digest, value)]
        if isinstance(value, np.ndarray):  # of objects
            return ["items", str(value.shape), *map(self.digest, value.ravel().tolist())]
        return []

    def _named(self, value: Any) -> str:
        """Digest the name of a class, function or module, and put its body into the queue."""
        name, module = _name(value), _module_of(value)
        if self._is_library(module) and _find(value) is value:
            return _join("library", name)
        if "<" in name:  # a lambda, or inside a function: many can have this name
            return self._class(value) if isinstance(value, type) else self._function(value)
        self._queue.append((name, value))
        return _join("named", name)

    def _tree_class(self, kind: type) -> str:
        """Digest a class of the network, with its code unless the class belongs to torch."""
        top = kind.__module__.partition(".")[0]
        if not self._is_library(kind.__module__) or _is_known(top) or _find(kind) is not kind:
            return self.digest(kind)
        functions = {key: getattr(value, "__code__", None) for key, value in vars(kind).items()}
        codes = [(key, code) for key, code in sorted(functions.items()) if code is not None]
        return _join("class", _name(kind), *(part for k, c in codes for part in (k, self._code(c))))

    def _class(self, kind: type) -> str:
        parts = [_name(kind), self.digest(type(kind)), *map(self.digest, kind.__bases__)]
        for key, value in sorted(vars(kind).items()):
            internal = key.startswith("__") and key.endswith("__")
            runs = callable(value) or isinstance(value, staticmethod | classmethod | property)
            if key not in NOISE and (runs or not internal):
                parts += [key, self.digest(value)]
        return _join("class", *parts)

    def _function(self, function: types.FunctionType) -> str:
        code, names = function.__code__, _names(function.__code__)
        parts = [self._code(code), self.digest(function.__defaults__)]
        parts += [self.digest(function.__kwdefaults__), self.digest(vars(function))]
        reached: dict[str, Any] = {}
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            try:
                reached[f"cell {name}"] = cell.cell_contents
            except ValueError:  # not filled yet
                parts.append(f"empty {name}")
        scope = function.__globals__
        if not self._is_library(scope.get("__name__")):
            reached |= {name: scope[name] for name in sorted(names.globals) if name in scope}
            reached |= _imported(names.imports, scope.get("__package__"))
        seen: set[int] = set()
        for name, value in reached.items():
            parts += [name, self._used(value, names.all, seen)]
        return _join("function", *parts)

    def _used(self, value: Any, names: frozenset[str], seen: set[int]) -> str:
        """Digest a value that a function uses. Of a module, digest what the function names."""
        if not isinstance(value, types.ModuleType) or self._is_library(value.__name__):
            return self.digest(value)
        parts = [value.__name__]
        if id(value) not in seen:
            seen.add(id(value))
            for name in sorted(names & vars(value).keys()):
                parts += [name, self._used(vars(value)[name], names, seen)]
        return _join("used", *parts)

    def _whole_module(self, module: types.ModuleType) -> str:
        items = [(k, v) for k, v in sorted(vars(module).items()) if not k.startswith("__")]
        return _join("module", *(part for k, v in items for part in (k, self.digest(v))))

    def _code(self, code: types.CodeType) -> str:
        return _join(
            "code",
            code.co_code.hex(),
            code.co_exceptiontable.hex(),
            repr((code.co_flags, code.co_argcount, code.co_posonlyargcount)),
            repr((code.co_kwonlyargcount, code.co_names, code.co_varnames)),
            repr((code.co_freevars, code.co_cellvars)),
            *map(self.digest, code.co_consts),
        )

    def _text_of_code(self, value: Any) -> list[str]:
        """Return the code of a network that torch has traced or scripted, as a list of one text."""
        if not type(value).__module__.startswith(("torch.fx", "torch.jit")):
            return []
        text = getattr(value, "code", None)
        return [text] if isinstance(text, str) else []

    def _is_library(self, module: str | None) -> bool:
        """Tell whether a module belongs to a library, and record that library."""
        if not module or not _is_installed(module.partition(".")[0]):
            return False
        self.libraries.add(module.partition(".")[0])
        self.libraries -= sys.stdlib_module_names
        return True


class _Names:
    """The names that a function and the functions in it look up."""

    def __init__(self, code: types.CodeType) -> None:
        self.all: frozenset[str] = frozenset()
        self.globals: frozenset[str] = frozenset()
        self.imports: tuple[tuple[str, int, tuple[str, ...]], ...] = ()
        waiting = [code]
        while waiting:
            code = waiting.pop()
            waiting += [const for const in code.co_consts if isinstance(const, types.CodeType)]
            self.all |= set(code.co_names)
            before: list[Any] = []
            for step in dis.get_instructions(code):
                if step.opname == "IMPORT_NAME":
                    level, fromlist = before[-2:] if len(before) > 1 else (0, ())
                    names = tuple(fromlist) if isinstance(fromlist, tuple) else ()
                    self.imports += ((step.argval, level if isinstance(level, int) else 0, names),)
                elif "GLOBAL" in step.opname or step.opname == "LOAD_NAME":
                    self.globals |= {step.argval}
                before.append(step.argval)


@functools.lru_cache(maxsize=4096)
def _names(code: types.CodeType) -> _Names:
    return _Names(code)


def _imported(
    imports: tuple[tuple[str, int, tuple[str, ...]], ...], package: str | None
) -> dict[str, Any]:
    """Import those of the user's own modules that a function imports when it runs.

    The digest must be the same before and after the function has run for the first time.
    """
    found: dict[str, Any] = {}
    for name, level, members in imports:
        try:
            name = importlib.util.resolve_name("." * level + name, package)
            if _is_installed(name.partition(".")[0]):
                continue
            module = importlib.import_module(name)
            found[f"import {name}"] = sys.modules[name.partition(".")[0]] if not members else module
        except Exception:  # a module can raise anything while it is imported
            continue
        for member in members:
            if not hasattr(module, member):
                try:
                    found[f"import {name}.{member}"] = importlib.import_module(f"{name}.{member}")
                except Exception:
                    continue
    return found


def digest_tensor(tensor: torch.Tensor) -> str:
    """Return a digest of the type, the shape and the values of a tensor."""
    kind = f"{tensor.dtype} {tuple(tensor.shape)}"
    try:
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        return f"{kind} {hashlib.sha256(flat.view(torch.uint8).numpy().data).hexdigest()}"
    except (RuntimeError, NotImplementedError, TypeError):  # sparse, quantised, or without values
        return kind


def _join(kind: str, *parts: str) -> str:
    return hashlib.sha256(repr((kind, parts)).encode(errors="surrogatepass")).hexdigest()


def _module_of(value: Any) -> str | None:
    if isinstance(value, types.ModuleType):
        return value.__name__
    return getattr(value, "__module__", None)


def _name(value: Any) -> str:
    if isinstance(value, types.ModuleType):
        return value.__name__
    return f"{getattr(value, '__module__', None)}.{value.__qualname__}"


def _find(value: Any) -> Any:
    """Return what is at the address of a class, function or module."""
    if isinstance(value, types.ModuleType):
        return value
    found: Any = sys.modules.get(value.__module__)
    for part in value.__qualname__.split("."):
        found = getattr(found, part, None)
    return found


def _is_known(top: str) -> bool:
    return top in NETWORK_LIBRARIES or top in sys.stdlib_module_names


@functools.lru_cache(maxsize=1024)
def _is_installed(top: str) -> bool:
    """Tell whether a package is in the standard library or installed, rather than the user's."""
    if top == "__main__":
        return False
    if _is_known(top):
        return True
    module = sys.modules.get(top)
    try:
        spec = getattr(module, "__spec__", None) or importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    places = [spec.origin or "", *(spec.submodule_search_locations or ())] if spec else []
    places.append(getattr(module, "__file__", None) or "")
    folders = {part for place in places for part in Path(place).parts}
    return bool(folders & {"site-packages", "dist-packages"})


def _version(package: str) -> str:
    found = getattr(sys.modules.get(package), "__version__", None)
    if found is None:
        try:
            found = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found = "unknown"
    return str(found)
