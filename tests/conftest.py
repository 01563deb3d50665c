"""Fixtures for all tests: a tiny backbone, images with structure, a count of the work."""

import importlib
import json
import os
import sys
from pathlib import Path

# Threads of torch sleep while they wait for each other. Those of two processes would otherwise keep
# each other from working: a training then takes ten times as long. To be set before torch starts.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import pytest
from helpers.networks import TinyNet
from PIL import Image

from sklearn_tl.cache import MEMORY
from sklearn_tl.embedding import FrozenPass

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def tiny():
    return TinyNet()


@pytest.fixture(autouse=True)
def empty_cache():
    """Start and end every test with no row in memory.

    `clear_cache` would also forget the networks, and every test would load and fold them again.
    """
    MEMORY.clear()
    yield
    MEMORY.clear()


@pytest.fixture
def benchmark(monkeypatch, tmp_path):
    """Return a function that runs a benchmark in this process and returns its figures."""

    def run(name, *arguments):
        path = tmp_path / "figures.json"
        monkeypatch.syspath_prepend(BENCHMARKS)
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments), "--json", str(path)])
        main = importlib.import_module(name).main
        try:
            main()
        except SystemExit as end:  # the exit status says whether the claim holds
            if end.code:
                pytest.fail(f"{name} found a case that contradicts its claim")
        return json.loads(path.read_text())

    return run


@pytest.fixture
def make_images():
    """Return a function that makes uint8 images that all differ and have smooth structure."""

    def make(n=6, height=40, width=52, seed=0):
        rng = np.random.default_rng(seed)
        coarse = rng.integers(0, 256, (n, 5, 6, 3), dtype=np.uint8)
        return np.stack([np.asarray(Image.fromarray(c).resize((width, height))) for c in coarse])

    return make


@pytest.fixture
def network_images(monkeypatch):
    """Return a list that receives the size of every batch that reaches the network.

    The black image with which `fit` measures the width of the embedding does not count.
    """
    sizes = []
    rows = FrozenPass.compute_rows

    def counting(self, batch):
        if batch.any():
            sizes.append(len(batch))
        return rows(self, batch)

    monkeypatch.setattr(FrozenPass, "compute_rows", counting)
    return sizes
