"""A change anywhere in the code of a user's own network is seen, and nothing else is."""

import pickle
import sys
from types import ModuleType

import cloudpickle
import numpy as np
import pytest
import torch
from helpers.networks import TinyNet
from helpers.processes import elsewhere
from torch import fx, nn

from sklearn_tl.backbones import load_backbone
from sklearn_tl.backbones.code import describe

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
    "a global tensor": ("[1.0, 2.0]", "[1.0, 3.0]"),
    "a lambda": ("x + 3.0", "x + 3.5"),
    "a decorator": ("1.75 *", "2.75 *"),
    "the code of a closure": ("x * factor", "x / factor"),
    "a value in a closure": ("make(11.5)", "make(11.0)"),
    "a function with a cache": ("n + 5.5", "n + 5.0"),
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


# These values can change while the program runs. Only their effect on a noise image is seen.
SEEN_BY_THE_PROBE = {
    "a global dict",
    "a global tensor",
    "an attribute of a global object",
    "a property of a global object",
    "a module that forward imports",
}


@pytest.fixture
def backbone(monkeypatch):
    """Return a function from the sources of modules to the network in them."""

    def make(sources):
        for name in reversed(sources):
            module = ModuleType(name)
            monkeypatch.setitem(sys.modules, name, module)
            exec(compile(sources[name], f"{name}.py", "exec"), vars(module))
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return load_backbone(sys.modules["net"].Net())

    return make


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_code_is_seen(change, backbone):
    old, new = CHANGES[change]
    changed = {name: source.replace(old, new) for name, source in SOURCES.items()}
    assert sum(changed[name] != source for name, source in SOURCES.items()) == 1
    before = backbone(SOURCES)
    key = before.cache_key
    after = backbone(changed)
    assert (after.fingerprint == before.fingerprint) == (change in SEEN_BY_THE_PROBE)
    assert after.cache_key != key


@pytest.mark.parametrize(
    ("old", "new"),
    [("", ""), ("\nclass Net", "\n# A comment.\nclass Net"), ("UNUSED = 1.0", "UNUSED = 2.0")],
)
def test_a_change_of_anything_else_is_not_seen(old, new, backbone):
    changed = {name: source.replace(old, new, 1) for name, source in SOURCES.items()}
    assert backbone(changed).cache_key == backbone(SOURCES).cache_key


def imported_and_sent(folder):
    sys.path.insert(0, str(folder))
    from net import Net

    return [describe(one()) for one in (Net, pickle.loads((folder / "sent").read_bytes()))]


def test_all_processes_agree(tmp_path, backbone):
    """Also those to which joblib and dask send the code of the main module."""
    here = backbone(SOURCES)
    notebook = ModuleType("notebook")  # in no file, so it is sent whole
    source = NETWORK.replace("@functools.lru_cache", "")  # which cannot be sent
    exec(compile(source, "notebook.py", "exec"), vars(notebook))
    (tmp_path / "sent").write_bytes(cloudpickle.dumps(notebook.Net))
    for name, source in SOURCES.items():
        (tmp_path / f"{name}.py").write_text(source)
    texts = elsewhere(imported_and_sent, tmp_path)
    assert texts == [describe(here.module), describe(notebook.Net())]


def test_weights_are_not_code():
    assert describe(TinyNet()) == describe(TinyNet(seed=1))


def test_hooks_and_methods_of_an_instance_are_code():
    networks = [TinyNet(), TinyNet(), TinyNet(), TinyNet()]
    networks[1].stem.register_forward_hook(lambda module, inputs, output: 2 * output)
    networks[2].stem.register_forward_hook(lambda module, inputs, output: 3 * output)
    networks[3].forward = lambda x: x
    assert len({describe(network) for network in networks}) == 4


class Once(nn.Module):
    def forward(self, x):
        return x + 1


class Twice(nn.Module):
    def forward(self, x):
        return x + 2


def test_networks_that_torch_fx_writes_are_told_apart():
    assert describe(fx.symbolic_trace(Once())) != describe(fx.symbolic_trace(Twice()))


CALLS = []


class Counting(TinyNet):
    def forward(self, x):
        CALLS.append(len(x))
        return super().forward(x)


def test_values_that_change_while_the_program_runs_change_nothing():
    """Otherwise a pickle would be refused after the network has run."""
    backbone = load_backbone(Counting)
    key = backbone.cache_key
    CALLS.append(0)
    assert load_backbone(Counting).fingerprint == backbone.fingerprint
    assert backbone.cache_key == key


def test_a_module_that_is_used_twice_counts_twice():
    conv, relu = nn.Conv2d(3, 3, 1), nn.ReLU()
    assert describe(nn.Sequential(conv, relu)) != describe(nn.Sequential(conv, relu, conv))


class Holder(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = value


class Settings:
    def __init__(self, gain):
        self.gain = gain


@pytest.mark.parametrize(
    ("value", "same", "other"),
    [
        (np.arange(3), np.arange(3), np.arange(3) + 1),
        ([np.arange(3000)], [np.arange(3000)], [np.arange(3000) % 1500]),
        ({"a": {"b", "c"}}, {"a": {"c", "b"}}, {"a": {"b", "d"}}),
        (Settings(1), Settings(1), Settings(2)),
        ([Settings((1, 2))], [Settings((1, 2))], [Settings([1, 2])]),
        (torch.float32, torch.float32, torch.float64),
        (nn.Linear, nn.Linear, nn.Conv2d),
    ],
    ids=["array", "long array", "dict of sets", "object", "object in a list", "dtype", "class"],
)
def test_attributes_of_all_kinds_are_told_apart(value, same, other):
    assert describe(Holder(value)) == describe(Holder(same))
    assert describe(Holder(value)) != describe(Holder(other))


def test_an_attribute_may_contain_itself():
    value, settings = [], Settings(1)
    value.append(value)
    settings.me = settings
    for one in (value, settings):
        assert describe(Holder(one)) == describe(Holder(one))


def test_a_closure_may_be_empty():
    def make():
        def early():
            return late

        text = describe(Holder(early))
        late = 1
        return text, describe(Holder(early)), late

    before, after, _ = make()
    assert before != after
