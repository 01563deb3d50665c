"""Claim: with its default, fine-tuning all layers does not lose to its own start, the head alone.

On the sets and splits of `layers.py` (`--sets`), whose first draws or folds are used (`--draws`):

- head alone: `unfreeze=None`
- default: all layers, and the mean of the weights before and after the training
- trained: all layers without the mean (`weight_averaging=1.0`)

With `--more` also what was tried in place of the mean, each with the trained weights as they are:

- L2-SP (Li et al. 2018) as a decay: each step moves all weights by 2 % or 10 % to where they began
- a rate of 1e-4 in place of 3e-4
- and the default for the last four layers only
"""

import argparse
import statistics
from pathlib import Path

import numpy as np
import torch
from _report import machine, print_table, write_json
from layers import SETS, fitted, score
from skorch.callbacks import Callback

from sklearn_tl import FineTuneClassifier


class DecayToStart(Callback):
    """Move all weights by a share of the way to where they began, after each step."""

    def __init__(self, share):
        self.share = share

    def on_train_begin(self, net, **kwargs):
        """Note where the weights begin."""
        self.start_ = {n: p.detach().clone() for n, p in net.module_.named_parameters()}

    def on_batch_end(self, net, training=False, **kwargs):
        """Move them."""
        if training:
            with torch.no_grad():
                for name, parameter in net.module_.named_parameters():
                    parameter.lerp_(self.start_[name], self.share)


AS_TRAINED = {"unfreeze": "all", "weight_averaging": 1.0}
FEW = {
    "head alone": {"unfreeze": None},
    "default": {},
    "trained": AS_TRAINED,
}
MORE = {
    "L2-SP, 2 %": AS_TRAINED | {"callbacks": [DecayToStart(0.02)]},
    "L2-SP, 10 %": AS_TRAINED | {"callbacks": [DecayToStart(0.1)]},
    "lr=1e-4": AS_TRAINED | {"lr": 1e-4},
    "four layers, default": {"unfreeze": 4},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=["patches, 5 per class"])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--more", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    variants = FEW | MORE if options.more else FEW
    rows, figures = [], {}
    for name in options.sets:
        X, y, groups, splits = SETS[name](options.data)
        scores = {variant: [] for variant in variants}
        for seed, (train, test) in enumerate(splits[: options.draws]):
            some = None if groups is None else groups[train]
            for variant, parameters in variants.items():
                model = FineTuneClassifier(
                    image_size=options.image_size, random_state=seed, **parameters
                )
                model = fitted(variant, model, X[train], y[train], some)
                scores[variant].append(float(score(model, X[test], y[test])))
            print(name, seed, {v: round(s[-1], 3) for v, s in scores.items()}, flush=True)
        gains = np.subtract(scores["default"], scores["head alone"])
        means = [f"{statistics.mean(s):.3f}" for s in scores.values()]
        figures[name] = scores
        rows.append((name, len(gains), *means, f"{gains.min():+.3f}"))
    print_table(("data", "draws", *variants, "smallest gain of the default"), rows)
    print(machine())
    write_json(options.json, figures)


if __name__ == "__main__":
    main()
