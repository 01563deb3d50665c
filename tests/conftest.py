"""Shared by all tests: a tiny backbone, images that look like something, a count of the work."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import sklearn_tl
from sklearn_tl.embedding import FrozenPass

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


class TinyNet(nn.Module):
    """A network of two convolutional stages that runs in microseconds."""

    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU())
            self.stage = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.ReLU())
            self.avgpool = nn.AdaptiveAvgPool2d(1)
            self.fc = nn.Linear(6, 5)

    def forward(self, x):
        return self.fc(self.avgpool(self.stage(self.stem(x))).flatten(1))


def study(n_classes=2, n=20, seed=0):
    """Return images of classes that differ in colour, and their labels."""
    y = np.arange(n) % n_classes
    X = np.random.default_rng(seed).integers(0, 80, (n, 24, 30, 3))
    for i, label in enumerate(y):
        X[i, ..., label % 3] += 60 + 40 * (label // 3)
    return X.astype(np.uint8), y


def save_all(X, folder, suffix="png"):
    paths = [folder / f"{i}.{suffix}" for i in range(len(X))]
    for image, path in zip(X, paths, strict=True):
        Image.fromarray(image).save(path)
    return paths


class NormNet(nn.Module):
    """A network with BatchNorm, dropout and four layers, of which three have weights."""

    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.stem = self._stage(3, 8)
            self.pool = nn.MaxPool2d(2)
            self.stage1 = self._stage(8, 10)
            self.stage2 = self._stage(10, 8)
            self.avgpool = nn.AdaptiveAvgPool2d(1)
            self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(8, 5))

    def _stage(self, n_in, n_out):
        norm = nn.BatchNorm2d(n_out)
        norm.running_mean.uniform_(-0.1, 0.1)
        norm.running_var.uniform_(0.02, 0.1)
        return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1), norm, nn.ReLU())

    def forward(self, x):
        x = self.stage2(self.stage1(self.pool(self.stem(x))))
        return self.classifier(self.avgpool(x).flatten(1))


@pytest.fixture
def tiny():
    return TinyNet()


@pytest.fixture(autouse=True)
def empty_cache():
    """Start and end every test with nothing in memory."""
    sklearn_tl.clear_cache()
    yield
    sklearn_tl.clear_cache()


@pytest.fixture
def benchmark(monkeypatch, tmp_path):
    """Return a function that runs a script of the benchmarks here, and returns its figures."""

    def run(name, *arguments):
        path = tmp_path / "figures.json"
        monkeypatch.syspath_prepend(BENCHMARKS)
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments), "--json", str(path)])
        main = importlib.import_module(name).main
        try:
            main()
        except SystemExit as end:  # the status says whether the claim holds
            if end.code:
                pytest.fail(f"{name} found what its claim excludes")
        return json.loads(path.read_text())

    return run


@pytest.fixture
def make_images():
    """Return a function that makes distinct uint8 images with smooth structure."""

    def make(n=6, height=40, width=52, seed=0):
        rng = np.random.default_rng(seed)
        coarse = rng.integers(0, 256, (n, 5, 6, 3), dtype=np.uint8)
        return np.stack([np.asarray(Image.fromarray(c).resize((width, height))) for c in coarse])

    return make


@pytest.fixture
def network_images(monkeypatch):
    """Return a list to which the size of every batch that reaches the network is appended.

    The one black image with which `fit` measures the width of the embedding is left out.
    """
    sizes = []
    rows = FrozenPass.rows

    def counting(self, batch):
        if batch.any():
            sizes.append(len(batch))
        return rows(self, batch)

    monkeypatch.setattr(FrozenPass, "rows", counting)
    return sizes
