"""Training without BatchNorms and in chunks is training of the plain network."""

import copy
import pickle

import pytest
import torch
from helpers.estimators import make
from helpers.networks import NormNet, assert_equal_in_scale, train_a_little
from helpers.pictures import study
from torch import nn

from sklearn_tl.backbones import Backbone, load_backbone
from sklearn_tl.finetuning import Tail, changed_tensors, cut_network, folded
from sklearn_tl.finetuning.chunks import ChunkDropout


class DepthwiseNet(NormNet):
    """A network that gains from chunks. Its dropout is active in training."""

    def __init__(self):
        super().__init__()
        self.stage1[0] = nn.Conv2d(8, 16, 3, padding=1, groups=8)
        self.stage1[1] = nn.BatchNorm2d(16)
        self.stage2[0] = nn.Conv2d(16, 8, 1, bias=False)


@pytest.fixture
def small_chunks(monkeypatch):
    """Make chunks of two images: of seven images, the last chunk has one."""
    monkeypatch.setattr(folded, "MIN_CHUNKS", 2)
    monkeypatch.setattr(folded, "CHUNK_PRODUCTS", 2.5)
    monkeypatch.setattr(folded, "count_products", lambda network, image: 1)


def tail_of(network, *, tuned=None, size=64, dropout=None):
    """Return a tail in training mode with a head, seven images and their targets."""
    backbone = load_backbone(network, weights=None)
    module = train_a_little(backbone.copy_module())
    backbone = Backbone("net", module, backbone.preprocessing)
    tail = Tail(cut_network(backbone, tuned or backbone.layers, keep_frozen=True), None, backbone)
    for part in tail.modules():
        if isinstance(part, nn.Dropout) and dropout is not None:
            part.p = dropout
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(7, 3, size, size, generator=generator)
    n_features = tail.eval().embed(x[:1]).shape[1]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tail.head = nn.Linear(n_features, 3)
    return tail.train(), x, torch.arange(7) % 3


def without_folding(tail, monkeypatch):
    """Return a copy that trains the plain network."""
    plain = copy.deepcopy(tail)
    monkeypatch.setattr(plain, "_folded_for", lambda x: None)
    return plain.train()


def gradients(tail, x, y):
    tail.zero_grad()
    nn.functional.cross_entropy(tail(x.clone()), y).backward()
    return {name: part.grad.clone() for name, part in tail.named_parameters()}


def change_in_steps(tail, x, y, n_steps=5):
    """Return how training changes the parameters, side by side."""
    before = flat(tail)
    optimizer = torch.optim.AdamW(tail.parameters(), lr=1e-3)
    for _ in range(n_steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(tail(x.clone()), y).backward()
        optimizer.step()
    return flat(tail) - before


def flat(tail):
    return torch.cat([part.detach().flatten() for part in tail.parameters()])


@pytest.mark.parametrize(
    ("network", "in_chunks"),
    [
        ("efficientnet_lite0", True),
        ("efficientnet_b0", True),
        ("mobilenet_v3_small", True),
        ("timm/mobilenetv3_small_050", True),  # its BatchNorms contain activations
        ("resnet18", False),
    ],
)
def test_outputs_gradients_and_steps_are_those_of_the_plain_network(
    network, in_chunks, small_chunks, monkeypatch
):
    tail, x, y = tail_of(network, dropout=0.0)
    plain = without_folding(tail, monkeypatch)
    assert_equal_in_scale(tail(x.clone()), plain(x.clone()))
    assert tail._folded.chunk_size == (2 if in_chunks else None)
    wanted = gradients(plain, x, y)
    for name, gradient in gradients(tail, x, y).items():
        assert_equal_in_scale(gradient, wanted[name], tolerance=1e-4)
    wanted, got = change_in_steps(plain, x, y), change_in_steps(tail, x, y)
    # Where a gradient is almost zero, its sign decides the first step of Adam.
    assert (got - wanted).norm() < 0.01 * wanted.norm()


def test_frozen_layers_are_folded_too_and_stay_as_they_are(monkeypatch):
    tail, x, y = tail_of(DepthwiseNet, tuned=["stage2"], dropout=0.0)
    plain = without_folding(tail, monkeypatch)
    frozen = {name: tensor.clone() for name, tensor in tail.network.named_buffers()}
    wanted, got = gradients(plain, x, y), gradients(tail, x, y)
    assert len(tail._folded.pairs) == 3
    assert got.keys() == wanted.keys()
    for name, gradient in got.items():
        assert_equal_in_scale(gradient, wanted[name], tolerance=1e-4)
    for name, tensor in tail.network.named_buffers():
        assert torch.equal(tensor, frozen[name])


def test_names_copies_and_pickles_are_as_before():
    tail, x, y = tail_of(DepthwiseNet)
    names = list(tail.state_dict())
    change_in_steps(tail, x, y, 1)
    assert tail._folded is not None
    assert list(tail.state_dict()) == names
    copies = [copy.deepcopy(tail), pickle.loads(pickle.dumps(tail))]
    change_in_steps(tail, x, y, 1)
    for twin in copies:
        assert twin._folded is None
        assert not torch.equal(twin.network.stem[0].weight, tail.network.stem[0].weight)
        change_in_steps(twin, x, y, 1)
        assert twin._folded.network is twin.network
    backbone = load_backbone(DepthwiseNet)
    assert set(changed_tensors(tail, backbone)) <= set(names)


class LooksAtItsNorm(NormNet):
    def forward(self, x):
        assert isinstance(self.stem[1], nn.BatchNorm2d)
        return super().forward(x)


class ComparesImages(DepthwiseNet):
    """What it returns for an image depends on the others."""

    def forward(self, x):
        return super().forward(x - x.mean(0))


@pytest.mark.parametrize("network", [LooksAtItsNorm, ComparesImages])
def test_a_network_that_would_change_is_trained_as_it_is(network, monkeypatch):
    tail, x, _ = tail_of(network, dropout=0.0)
    plain = without_folding(tail, monkeypatch)
    assert torch.equal(tail(x.clone()), plain(x.clone()))
    assert tail._folded is None


def test_hooks_run_with_the_plain_network():
    tail, x, y = tail_of(NormNet)
    gradients(tail, x, y)
    seen = []
    hook = tail.network.stem[1].register_forward_hook(lambda *_: seen.append(1))
    gradients(tail, x, y)
    hook.remove()
    gradients(tail, x, y)
    assert seen == [1]


def test_prediction_uses_the_plain_network():
    tail, x, _ = tail_of(NormNet)
    tail.eval()(x)
    assert tail._folded is None


@pytest.mark.parametrize("n_threads", [1, 3])
def test_dropout_depends_on_the_seed_alone(n_threads, small_chunks):
    tail, x, y = tail_of(DepthwiseNet, dropout=0.5)
    n_before, found = torch.get_num_threads(), []
    try:
        for threads, seed in [(2, 0), (n_threads, 0), (2, 1)]:
            torch.set_num_threads(threads)
            torch.manual_seed(seed)
            found.append(gradients(tail, x, y)["network.stem.0.weight"])
    finally:
        torch.set_num_threads(n_before)
    assert tail._folded.chunk_size == 2
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_chunks_drop_as_often_as_dropout_does(small_chunks):
    tail, x, _ = tail_of(DepthwiseNet, dropout=0.25)
    kept = torch.cat([tail.embed(x.clone()).detach() for _ in range(100)])
    wanted = tail.eval().embed(x)
    assert 0.7 < (kept != 0).float().mean() / (wanted != 0).float().mean() < 0.8
    assert_equal_in_scale(kept.unflatten(0, (100, 7)).mean(0), wanted, tolerance=0.25)


def test_other_dropout_is_not_split(small_chunks):
    class Other(DepthwiseNet):
        def __init__(self):
            super().__init__()
            self.stage2.append(nn.Dropout2d(0.5))

    tail, x, y = tail_of(Other)
    gradients(tail, x, y)
    assert tail._folded is not None
    assert tail._folded.chunk_size is None


@pytest.mark.parametrize(
    ("network", "chunk_size"), [("efficientnet_lite0", 4), ("mobilenet_v3_small", 29)]
)
def test_a_chunk_is_an_amount_of_work(network, chunk_size):
    tail, x, _ = tail_of(network, size=224)
    tail.embed(x[:1])
    assert tail._folded.chunk_size == chunk_size


def test_a_fit_in_chunks_gives_the_same_bits_again(small_chunks):
    X, y = study(3, 12)
    first, again = (make("all", backbone=DepthwiseNet).fit(X, y) for _ in range(2))
    assert first.history_[:, "train_loss"] == again.history_[:, "train_loss"]
    assert (first.predict_proba(X) == again.predict_proba(X)).all()


def test_dropout_of_everything_is_zero():
    dropout = ChunkDropout(1.0)
    assert not dropout(torch.ones(3)).any()
