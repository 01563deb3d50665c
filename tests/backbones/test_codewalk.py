"""The digest of a network's code sees a change anywhere in it, and nothing else."""

import importlib
import os
import subprocess
import sys
import threading
from types import ModuleType

import numpy as np
import pytest
import torch
from helpers.networks import TinyNet
from torch import fx, nn

from sklearn_tl.backbones.codewalk import digest_code, versions

NETWORK = """
import functools
import math

import torch
from torch import nn

import far_away

POWER = 1.5
TABLE = {"shift": 0.25, "set": {"red", "green", "blue"}}
MEAN = torch.tensor([1.0, 2.0])
CROSSING = lambda x: x + 3.0


def outer(x):
    return inner(x) ** POWER


def inner(x):
    return recursive(x + TABLE["shift"], 2)


def recursive(x, n):
    return x if n == 0 else recursive(x * 1.25, n - 1)


def louder(function):
    @functools.wraps(function)
    def wrapper(*args):
        return 1.75 * function(*args)

    return wrapper


def make(factor):
    def scale(x):
        return x * factor

    return scale


@functools.lru_cache
def remembered(n):
    return n + 5.5


class Settings:
    level = 2.25

    def __init__(self):
        self.gain = 6.5

    @property
    def half(self):
        return self.gain / 8.5


SETTINGS = Settings()


class Base(nn.Module):
    def helper(self, x, by=4.5):
        return outer(x) * by

    @staticmethod
    def constant():
        return 9.5

    @property
    def size(self):
        return 10.5


class Net(Base):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)
        self.scale = make(11.5)
        self.clamp = functools.partial(torch.clamp, max=12.5)
        self.hidden = [13.5]

    @louder
    def forward(self, x):
        import late

        def nested(x):
            return far_away.shift(x) + far_away.SHIFT

        x = self.clamp(self.scale(self.helper(self.conv(x)))) + MEAN.sum() + SETTINGS.half
        return nested(late.last(CROSSING(x + remembered(1) + self.constant() + self.size)))
"""
FAR_AWAY = """
SHIFT = 14.5
UNUSED = 1.0


def shift(x):
    return deeper(x) + 15.5


def deeper(x):
    return x / 16.5
"""
LATE = """
def last(x):
    return x - 17.5
"""
SOURCES = {"net": NETWORK, "far_away": FAR_AWAY, "late": LATE}
CHANGES = {
    "a helper method": ("outer(x) * by", "outer(x) / by"),
    "a default value": ("by=4.5", "by=4.0"),
    "a static method": ("return 9.5", "return 9.0"),
    "a property": ("return 10.5", "return 10.0"),
    "the base class": ("class Net(Base)", "class Net(Base, Settings)"),
    "a function that a method calls": ("inner(x) ** POWER", "inner(x) * POWER"),
    "a function that a function calls": ("x + TABLE", "x - TABLE"),
    "a function that calls itself": ("x * 1.25", "x * 1.5"),
    "a global number": ("POWER = 1.5", "POWER = 2.5"),
    "a global dict": ('"shift": 0.25', '"shift": 0.5'),
    "a set in a dict": ('"blue"', '"black"'),
    "a global tensor": ("[1.0, 2.0]", "[1.0, 3.0]"),
    "a lambda": ("x + 3.0", "x + 3.5"),
    "a decorator": ("1.75 *", "2.75 *"),
    "the code of a closure": ("x * factor", "x / factor"),
    "a value in a closure": ("make(11.5)", "make(11.0)"),
    "a function with a cache": ("n + 5.5", "n + 5.0"),
    "an attribute of the class of a global object": ("level = 2.25", "level = 2.5"),
    "an attribute of a global object": ("gain = 6.5", "gain = 6.0"),
    "a property of a global object": ("gain / 8.5", "gain / 8.0"),
    "an argument of a partial": ("max=12.5", "max=12.0"),
    "an attribute of the network": ("[13.5]", "[13.0]"),
    "a nested function": ("+ far_away.SHIFT", "- far_away.SHIFT"),
    "a number in another module": ("SHIFT = 14.5", "SHIFT = 14.0"),
    "a function in another module": ("+ 15.5", "+ 15.0"),
    "a function that another module calls": ("x / 16.5", "x / 16.0"),
    "a module that forward imports": ("x - 17.5", "x - 17.0"),
}


@pytest.fixture
def digest(monkeypatch):
    """Return a function from the sources of modules to the digest of the network in them."""

    def make(sources):
        for name in reversed(sources):
            module = ModuleType(name)
            monkeypatch.setitem(sys.modules, name, module)
            exec(compile(sources[name], f"{name}.py", "exec"), vars(module))
        with torch.random.fork_rng():
            return digest_code(sys.modules["net"].Net())[0]

    return make


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_code_is_seen(change, digest):
    old, new = CHANGES[change]
    changed = {name: source.replace(old, new) for name, source in SOURCES.items()}
    assert sum(changed[name] != source for name, source in SOURCES.items()) == 1
    assert digest(changed) != digest(SOURCES)


@pytest.mark.parametrize(
    ("old", "new"),
    [("", ""), ("\nclass Net", "\n# A comment.\nclass Net"), ("UNUSED = 1.0", "UNUSED = 2.0")],
)
def test_a_change_of_anything_else_is_not_seen(old, new, digest):
    changed = {name: source.replace(old, new, 1) for name, source in SOURCES.items()}
    assert digest(changed) == digest(SOURCES)


def test_all_processes_agree(tmp_path):
    """Also a worker to which joblib sends the code of the main module."""
    for name, source in SOURCES.items():
        (tmp_path / f"{name}.py").write_text(source)
    (tmp_path / "main.py").write_text(
        "from joblib import Parallel, delayed\n"
        "from sklearn_tl.backbones import load_backbone\n"
        f"{NETWORK.replace('@functools.lru_cache', '')}\n"  # which joblib cannot send
        "def look():\n"
        "    return load_backbone(Net).fingerprint\n\n"
        "if __name__ == '__main__':\n"
        "    from net import Net as Imported\n"
        "    print(look(), *Parallel(2)([delayed(look)()]))\n"
        "    print(load_backbone(Imported).fingerprint)\n"
    )
    found = []
    for seed in ("1", "2"):  # the second time the modules come from their bytecode files
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "main.py"]
        run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        found.append(run.stdout.split())
    assert found[0] == found[1]
    in_main, in_worker, _ = found[0]
    assert in_main == in_worker


def test_what_a_network_does_not_own_is_not_walked():
    digest, libraries = digest_code(TinyNet())
    assert digest == digest_code(TinyNet(seed=1))[0]  # weights are not code
    assert libraries == {"torch"}
    assert versions(["torch", "numpy"]) == f"numpy={np.__version__} torch={torch.__version__}"
    assert versions(["nobody-has-this"]) == "nobody-has-this=unknown"


def test_modules_that_stand_twice_in_a_network_count_twice():
    conv, relu = nn.Conv2d(3, 3, 1), nn.ReLU()
    networks = [nn.Sequential(conv, relu), nn.Sequential(conv, relu, conv)]
    assert digest_code(networks[0]) != digest_code(networks[1])


def test_hooks_and_methods_of_an_instance_are_code():
    networks = [TinyNet(), TinyNet(), TinyNet(), TinyNet()]
    networks[1].stem.register_forward_hook(lambda module, inputs, output: 2 * output)
    networks[2].stem.register_forward_hook(lambda module, inputs, output: 3 * output)
    networks[3].forward = lambda x: x
    assert len({digest_code(network) for network in networks}) == 4


class Once(nn.Module):
    def forward(self, x):
        return x + 1


class Twice(nn.Module):
    def forward(self, x):
        return x + 2


def test_networks_that_torch_fx_writes_are_told_apart():
    networks = [fx.symbolic_trace(kind()) for kind in (Once, Twice)]
    digests = [digest_code(network)[0] for network in networks]
    assert digests[0] != digests[1]
    assert digests[0] == digest_code(fx.symbolic_trace(Once()))[0]


class Holder(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x):
        return x


def linked(n):
    first = last = []
    for _ in range(n):
        last.append([])
        last = last[0]
    return first


class Slots:
    __slots__ = ("a", "b")

    def __init__(self, a):
        self.a = a


@pytest.mark.parametrize(
    ("value", "same", "other"),
    [
        (np.arange(3), np.arange(3), np.arange(3) + 1),
        (np.array(["a", None], object), np.array(["a", None], object), np.array(["b", 1], object)),
        (torch.arange(3), torch.arange(3), torch.arange(3).float()),
        (np.float32(1), np.float32(1), np.float32(2)),
        ({1: 2}, {1: 2}, {1: 3}),
        ({"a", "b"}, {"b", "a"}, {"a", "c"}),
        (Slots(1), Slots(1), Slots(2)),
        (nn.Linear, nn.Linear, nn.Conv2d),
        (TinyNet, TinyNet, Once),
        (len, len, max),
        ([].append, [].append, [1].append),
        (sys, sys, importlib),
        (np.random.default_rng(0), np.random.default_rng(0), np.random.default_rng(1)),
        (linked(5000), linked(5000), linked(5)),
        (torch.float32, torch.float32, torch.float64),
        (slice(1, 2), slice(1, 2), slice(1, 3)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_of_all_kinds_are_told_apart(value, same, other):
    digests = [digest_code(Holder(one))[0] for one in (value, same, other)]
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


@pytest.mark.parametrize(
    "make",
    [threading.Lock, lambda: (i for i in range(3)), lambda: torch.empty(2, device="meta")],
    ids=["a lock", "a generator", "a tensor without values"],
)
def test_values_that_cannot_be_read_do_no_harm(make):
    assert digest_code(Holder(make())) == digest_code(Holder(make()))


def test_a_value_that_contains_itself_ends():
    value = []
    value.append({"self": value})
    digest_code(Holder(value))
