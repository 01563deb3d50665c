"""A frozen trace returns the rows of its network, or is not used."""

import threading
import warnings

import numpy as np
import pytest
import torch
from helpers.networks import NETWORKS, NormNet
from numpy.testing import assert_array_equal

from sklearn_tl import ConvFeatureExtractor
from sklearn_tl._utils import release_all
from sklearn_tl.embedding import FrozenPass, engines

SMALL = {"image_size": 64, "batch_size": 4, "cache": None}  # a batch is filled up to its size


@pytest.fixture
def traces(monkeypatch):
    """Return a list to which every trace of a network is added."""
    made, make = [], engines._Traced

    def counting(traced):
        made.append(make(traced))
        return made[-1]

    monkeypatch.setattr(engines, "_Traced", counting)
    release_all()
    yield made
    release_all()


def plain_rows(extractor, X, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(FrozenPass, "_pays_to_compile", False)
        return extractor.transform(X)


@pytest.mark.parametrize("name", NETWORKS)
def test_traces_return_what_their_networks_do(name, make_images, traces, monkeypatch):
    X = make_images(3, 64, 64)
    weights = "default" if name == "efficientnet_lite0" else None
    extractor = ConvFeatureExtractor(name, weights=weights, **SMALL).fit(X)
    wanted = plain_rows(extractor, X, monkeypatch)
    got = extractor.transform(X)
    assert len(traces) == 1
    assert abs(got - wanted).max() <= 1e-5 * abs(wanted).max()
    assert_array_equal(extractor.transform(X), got)
    assert len(traces) == 1


def test_own_networks_and_many_shapes_are_not_traced(make_images, traces):
    X = make_images(3, 64, 64)
    for parameters in ({"backbone": NormNet}, {"image_size": "native"}, {"precision": "bfloat16"}):
        ConvFeatureExtractor(**(SMALL | parameters)).fit_transform(X)
    assert not traces


@pytest.mark.parametrize("how", ["fails", "is wrong"])
def test_torch_runs_the_network_if_its_trace_is_useless(how, make_images, monkeypatch):
    class Useless:
        def __init__(self, traced):
            if how == "fails":
                raise RuntimeError("cannot be frozen")

        def __call__(self, batch):
            return np.ones((len(batch), 1280), dtype=np.float32)

    X = make_images(3, 64, 64)
    extractor = ConvFeatureExtractor(**SMALL).fit(X)
    wanted = plain_rows(extractor, X, monkeypatch)
    monkeypatch.setattr(engines, "_Traced", Useless)
    assert_array_equal(extractor.transform(X), wanted)


def test_torch_runs_the_network_once_torch_jit_is_gone(make_images, monkeypatch):
    release_all()
    X = make_images(3, 64, 64)
    extractor = ConvFeatureExtractor(**SMALL).fit(X)
    expected = plain_rows(extractor, X, monkeypatch)
    monkeypatch.delattr(torch.jit, "trace")
    assert_array_equal(extractor.transform(X), expected)


def test_only_the_deprecation_of_torch_jit_and_remarks_on_tracing_are_hidden():
    def run(x):
        warnings.warn("`torch.other` is deprecated", FutureWarning, stacklevel=1)
        return x.flatten(1) * float(x.sum() > 0)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        options = {"engine": "torch", "precision": "float32", "name": "a function"}
        engines.compile_network(run, (1, 4, 4, 3), **options)
    assert {str(warning.message) for warning in caught} == {"`torch.other` is deprecated"}


def test_networks_are_compiled_in_the_thread_of_the_caller(make_images, monkeypatch):
    """Filters of warnings are not safe in other threads."""
    release_all()
    threads, trace = [], torch.jit.trace

    def noting(*args, **kwargs):
        threads.append(threading.current_thread())
        return trace(*args, **kwargs)

    monkeypatch.setattr(torch.jit, "trace", noting)
    ConvFeatureExtractor(**SMALL).fit_transform(make_images(9, 64, 64))
    assert threads == [threading.current_thread()]
