"""The rooms of the package: who may import what, and which names stay inside.

`lint-imports` checks that imports point down. These tests also check what it cannot see: names that
begin with an underscore, private names of dependencies, and the description of each room.
"""

import ast
import functools
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "sklearn_tl"
# The two files that may use private names of dependencies.
DOORS_TO_DEPENDENCIES = {"_utils/validation.py", "_utils/private.py"}
# Documented names that begin with an underscore all the same: those of named tuples.
PUBLIC = {"_asdict", "_fields", "_make", "_replace"}
ACCESSES = {"getattr", "setattr", "hasattr", "delattr"}


@functools.cache
def trees(package):
    """Return (path inside the package, its room, its syntax tree) for each file.

    A folder is a room, and so is each file at the top of the package. The room of the package's
    own `__init__` is "".
    """
    files = []
    for path in sorted(package.rglob("*.py")):
        inside = path.relative_to(package)
        room = inside.parts[0].removesuffix(".py").removesuffix("__init__")
        files.append((inside.as_posix(), room, ast.parse(path.read_text())))
    return files


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def imported(tree):
    """Yield (line, module, name or None) for each name that a file imports, also in functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, None
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, "." * node.level + (node.module or ""), alias.name


def accessed(tree):
    """Yield (line, object, name) for each attribute `object.name`, also by `getattr`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.lineno, ast.unparse(node.value), node.attr
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ACCESSES
            and len(node.args) > 1
            and isinstance(node.args[1], ast.Constant)
        ):
            yield node.lineno, ast.unparse(node.args[0]), node.args[1].value


def defined(tree):
    """Yield the private names that a file defines: functions, classes, variables and attributes."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.Attribute(attr=name, value=ast.Name(id="self" | "cls"), ctx=ast.Store()):
                yield name


def private_names(package):
    """Return room → the private names that it defines."""
    names = {}
    for _, room, tree in trees(package):
        names.setdefault(room, set()).update(filter(is_private, defined(tree)))
    return names


def imports_past_a_door(package):
    """Return the imports that do not take a name from the door of a room, its `__init__`."""
    found = []
    for path, room, tree in trees(package):
        for line, module, name in imported(tree):
            top, *parts = module.split(".")
            if top == "":
                found.append(f"{path}:{line} imports {name} from {module}: write the room's name")
            if top != "sklearn_tl" or path == "__main__.py":
                continue
            if not parts:
                is_room = (package / f"{name}.py").exists() or (package / f"{name}").is_dir()
                if not is_room and not (name or "").startswith("__"):
                    found.append(f"{path}:{line} imports {name} from the package: name the room")
            elif parts[0] != room:
                is_file = package.joinpath(*parts, f"{name}.py").exists()
                if len(parts) > 1 or is_file:
                    found.append(f"{path}:{line} imports {module} {name or ''}: use {parts[0]}")
    return found


def underscores_across_rooms(package):
    """Return the uses of private names that only other rooms of the package define."""
    found = []
    names = private_names(package)
    for path, room, tree in trees(package):
        for line, module, name in imported(tree):
            theirs = module.startswith("sklearn_tl.") and module.split(".")[1] != room
            if theirs and name is not None and is_private(name):
                found.append(f"{path}:{line} imports {name} from {module}")
        elsewhere = set().union(*(own for other, own in names.items() if other != room))
        for line, thing, name in accessed(tree):
            if thing not in ("self", "cls") and name in elsewhere - names[room] - PUBLIC:
                found.append(f"{path}:{line} uses {thing}.{name}")
    return found


def private_names_of_dependencies(package):
    """Return the uses of private names that no file of the package defines."""
    found = []
    ours = set().union(*private_names(package).values()) | PUBLIC
    for path, _, tree in trees(package):
        if path in DOORS_TO_DEPENDENCIES:
            continue
        for line, module, name in imported(tree):
            parts = [*module.split("."), *([name] if name else [])]
            if parts[0] != "sklearn_tl" and any(map(is_private, parts)):
                found.append(f"{path}:{line} imports {'.'.join(parts)}")
        for line, thing, name in accessed(tree):
            if is_private(name) and name not in ours:
                found.append(f"{path}:{line} uses {thing}.{name}")
    return found


def rooms_without_a_description(package):
    """Return the files that should say what a room is for, and do not."""
    found = []
    for room in sorted(path.parent for path in package.glob("*/__init__.py")):
        if not ast.get_docstring(ast.parse((room / "__init__.py").read_text())):
            found.append(f"{room.name}/__init__.py has no docstring")
        if not (room / "README.md").is_file():
            found.append(f"{room.name}/README.md is missing")
    return found


RULES = [
    imports_past_a_door,
    underscores_across_rooms,
    private_names_of_dependencies,
    rooms_without_a_description,
]


@pytest.mark.parametrize("rule", RULES)
def test_the_package_keeps_the_rule(rule):
    found = rule(PACKAGE)
    assert not found, "\n".join(found)


FILES = {
    "__init__.py": "from sklearn_tl.face import Face",
    "face.py": "from sklearn_tl.kitchen import cook\nfrom sklearn_tl import kitchen",
    "kitchen/__init__.py": '"""A room that cooks."""\nfrom sklearn_tl.kitchen.stove import cook',
    "kitchen/stove.py": "def _light(): pass",
    "kitchen/README.md": "The kitchen cooks.",
    "hall/__init__.py": '"""A room to meet in."""',
    "hall/door.py": "import torch",
    "hall/README.md": "People meet in the hall.",
    "_utils/validation.py": "from sklearn.utils import _safe_indexing",
}


@pytest.fixture
def package(tmp_path):
    """Return a function that writes a small package, with more code at the end of one file."""

    def write(path=None, code=""):
        for name, text in FILES.items():
            file = tmp_path / "sklearn_tl" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n{code}\n" if name == path else text)
        return tmp_path / "sklearn_tl"

    return write


@pytest.mark.parametrize(
    ("path", "code", "rule", "finding"),
    [
        ("hall/door.py", "from sklearn_tl.kitchen.stove import x", imports_past_a_door, "stove"),
        (
            "hall/door.py",
            "def f(): import sklearn_tl.kitchen.stove",
            imports_past_a_door,
            "stove",
        ),
        ("hall/door.py", "from sklearn_tl.kitchen import stove", imports_past_a_door, "stove"),
        ("hall/door.py", "from ..kitchen import cook", imports_past_a_door, "..kitchen"),
        ("hall/door.py", "from sklearn_tl import Face", imports_past_a_door, "imports Face"),
        ("face.py", "from sklearn_tl.kitchen.stove import x", imports_past_a_door, "stove"),
        ("__init__.py", "from sklearn_tl.kitchen.stove import x", imports_past_a_door, "stove"),
        ("hall/door.py", "stove._light()", underscores_across_rooms, "stove._light"),
        ("face.py", "getattr(stove, '_light')", underscores_across_rooms, "stove._light"),
        (
            "hall/door.py",
            "from sklearn_tl.kitchen import _light",
            underscores_across_rooms,
            "_light from sklearn_tl.kitchen",
        ),
        (
            "hall/door.py",
            "from sklearn.utils import _safe_indexing",
            private_names_of_dependencies,
            "sklearn.utils._safe_indexing",
        ),
        (
            "hall/door.py",
            "from torchvision.transforms._presets import ImageClassification",
            private_names_of_dependencies,
            "torchvision.transforms._presets",
        ),
        ("hall/door.py", "import _heapq", private_names_of_dependencies, "_heapq"),
        ("hall/door.py", "torch.cpu._init()", private_names_of_dependencies, "torch.cpu._init"),
        ("hall/door.py", "self._parameters", private_names_of_dependencies, "self._parameters"),
    ],
)
def test_a_violation_is_found(package, path, code, rule, finding):
    (found,) = rule(package(path, code))
    assert found.startswith(f"{path}:")
    assert finding in found


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("kitchen/__init__.py", "stove._light()"),
        ("hall/door.py", "self._light()"),
        ("hall/door.py", "row._replace(x=1)"),
        ("hall/door.py", "function.__name__"),
        ("hall/door.py", "from sklearn_tl import __version__"),
        ("hall/door.py", "def _open(): pass\ndoor._open()"),
        ("_utils/validation.py", "sklearn.utils._tags"),
    ],
)
def test_code_that_keeps_the_rules_passes(package, path, code):
    for rule in RULES:
        assert rule(package(path, code)) == []


def test_a_room_without_a_docstring_or_a_page_is_found(package):
    root = package("hall/__init__.py")
    (root / "hall" / "__init__.py").write_text("x = 1")
    (root / "kitchen" / "README.md").unlink()
    assert rooms_without_a_description(root) == [
        "hall/__init__.py has no docstring",
        "kitchen/README.md is missing",
    ]
