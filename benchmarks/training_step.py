"""Claim: an epoch in which all layers are trained is faster here than in plain skorch.

Both sides train the same network from random weights (from its own weights for efficientnet_lite0)
on the same images in memory: AdamW, cross-entropy, channels last, BatchNorm in evaluation mode.
Ours is the network of `FineTuneClassifier`: its BatchNorms are parts of the convolutions, and
each core may take a chunk of the batch. The losses of both sides must agree, since nothing is
approximated. One epoch each warms up. Then the sides take turns, and the figure is the median of
the ratios.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from _report import machine, print_table, write_json
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_tl.backbones import load_backbone
from sklearn_tl.finetuning import Tail, cut_network

BARS = {
    "efficientnet_lite0": 1.5,
    "efficientnet_b0": 1.25,
    "mobilenet_v3_small": 1.05,
    "resnet18": 1.0,
}


class Plain(nn.Module):
    """A network in evaluation mode with a new head, as one would write it."""

    def __init__(self, network, head):
        super().__init__()
        self.network, self.head = network, head

    def train(self, mode=True):
        super().train(mode)
        self.network.eval()
        return self

    def forward(self, x):
        x = self.network(x.contiguous(memory_format=torch.channels_last))
        return self.head(x.flatten(1))


def make_nets(name, batch_size):
    """Return two skorch nets that begin with the same weights, without dropout."""
    backbone = load_backbone(name, "default" if name == "efficientnet_lite0" else None)
    nets = []
    for make in (Plain, lambda network, head: Tail(network, head, backbone)):
        network = cut_network(backbone, backbone.layers, keep_frozen=True)
        for part in network.modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0
        torch.manual_seed(0)
        n_features = network(torch.zeros(1, 3, 64, 64)).flatten(1).shape[1]
        head = nn.Linear(n_features, 5)
        net = NeuralNetClassifier(
            make(network, head),
            criterion=nn.CrossEntropyLoss,
            optimizer=torch.optim.AdamW,
            lr=1e-5,
            batch_size=batch_size,
            classes=np.arange(5),
            train_split=None,
            verbose=0,
        )
        nets.append(net.initialize())
    return nets


def measure(name, args):
    """Return a row of the table."""
    rng = np.random.default_rng(0)
    n_images = args.batches * args.batch_size
    X = rng.standard_normal((n_images, 3, args.size, args.size), dtype=np.float32)
    y = np.arange(n_images) % 5
    plain, ours = make_nets(name, args.batch_size)

    def seconds(net):
        start = time.perf_counter()
        net.partial_fit(X, y, epochs=1)
        return time.perf_counter() - start

    seconds(plain), seconds(ours)  # allocations, and the check of the folded network
    times = [(seconds(plain), seconds(ours)) for _ in range(args.repeat)]
    losses = [net.history[:, "train_loss"] for net in (plain, ours)]
    np.testing.assert_allclose(*losses, rtol=1e-3)
    ratios = [a / b for a, b in times]
    medians = [statistics.median(side) / args.batches for side in zip(*times, strict=True)]
    return [name, *medians, statistics.median(ratios), min(ratios), max(ratios), BARS[name]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--networks", nargs="+", choices=BARS, default=list(BARS))
    parser.add_argument("--batches", type=int, default=3, help="per epoch")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--size", type=int, default=224, help="of the images, in pixels")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()
    print(machine(), "\n")
    header = ["network", "plain, s per step", "ours, s per step", "ratio", "lowest", "highest"]
    rows = [measure(name, args) for name in args.networks]
    print_table([*header, "bar"], rows)
    table = [dict(zip([*header, "bar"], row, strict=True)) for row in rows]
    write_json(args.json, {"table": table})


if __name__ == "__main__":
    main()
