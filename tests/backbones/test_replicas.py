"""Replicas of a network run in several threads at the same time."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import torch
from helpers.networks import TinyNet

from sklearn_tl.backbones import Replicas, load_backbone


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


class _Shared:
    """Something that a copy of a network refers to and does not copy."""

    def __init__(self, barrier):
        self.wait = barrier.wait

    def __deepcopy__(self, memo):
        return self


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
