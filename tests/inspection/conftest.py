"""Figures that are drawn without a screen, and closed after each test."""

import pytest


@pytest.fixture
def no_screen():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    yield
    plt.close("all")
