"""Claim: an epoch in which all layers are trained is faster here than in plain skorch.

Both sides train the same network from random weights (from its own weights for efficientnet_lite0)
on the same images in memory: AdamW, cross-entropy, channels last, BatchNorm in evaluation mode.
Ours is the network of `FineTuneClassifier`: its BatchNorms are parts of the convolutions, and
each core may take a chunk of the batch. The losses of both sides must agree, since nothing is
approximated. One epoch each warms up. Then the sides take turns, and the figure is the median of
the ratios.

With `--bfloat16`, a second claim: on a CPU that computes in bfloat16, networks with depthwise
convolutions and BatchNorms are nevertheless trained more slowly in it, and others faster. The
ratios are then those of float32 to bfloat16.
"""

import argparse
import statistics
import time
from functools import partial

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


def make_nets(name, batch_size, size=224, bfloat16=False):
    """Return two skorch nets that begin with the same weights, without dropout."""
    backbone = load_backbone(name, "default" if name == "efficientnet_lite0" else None)
    ours = partial(Tail, backbone=backbone)
    sides = (ours, partial(ours, precision="bfloat16")) if bfloat16 else (Plain, ours)
    nets = []
    for make in sides:
        network = cut_network(backbone, backbone.layers, keep_frozen=True)
        for part in network.modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0
        torch.manual_seed(0)
        n_features = network(torch.zeros(1, 3, size, size)).flatten(1).shape[1]
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
    first, second = make_nets(name, args.batch_size, args.size, args.bfloat16)

    def seconds(net):
        start = time.perf_counter()
        net.partial_fit(X, y, epochs=1)
        return time.perf_counter() - start

    seconds(first), seconds(second)  # allocations, and the check of the folded network
    times = [(seconds(first), seconds(second)) for _ in range(args.repeat)]
    if not args.bfloat16:
        losses = [net.history[:, "train_loss"] for net in (first, second)]
        np.testing.assert_allclose(*losses, rtol=1e-3)
    ratios = [a / b for a, b in times]
    medians = [statistics.median(side) / args.batches for side in zip(*times, strict=True)]
    figures = [name, *medians, statistics.median(ratios), min(ratios), max(ratios)]
    print(*figures, flush=True)
    return figures if args.bfloat16 else [*figures, BARS.get(name, float("nan"))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--networks", nargs="+", default=list(BARS))
    parser.add_argument("--bfloat16", action="store_true", help="compare the two precisions")
    parser.add_argument("--batches", type=int, default=3, help="per epoch")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--size", type=int, default=224, help="of the images, in pixels")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()
    print(machine(), "\n")
    sides = ("float32", "bfloat16") if args.bfloat16 else ("plain", "ours")
    seconds = [f"{side}, s per step" for side in sides]
    header = ["network", *seconds, "ratio", "lowest", "highest"]
    header += [] if args.bfloat16 else ["bar"]
    rows = [measure(name, args) for name in args.networks]
    print_table(header, rows)
    table = [dict(zip(header, row, strict=True)) for row in rows]
    write_json(args.json, {"table": table})


if __name__ == "__main__":
    main()
