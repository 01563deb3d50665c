"""Claim: the largest image that is accepted takes at most 30 bytes of memory per pixel.

Files of 9459 x 9459 pixels, just below `max_pixels`, go through
`ConvFeatureExtractor.transform` with a tiny network, each in its own process. Files of one
colour are small, as decompression bombs are. The file of noise cannot be reduced to 8 bits.

Then files of 400 megapixels are read with `max_pixels=None`: a JPEG file, and a TIFF file of tiles
that are not compressed. For them the whole memory of the process counts, which must stay below
2.5 GiB.
"""

import argparse
import resource
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import tifffile
from _report import ELSEWHERE, machine, print_table, write_json
from fuzz import tiny_extractor
from PIL import Image

from sklearn_tl._choices import MAX_PIXELS

SIDE = 9459
CASES = [("RGB", "PNG"), ("RGBA", "PNG"), ("LA", "TIFF"), ("F", "TIFF"), ("P", "GIF"),
         ("RGBA", "WEBP"), ("I;16", "TIFF")]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    parser.add_argument("--only-huge", action="store_true", help="leave the first table out")
    args = parser.parse_args()
    table = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "image")
        for mode, kind in [] if args.only_huge else CASES:
            in_a_new_process(write, path, mode, kind)
            size, (seconds, grown, _) = path.stat().st_size, in_a_new_process(read, path)
            table.append([f"{mode}, {kind}", size / 1e6, seconds, grown / 1e6, grown / SIDE**2])
        huge = []
        for kind, write_huge in HUGE.items():
            in_a_new_process(write_huge, path)
            size = path.stat().st_size
            seconds, _, whole = in_a_new_process(read, path, None)
            huge.append([kind, size / 1e6, seconds, whole / 2**30])
    print(machine())
    head = ["image", "file, MB", "seconds", "memory, MB", "bytes per pixel"]
    print_table(head, table)
    print()
    print_table(["400 megapixels", "file, MB", "seconds", "memory of the process, GiB"], huge)
    write_json(args.json, {"table": [dict(zip(head, row, strict=True)) for row in table]})


def in_a_new_process(function, *args):
    """Return what a function returns in another process. Warnings are errors there."""
    strict = {"initializer": warnings.simplefilter, "initargs": ("error",)}
    with ProcessPoolExecutor(1, mp_context=ELSEWHERE, **strict) as pool:
        return pool.submit(function, *args).result()


def write(path, mode, kind):
    if mode == "I;16":
        noise = np.random.default_rng(0).integers(0, 2**16, (SIDE, SIDE), dtype=np.uint16)
        image = Image.fromarray(noise)
    else:
        image = Image.new(mode, (SIDE, SIDE))
    image.save(path, kind)


def write_huge_jpeg(path):
    tile = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    Image.fromarray(np.tile(tile, (200, 200, 1))).save(path, "JPEG", quality=90)


def write_huge_tiff(path):
    tile = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    n = (HUGE_SIDE // 256 + 1) ** 2
    shape = (HUGE_SIDE, HUGE_SIDE, 3)
    with path.open("wb") as file:
        tifffile.imwrite(
            file, (tile for _ in range(n)), shape=shape, dtype=np.uint8, tile=(256, 256),
            photometric="rgb",
        )  # fmt: skip


HUGE_SIDE = 20_000
HUGE = {"JPEG": write_huge_jpeg, "TIFF, tiles": write_huge_tiff}


def read(path, max_pixels=MAX_PIXELS):
    """Return the seconds, by how many bytes the peak of memory grows, and that peak."""
    extractor = tiny_extractor().set_params(max_pixels=max_pixels)
    extractor.fit([np.zeros((9, 9))])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    extractor.transform([path])
    seconds = time.perf_counter() - start
    whole = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return seconds, 1024 * (whole - peak), 1024 * whole


if __name__ == "__main__":
    main()
