"""Claim: fine-tuning is better than a linear classifier with many images, but not with few.

`FineTuneClassifier` with its defaults and several values of `unfreeze`, on two data sets:

- a folder with train/ and test/, each with one folder per class (`--data`); one fit per seed.
  Beside it runs plain skorch with its Freezer, by the recipe of its notebook on transfer
  learning: a new last layer on the same backbone, SGD at 0.001 with momentum 0.9, batches of 4,
  random crops and flips, a tenth of the learning rate after 7 epochs, and as many epochs as
  ours.
- the built-in photographs with 5 patches per class, drawn again for each seed.

The seconds are those of a fit under normal use. On the folder, all seeds except the first find
their frozen rows in the cache, as in a study. Each draw of patches is new. Plain skorch has no
cache.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from _report import machine, print_table, write_json
from PIL import Image
from skorch import NeuralNetClassifier
from skorch.callbacks import Freezer, LRScheduler
from torch import nn
from torchvision.transforms import v2

from sklearn_tl import FineTuneClassifier
from sklearn_tl.backbones.stock import load
from sklearn_tl.datasets import load_photo_patches

DEPTHS = {"None": None, "1": 1, "2": 2, "4": 4, "all": "all"}
PLAIN = "skorch"


def read_folder(folder):
    """Return the paths of the images and the names of their folders."""
    paths = sorted(str(path) for path in folder.glob("*/*") if path.is_file())
    return np.array(paths), np.array([Path(path).parent.name for path in paths])


class Photos(torch.utils.data.Dataset):
    """Files and labels, as in torchvision's ImageFolder."""

    def __init__(self, paths, codes, transform):
        self.paths, self.codes, self.transform = paths, codes, transform

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        with Image.open(self.paths[i]) as image:
            return self.transform(image.convert("RGB")), self.codes[i]


def plain_skorch(X, y, X_test, y_test, seed):
    """Return (accuracy, seconds) of skorch's own recipe."""
    torch.manual_seed(seed)
    module, preprocessing = load("efficientnet_lite0", "default")
    module.requires_grad_(True)
    classes, codes = np.unique(y, return_inverse=True)
    module.classifier = nn.Linear(module.classifier.in_features, len(classes))
    to_input = [
        v2.PILToTensor(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(preprocessing.mean, preprocessing.std),
    ]
    train = v2.Compose([v2.RandomResizedCrop(224), v2.RandomHorizontalFlip(), *to_input])
    test = v2.Compose([v2.Resize(256), v2.CenterCrop(224), *to_input])
    net = NeuralNetClassifier(
        module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.SGD,
        optimizer__momentum=0.9,
        lr=0.001,
        batch_size=4,
        max_epochs=FineTuneClassifier().max_epochs,
        iterator_train__shuffle=True,
        train_split=None,
        classes=classes,
        callbacks=[
            Freezer(lambda name: not name.startswith("classifier")),
            LRScheduler("StepLR", step_size=7, gamma=0.1),
        ],
        callbacks__train_loss=None,
        verbose=0,
    )
    start = time.perf_counter()
    net.fit(Photos(X, codes, train), y=None)
    seconds = time.perf_counter() - start
    net.set_params(batch_size=32)
    predicted = net.predict(Photos(X_test, np.zeros(len(X_test), dtype=int), test))
    return float((classes[predicted] == y_test).mean()), seconds


def fine_tuned(unfreeze, X, y, X_test, y_test, seed):
    """Return (accuracy, seconds) of a fit."""
    classifier = FineTuneClassifier(unfreeze=unfreeze, random_state=seed)
    start = time.perf_counter()
    classifier.fit(X, y)
    seconds = time.perf_counter() - start
    return float(classifier.score(X_test, y_test)), seconds


def compare(names, seeds, draw):
    """Return, for each name, a list of (accuracy, seconds) over the seeds."""
    results = {name: [] for name in names}
    for seed in seeds:
        data = draw(seed)
        for name in names:
            if name == PLAIN:
                result = plain_skorch(*data, seed)
            else:
                result = fine_tuned(DEPTHS[name], *data, seed)
            results[name].append(result)
            print(f"seed {seed}, {name}: {result[0]:.4f}, {result[1]:.1f} s", flush=True)
    return results


def show(results):
    """Print the table of one data set and return its rows."""
    rows = []
    for name, runs in results.items():
        accuracies, seconds = zip(*runs, strict=True)
        rows.append(
            [
                name,
                statistics.mean(accuracies),
                min(accuracies),
                max(accuracies),
                statistics.median(seconds),
            ]
        )
    header = ["unfreeze", "mean accuracy", "lowest", "highest", "median seconds of a fit"]
    print()
    print_table(header, rows)
    print()
    return [dict(zip(header, row, strict=True)) for row in rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, help="folder with train/ and test/")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=5, help="of patches")
    parser.add_argument("--patches", type=int, default=5, help="training patches per class")
    parser.add_argument("--only", nargs="+", choices=[*DEPTHS, PLAIN], default=[*DEPTHS, PLAIN])
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()
    print(machine(), "\n")
    figures = {}

    if args.data is not None:
        train, test = read_folder(args.data / "train"), read_folder(args.data / "test")
        print(f"{args.data.name}: {len(train[0])} training images, {len(test[0])} test images")
        runs = compare(args.only, range(args.seeds), lambda seed: (*train, *test))
        figures["folder"] = show(runs)

    photos = load_photo_patches()

    def draw(seed):
        rng = np.random.default_rng(seed)
        classes = np.unique(photos.target)
        places = [np.flatnonzero(photos.train & (photos.target == c)) for c in classes]
        chosen = np.concatenate(
            [rng.choice(place, args.patches, replace=False) for place in places]
        )
        test = ~photos.train
        return (
            photos.images[chosen],
            photos.target[chosen],
            photos.images[test],
            photos.target[test],
        )

    print(f"photographs: {args.patches} training patches per class")
    names = [name for name in args.only if name != PLAIN]
    figures["patches"] = show(compare(names, range(args.draws), draw))
    write_json(args.json, figures)


if __name__ == "__main__":
    main()
