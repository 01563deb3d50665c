"""Claim: fine-tuning the last layer costs one pass over the images, and not one per epoch.

`FineTuneClassifier(unfreeze=1)` runs from image files with an empty cache. It is compared with

- "skorch": plain skorch with its Freezer on the same backbone, which trains the same layer and a
  new head for as many epochs, in the same batches and with the same optimizer and learning rate
- "floor": one tuned pass over the frozen layers, then as many epochs of the rest in plain torch

The sides run in turn, several times over, and the median counts. The floor has no head that is
fitted first, no scores and no early stopping: it is the work that no method can avoid. The
accuracy is that on test/.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from _report import machine, print_table, write_json
from finetune import Photos, read_folder
from skorch import NeuralNetClassifier
from skorch.callbacks import Freezer
from study import write_patches
from torch import nn
from torchvision.transforms import InterpolationMode, v2

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier
from sklearn_tl.backbones.stock import load
from sklearn_tl.cache import MEMORY

TRAINED, BEFORE = (
    "conv_head",
    "blocks.6",
)  # the layer that unfreeze=1 trains, and the layer before it
EPOCHS, LR, BATCH = 5, 3e-4, 32


def ours(X, y, X_test, y_test):
    MEMORY.clear()
    classifier = FineTuneClassifier(
        unfreeze=1, max_epochs=EPOCHS, lr=LR, batch_size=BATCH, random_state=0
    )
    start = time.perf_counter()
    classifier.fit(X, y)
    seconds = time.perf_counter() - start
    assert set(trained_layers(classifier)) == {TRAINED}
    return seconds, classifier.score(X_test, y_test)


def trained_layers(classifier):
    groups = classifier.net_.optimizer__param_groups
    names = [pattern for pattern, _ in groups if pattern.startswith("network.")]
    return [name.removeprefix("network.").removesuffix(".*") for name in names]


def plain_skorch(X, y, X_test, y_test):
    torch.manual_seed(0)
    module, preprocessing = load("efficientnet_lite0", "default")
    module.requires_grad_(True)
    classes, codes = np.unique(y, return_inverse=True)
    module.classifier = nn.Linear(module.classifier.in_features, len(classes))
    transform = v2.Compose(
        [
            v2.Resize(preprocessing.resize[0], interpolation=InterpolationMode.BICUBIC),
            v2.CenterCrop(preprocessing.crop),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(preprocessing.mean, preprocessing.std),
        ]
    )
    net = NeuralNetClassifier(
        module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        lr=LR,
        batch_size=BATCH,
        max_epochs=EPOCHS,
        iterator_train__shuffle=True,
        train_split=None,
        classes=classes,
        callbacks=[Freezer(lambda name: not name.startswith((TRAINED, "classifier")))],
        verbose=0,
    )
    start = time.perf_counter()
    net.fit(Photos(X, codes, transform), y=None)
    seconds = time.perf_counter() - start
    predicted = net.predict(Photos(X_test, np.zeros(len(X_test), dtype=int), transform))
    return seconds, float((classes[predicted] == y_test).mean())


class Rest(nn.Module):
    """The layers after the frozen ones."""

    def __init__(self, module, n_classes):
        super().__init__()
        self.trained = module.get_submodule(TRAINED).requires_grad_(True)
        self.head = nn.Linear(module.classifier.in_features, n_classes)

    def forward(self, x):
        return self.head(self.trained(x).mean((2, 3)))


def floor(X, y, X_test, y_test):
    torch.manual_seed(0)
    rest = Rest(load("efficientnet_lite0", "default")[0], len(np.unique(y))).eval()
    frozen = ConvFeatureExtractor(layer=BEFORE, pooling="flatten", cache=None)
    codes = torch.from_numpy(np.unique(y, return_inverse=True)[1])
    start = time.perf_counter()
    maps = torch.from_numpy(frozen.fit_transform(X)).view(len(X), -1, 7, 7)
    optimizer = torch.optim.AdamW(rest.parameters(), lr=LR)
    for _ in range(EPOCHS):
        for some in torch.randperm(len(X)).split(BATCH):
            optimizer.zero_grad()
            x = maps[some].contiguous(memory_format=torch.channels_last)
            nn.functional.cross_entropy(rest(x), codes[some]).backward()
            optimizer.step()
    seconds = time.perf_counter() - start
    with torch.inference_mode():
        test = torch.from_numpy(frozen.transform(X_test)).view(len(X_test), -1, 7, 7)
        predicted = rest(test).argmax(1).numpy()
    return seconds, float((np.unique(y)[predicted] == y_test).mean())


SIDES = {"FineTuneClassifier": ours, "skorch": plain_skorch, "floor": floor}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, help="folder with train/ and test/")
    parser.add_argument("--images", type=int, help="number of training images; default: all")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()
    print(machine(), "\n")
    runs = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        if args.data is None:
            paths, y = (np.array(some) for some in write_patches(folder))
            X, y, X_test, y_test = paths[::2], y[::2], paths[1::2], y[1::2]
        else:
            X, y = read_folder(args.data / "train")
            X_test, y_test = read_folder(args.data / "test")
        if args.images is not None:
            chosen = np.linspace(0, len(X) - 1, args.images).astype(int)
            X, y = X[chosen], y[chosen]
        print(f"{len(X)} training images, {len(X_test)} test images", flush=True)
        for _ in range(args.repeat):
            for side, run in SIDES.items():
                runs[side].append(run(X, y, X_test, y_test))
                seconds, accuracy = runs[side][-1]
                print(f"{side}: {seconds:.1f} s, accuracy {accuracy:.4f}", flush=True)
    mine = statistics.median(seconds for seconds, _ in runs["FineTuneClassifier"])
    table = []
    for side, some in runs.items():
        seconds = statistics.median(seconds for seconds, _ in some)
        accuracy = statistics.mean(accuracy for _, accuracy in some)
        table.append([side, seconds, seconds / mine, accuracy])
    print()
    header = ["side", "seconds", "times FineTuneClassifier", "accuracy"]
    print_table(header, table)
    write_json(args.json, {"figures": [dict(zip(header, row, strict=True)) for row in table]})


if __name__ == "__main__":
    main()
