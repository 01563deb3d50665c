"""What is kept for the whole process can be freed."""

import pytest

from sklearn_tl._utils import memory


@pytest.fixture(autouse=True)
def no_others(monkeypatch):
    monkeypatch.setattr(memory, "_releases", [])


def test_everything_that_is_registered_is_released():
    kept = [[1], [2]]
    for one in kept:
        memory.register_release(one.clear)
    memory.release_all()
    assert kept == [[], []]


def test_releasing_twice_is_harmless():
    calls = []
    memory.register_release(lambda: calls.append(1))
    memory.release_all()
    memory.release_all()
    assert len(calls) == 2
