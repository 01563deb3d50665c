"""Claim: JPEG files of 12 megapixels are embedded faster if they are decoded at a reduced scale.

Photographs that scikit-learn ships are enlarged to 4000 x 3000 pixels, with grain on top, and
written as JPEG files of quality 90. They are embedded with `draft=True` and `draft=False` in
turn, with nothing cached, by both engines if OpenVINO is installed. The table also says how much
the rows differ.
"""

import argparse
import importlib.util
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from _report import machine, print_table, write_json
from PIL import Image
from sklearn.datasets import load_sample_images

from sklearn_tl import ConvFeatureExtractor

SIZE = (4000, 3000)


def write_photographs(folder, n):
    """Write `n` different files and return their paths."""
    rng = np.random.default_rng(0)
    photographs = load_sample_images().images
    paths = []
    for i in range(n):
        picture = Image.fromarray(photographs[i % len(photographs)])
        left, top = rng.integers(0, 200), rng.integers(0, 130)
        picture = picture.crop((left, top, left + 440, top + 297)).resize(SIZE, Image.BICUBIC)
        grain = rng.normal(0, 6, (SIZE[1], SIZE[0], 1))
        pixels = np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8)
        paths.append(str(Path(folder, f"{i}.jpg")))
        Image.fromarray(pixels).save(paths[-1], quality=90)
    return paths


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()
    print(machine(), "\n")
    engines = ["torch"] + ["openvino"] * (importlib.util.find_spec("openvino") is not None)
    table = []
    with tempfile.TemporaryDirectory() as folder:
        paths = write_photographs(folder, args.images)
        for engine in engines:
            sides = {
                draft: ConvFeatureExtractor(draft=draft, engine=engine, cache=None).fit(paths)
                for draft in (False, True)
            }
            rows = {draft: side.transform(paths) for draft, side in sides.items()}
            seconds = {draft: [] for draft in sides}
            for _ in range(args.repeat):
                for draft, side in sides.items():
                    start = time.perf_counter()
                    side.transform(paths)
                    seconds[draft].append(time.perf_counter() - start)
            full, reduced = (statistics.median(seconds[draft]) for draft in (False, True))
            a, b = rows[False], rows[True]
            cosines = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
            furthest = np.abs(a - b).max() / np.abs(a).max()
            n = len(paths)
            table.append(
                [
                    engine,
                    n / full,
                    n / reduced,
                    full / reduced,
                    float(furthest),
                    float(cosines.min()),
                ]
            )
    header = ["engine", "full, images/s", "draft, images/s", "ratio"]
    header += ["largest difference / largest value", "least cosine"]
    print_table(header, table)
    write_json(args.json, {"figures": [dict(zip(header, row, strict=True)) for row in table]})


if __name__ == "__main__":
    main()
