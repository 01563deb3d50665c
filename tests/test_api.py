"""The public API: a change to it is seen, and its signatures have types.

`tests/api.txt` holds the names, parameters and defaults of everything that is public. After a
change on purpose, write it anew with `python tests/test_api.py` and commit it with the change.
"""

import importlib
import inspect
import re
from pathlib import Path

import pytest

import sklearn_tl

PINNED = Path(__file__).with_name("api.txt")
PACKAGE = Path(sklearn_tl.__file__).parent
ROOMS = ["sklearn_tl", "sklearn_tl.extractor", "sklearn_tl.classifier"]
ROOMS += [f"sklearn_tl.{path.parent.name}" for path in sorted(PACKAGE.glob("*/__init__.py"))]


def is_ours(thing):
    return (getattr(thing, "__module__", None) or "").startswith("sklearn_tl")


def members(cls):
    """Return name → public method or property that a class or its bases in this package define."""
    names = {n for base in cls.__mro__ if is_ours(base) for n in vars(base) if n[0] != "_"}
    names = {n for n in names if not re.fullmatch("set_.*_request", n)}  # scikit-learn makes them
    found = {name: inspect.getattr_static(cls, name) for name in sorted(names)}
    return {n: m if isinstance(m, property) else getattr(cls, n) for n, m in found.items()}


def handed_out(room):
    """Return (name, thing) for each function and class of a room that other rooms may use."""
    module = importlib.import_module(room)
    names = getattr(module, "__all__", None)
    if names is None:  # a file: all that it defines itself
        names = [n for n, thing in vars(module).items() if getattr(thing, "__module__", "") == room]
    things = [(name, getattr(module, name)) for name in names if not name.startswith("_")]
    return [(name, thing) for name, thing in things if callable(thing) and is_ours(thing)]


def describe_function(name, function):
    """Return the name, parameters and defaults of a function, on several lines if they are long."""
    if isinstance(function, type) and issubclass(function, Exception):
        return f"{name}({function.__bases__[0].__name__})"
    signature = inspect.signature(function)
    parameters = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    signature = signature.replace(parameters=parameters, return_annotation=signature.empty)
    line = f"{name}{signature}"
    if len(line) <= 100:
        return line
    return line.replace("(", "(\n    ", 1).replace(", ", ",\n    ")


def describe(name, thing):
    """Return the lines that describe a function, or a class with its public members."""
    lines = [describe_function(name, thing)]
    for member, value in members(thing).items() if isinstance(thing, type) else ():
        if callable(value):
            lines.append(f"    .{describe_function(member, value)}")
        elif isinstance(value, property):
            lines.append(f"    .{member}: property")
    return lines


def api():
    things = {name: getattr(sklearn_tl, name) for name in sklearn_tl.__all__}
    things = {name: thing for name, thing in things.items() if not inspect.ismodule(thing)}
    things |= {f"datasets.{name}": thing for name, thing in handed_out("sklearn_tl.datasets")}
    lines = ["\n".join(describe(name, thing)) for name, thing in sorted(things.items())]
    return "\n\n".join(lines) + "\n"


def untyped(name, function):
    """Return the parameters of a function that have no type, and "return" if that has none."""
    if isinstance(function, type) and not is_ours(function.__init__):  # a protocol, for example
        return []
    signature = inspect.signature(function)
    names = [
        p.name
        for i, p in enumerate(signature.parameters.values())
        if p.annotation is p.empty and not (i == 0 and p.name in ("self", "cls"))
    ]
    if signature.return_annotation is signature.empty and not isinstance(function, type):
        names.append("return")
    return [f"{name}: {n}" for n in names]


def test_the_public_api_is_as_it_was():
    assert api() == PINNED.read_text(), (
        "The public API has changed. If it should, run `python tests/test_api.py`, say so in "
        "CHANGELOG.md, and commit tests/api.txt."
    )


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_room_hands_out_has_types(room):
    found = []
    for name, thing in handed_out(room):
        found += untyped(name, thing)
        for member, value in members(thing).items() if isinstance(thing, type) else ():
            function = value.fget if isinstance(value, property) else value
            if callable(function):
                found += untyped(f"{name}.{member}", function)
    assert not found, "\n".join(found)


if __name__ == "__main__":
    PINNED.write_text(api())
