"""The network that runs is folded and has copies, and says what the plain one says."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
import torch
from helpers.networks import NormNet, TinyNet
from numpy.testing import assert_array_equal
from torch import nn

from sklearn_tl import ConvFeatureExtractor
from sklearn_tl._utils.threads import in_threads
from sklearn_tl.backbones import load_backbone
from sklearn_tl.backbones.folding import Replicas, folded
from sklearn_tl.embedding import engines as engine

NETWORKS = [
    "efficientnet_lite0",
    "resnet18",
    "mobilenet_v3_small",
    "efficientnet_b0",
    "densenet121",
    "googlenet",
    "shufflenet_v2_x0_5",
    "mnasnet0_5",
    "regnet_y_400mf",
    "vgg11_bn",
    "squeezenet1_1",
    "convnext_tiny",
    "timm/mobilenetv3_small_050",
]
# BatchNorms that come before their convolution, or belong to a part that is not run.
NOT_FOLDED = {"densenet121": 62, "googlenet": 2}


def train_a_little(module):
    """Give BatchNorm statistics and weights that it does not have from the start."""
    generator = torch.Generator().manual_seed(0)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor, low, high in [
                (norm.running_mean, -0.3, 0.3),
                (norm.running_var, 0.5, 2),
                (norm.weight, 0.5, 1.5),
                (norm.bias, -0.3, 0.3),
            ]:
                tensor.data.uniform_(low, high, generator=generator)
    return module


def n_norms(module):
    return sum(isinstance(child, nn.BatchNorm2d) for child in module.modules())


@pytest.mark.parametrize("name", NETWORKS)
def test_folded_networks_return_what_the_plain_ones_do(name):
    backbone = load_backbone(name, "default" if name == "efficientnet_lite0" else None)
    module = backbone.copy_module()
    if name != "efficientnet_lite0":
        train_a_little(module)
    x = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    network = folded(module, x[:1])
    with torch.inference_mode():
        wanted, got = module(x), network(x)
    assert (wanted - got).abs().max() <= 1e-4 * wanted.abs().max()
    assert n_norms(network) == NOT_FOLDED.get(name, 0)
    assert n_norms(module) > n_norms(network) or name in ("squeezenet1_1", "convnext_tiny")


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "timm/mobilenetv3_small_050"])
def test_every_layer_is_as_in_the_plain_network(name):
    """The convolution whose own output is asked for is not folded."""
    backbone = load_backbone(name, weights=None)
    train_a_little(backbone.module)
    x = torch.rand(1, 3, 96, 96)
    for layer in backbone.layers:
        seen = []
        with torch.inference_mode():
            got = backbone.run(x, {layer: torch.clone})[layer]
            hook = backbone.module.get_submodule(layer).register_forward_hook(
                lambda module, inputs, output, seen=seen: seen.append(output.clone())
            )
            backbone.module(x)
            hook.remove()
        assert (got - seen[0]).abs().max() <= 1e-4 * seen[0].abs().max()


class TwoWays(NormNet):
    """The output of a convolution also goes another way than into BatchNorm."""

    def forward(self, x):
        conv, norm, relu = self.stem
        x = conv(x)
        x = self.stage2(self.stage1(self.pool(relu(norm(x)) + x)))
        return self.classifier(self.avgpool(x).flatten(1))


class Choosy(NormNet):
    def forward(self, x):
        assert x.shape[-1] == 40, "40 pixels, please"
        return super().forward(x)


class Tuple(NormNet):
    def forward(self, x):
        return super().forward(x), x


@pytest.mark.parametrize("make", [TwoWays, Choosy, Tuple])
def test_what_cannot_be_folded_runs_as_it_is(make):
    module = train_a_little(make().eval())
    network = folded(module, torch.rand(1, 3, 32, 32))
    assert n_norms(network) == 3
    assert network is not module


def test_replicas_share_their_tensors_and_nothing_else():
    module = TinyNet()
    replicas = Replicas(module)
    with replicas.one() as first, replicas.one() as second:
        assert first is not second
        for replica in (first, second):
            assert replica.stem[0].weight is module.stem[0].weight
            replica.stem.register_forward_hook(lambda *args: None)
    assert not module.stem._forward_hooks
    with replicas.one() as again:
        assert again in (first, second)


class Notes(TinyNet):
    """A network that notes something down while it runs, as it may."""

    def __init__(self):
        super().__init__()
        self.barrier = None

    def forward(self, x):
        self.note = x
        if self.barrier is not None:
            self.barrier.wait(10)  # until the other thread has made its note, too
        return super().forward(self.note)


def test_two_threads_run_one_backbone_at_once():
    module = Notes()
    backbone = load_backbone(module)
    x = torch.rand(2, 1, 3, 32, 32)

    def row(i):
        with torch.inference_mode():
            return backbone.run(x[i], {None: torch.clone})[None]

    wanted = [row(i) for i in range(2)]
    barrier = Barrier(2)
    backbone._inference.clear()
    backbone.module.barrier = _Shared(barrier)
    backbone._inference[()] = Replicas(backbone.module)
    with ThreadPoolExecutor(2) as pool:
        got = list(pool.map(row, range(2)))
    for a, b in zip(wanted, got, strict=True):
        torch.testing.assert_close(a, b)


class _Shared:
    """Something that a copy of a network refers to and does not copy."""

    def __init__(self, barrier):
        self.wait = barrier.wait

    def __deepcopy__(self, memo):
        return self


@pytest.mark.parametrize("size", [64, 160, "native"])
def test_the_bits_of_a_row_depend_on_its_image_alone(size, make_images):
    X = make_images(40 if size == 64 else 9, 64, 64)

    def rows(X, **parameters):
        extractor = ConvFeatureExtractor(image_size=size, cache=None, **parameters)
        return extractor.fit_transform(X)

    wanted = rows(X)
    order = [7, 2, 8, 0]
    assert_array_equal(rows(X[order]), wanted[order])
    assert_array_equal(rows(X[:1]), wanted[:1])
    assert_array_equal(rows(X, batch_size=200), wanted)
    for batch_size in (1, 3):
        few = rows(X, batch_size=batch_size)
        np.testing.assert_allclose(few, wanted, rtol=0, atol=1e-5 * wanted.max())
    n_threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert_array_equal(rows(X), wanted)
    finally:
        torch.set_num_threads(n_threads)
    # Not below what a CPU takes at once, which is 32 images at 64 pixels and 7 at 160.
    assert_array_equal(rows(X, n_jobs=2, batch_size=32 if size == 64 else 8), wanted)


def test_the_number_of_threads_is_left_as_it_was(make_images):
    before = torch.get_num_threads()
    ConvFeatureExtractor(TinyNet).fit_transform(make_images(40))
    assert torch.get_num_threads() == before
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == before


def test_each_thread_keeps_to_one_core():
    """Whatever the process says while it works."""

    def items():
        for i in range(40):
            torch.set_num_threads(2)
            yield i

    def work(i):
        return (torch.rand(10) + i).sum() * 0 + torch.get_num_threads()

    before = torch.get_num_threads()
    try:
        assert {int(n) for n in in_threads(work, items(), n_threads=4, ahead=4)} == {1}
    finally:
        torch.set_num_threads(before)


@pytest.fixture
def traces(monkeypatch):
    """Return a list to which every trace of a network is added."""
    made, make = [], engine._Traced

    def counting(traced):
        made.append(make(traced))
        return made[-1]

    monkeypatch.setattr(engine, "_Traced", counting)
    engine._compiled.cache_clear()
    yield made
    engine._compiled.cache_clear()


def plain_rows(extractor, X, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(engine, "_can_be_traced", lambda frozen: False)
        return extractor.transform(X)


@pytest.mark.parametrize("name", NETWORKS)
def test_traces_return_what_their_networks_do(name, make_images, traces, monkeypatch):
    X = make_images(3, 64, 64)
    weights = "default" if name == "efficientnet_lite0" else None
    extractor = ConvFeatureExtractor(name, weights=weights, image_size=64, cache=None).fit(X)
    wanted = plain_rows(extractor, X, monkeypatch)
    got = extractor.transform(X)
    assert len(traces) == 1
    assert abs(got - wanted).max() <= 1e-5 * abs(wanted).max()
    assert_array_equal(extractor.transform(X), got)
    assert len(traces) == 1


def test_networks_of_ones_own_and_many_shapes_are_not_traced(make_images, traces):
    X = make_images(3, 64, 64)
    for parameters in ({"backbone": NormNet}, {"image_size": "native"}, {"precision": "bfloat16"}):
        ConvFeatureExtractor(cache=None, **parameters).fit_transform(X)
    assert not traces


@pytest.mark.parametrize("how", ["fails", "is wrong"])
def test_where_a_trace_is_no_use_the_network_runs_plainly(how, make_images, monkeypatch):
    class Useless:
        def __init__(self, traced):
            if how == "fails":
                raise RuntimeError("cannot be frozen")

        def __call__(self, batch):
            return np.ones((len(batch), 1280), dtype=np.float32)

    X = make_images(3, 64, 64)
    extractor = ConvFeatureExtractor(image_size=64, cache=None).fit(X)
    wanted = plain_rows(extractor, X, monkeypatch)
    monkeypatch.setattr(engine, "_Traced", Useless)
    engine._compiled.cache_clear()
    assert_array_equal(extractor.transform(X), wanted)
    engine._compiled.cache_clear()


def test_images_of_8_and_of_more_bits_in_one_chunk(make_images):
    X = make_images(4, 64, 64)
    deep = [image / np.float32(255.5) for image in X]  # no 8-bit levels
    extractor = ConvFeatureExtractor(image_size=64, cache=None).fit(X)
    mixed = extractor.transform([X[0], deep[1], X[2], deep[3]])
    alone = np.concatenate([extractor.transform(X), extractor.transform(deep)])
    np.testing.assert_allclose(mixed, alone[[0, 5, 2, 7]], rtol=1e-5, atol=1e-5)


class Scaled(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor


class NotWhite(nn.Module):
    """Goes beyond all numbers at a white image."""

    def forward(self, x):
        return torch.where(x.amin((1, 2, 3), keepdim=True) > 2, torch.inf, x)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_row_that_is_no_number_is_an_error_and_is_not_cached(precision, make_images):
    X = make_images(6)
    network = nn.Sequential(NotWhite(), NormNet())
    extractor = ConvFeatureExtractor(network, image_size=16, precision=precision)
    rows = extractor.fit_transform(X)
    X[4] = 255
    for _ in range(2):
        with pytest.raises(ValueError, match=rf"X.4. into NaN or infinity, in {precision}"):
            extractor.transform(X)
    assert_array_equal(extractor.transform(X[:4]), rows[:4])


def test_bfloat16_reaches_as_far_as_float32(make_images):
    X, rows = make_images(3), []
    for precision in ("float32", "bfloat16"):
        network = NormNet()
        network.stage1.append(Scaled(1e30))
        network.stage2.append(Scaled(1e-25))
        extractor = ConvFeatureExtractor(network, image_size=16, precision=precision)
        rows.append(extractor.fit_transform(X))
    np.testing.assert_allclose(rows[1], rows[0], atol=0.03 * rows[0].max())
