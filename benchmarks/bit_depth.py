"""Claim: images of 10 and 12 bits, in grey or in colour, are read as well as those of 8 bits.

Photographs are written as PNG and TIFF files of 10 and 12 bits, and read as paths, bytes, PIL
images, arrays and a dataset, with the `value_range` of their bits. A logistic regression on the
embeddings is trained on one part of them and tested on the other. Its accuracy is compared with
that on the same photographs in files of 8 bits. The same files are read without a
`value_range`, which a warning advises against, and by the command line, whose accuracy is given
as the difference to its own on files of 8 bits. It runs the strategy whose regression has a fixed
strength: a choice among several would add its own noise.
"""

import argparse
import contextlib
import io
import itertools
import re
import tempfile
import warnings
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from _report import machine, print_table, write_json
from PIL import Image
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from sklearn_tl import ConvFeatureExtractor, ImageWarning
from sklearn_tl.cli import main as command
from sklearn_tl.datasets import load_photo_patches

WRITERS = {
    "png": lambda path, levels: path.write_bytes(imagecodecs.png_encode(levels)),
    "tif": lambda path, levels: tifffile.imwrite(
        path, levels, photometric="rgb" if levels.ndim == 3 else "minisblack"
    ),
}


class Dataset:
    """Opened files and labels, as torchvision's datasets return them."""

    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        return Image.open(self.paths[i]), 0


WAYS = {  # of the paths and the arrays
    "path": lambda paths, arrays: paths,
    "bytes": lambda paths, arrays: [path.read_bytes() for path in paths],
    "PIL image": lambda paths, arrays: [Image.open(path) for path in paths],
    "array": lambda paths, arrays: arrays,
    "dataset": lambda paths, arrays: Dataset(paths),
}


def read_folder(folder, per_class):
    """Return photographs of 8 bits, their labels, and whether each is to train on."""
    images, labels, train = [], [], []
    for part in ("train", "test"):
        for of_class in sorted((folder / part).iterdir()):
            for path in sorted(of_class.iterdir())[:per_class]:
                images.append(np.asarray(Image.open(path).convert("RGB")))
                labels.append(of_class.name)
                train.append(part == "train")
    return images, np.array(labels), np.array(train)


def built_in(per_class):
    photos = load_photo_patches()
    names = photos.target_names[photos.target].astype(str)
    return list(photos.images), names, photos.train


def write(folder, images, labels, train, kind, white, colour):
    """Write images with levels from 0 to `white`; return the paths and the levels."""
    paths, arrays = [], []
    for i, (image, label, is_train) in enumerate(zip(images, labels, train, strict=True)):
        levels = image if colour else np.asarray(Image.fromarray(image).convert("L"))
        dtype = np.uint8 if white == 255 else np.uint16
        arrays.append(np.rint(levels / 255 * white).astype(dtype))
        paths.append(folder / ("train" if is_train else "test") / label / f"{i}.{kind}")
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        WRITERS[kind](paths[-1], arrays[-1])
    return paths, arrays


@threadpool_limits.wrap(1, user_api="blas")
def accuracy(X, labels, train, value_range):
    extractor = ConvFeatureExtractor(cache=None, value_range=value_range)
    rows = extractor.fit_transform(X)
    return (
        LogisticRegression(max_iter=2000)
        .fit(rows[train], labels[train])
        .score(rows[~train], labels[~train])
    )


def by_command(folder, value_range):
    """Return the accuracy that the command line prints."""
    out, options = io.StringIO(), []
    if value_range:
        options = ["--value-range", *map(str, value_range)]
    folders = ["--train", str(folder / "train"), "--test", str(folder / "test")]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        assert command(["study", *folders, "--strategies", "head alone", *options]) == 0
    return float(re.search(r"head alone +([\d.]+) ±", out.getvalue())[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, help="folder with train/CLASS and test/CLASS")
    parser.add_argument("--per-class", type=int, default=20, help="images of each part")
    parser.add_argument("--bits", type=int, nargs="+", default=[10, 12])
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()
    print(machine(), "\n", flush=True)
    data = read_folder(args.data, args.per_class) if args.data else built_in(args.per_class)
    _, labels, train = data
    table = []
    for colour in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            plain = Path(folder, "8 bits")
            paths, _ = write(plain, *data, "png", 255, colour)
            expected = accuracy(paths, labels, train, None)
            of_command = by_command(plain, None)
            for kind, bits in itertools.product(WRITERS, args.bits):
                white = 2**bits - 1
                deep = Path(folder, f"{kind} {bits}")
                files = write(deep, *data, kind, white, colour)
                found = {
                    way: accuracy(WAYS[way](*files), labels, train, (0, white)) for way in args.ways
                }
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ImageWarning)
                    found["no value_range"] = accuracy(files[0], labels, train, None)
                found["command line"] = by_command(deep, (0, white)) - of_command
                name = f"{bits}-bit {'colour' if colour else 'grey'} {kind}"
                table.append([name, expected, *found.values()])
                print(table[-1], flush=True)
    print()
    header = ["files", "8 bits", *args.ways, "no value_range", "command line"]
    print_table(header, table)
    write_json(args.json, {"figures": [dict(zip(header, row, strict=True)) for row in table]})


if __name__ == "__main__":
    main()
