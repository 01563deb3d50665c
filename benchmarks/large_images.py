"""Claim: the largest image that is accepted takes at most 30 bytes of memory per pixel.

Files of 9459 x 9459 pixels, just below `PIL.Image.MAX_IMAGE_PIXELS`, go through
`ConvFeatureExtractor.transform` with a tiny network, each in its own process. Files of one
colour are small, as decompression bombs are. The file of noise cannot be reduced to 8 bits.
"""

import argparse
import resource
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from _report import ELSEWHERE, machine, print_table, write_json
from fuzz import tiny_extractor
from PIL import Image

SIDE = 9459
CASES = [("RGB", "PNG"), ("RGBA", "PNG"), ("LA", "TIFF"), ("F", "TIFF"), ("P", "GIF"),
         ("RGBA", "WEBP"), ("I;16", "TIFF")]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()
    table = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "image")
        for mode, kind in CASES:
            in_a_new_process(write, path, mode, kind)
            size, (seconds, grown) = path.stat().st_size, in_a_new_process(read, path)
            table.append([f"{mode}, {kind}", size / 1e6, seconds, grown / 1e6, grown / SIDE**2])
    print(machine())
    head = ["image", "file, MB", "seconds", "memory, MB", "bytes per pixel"]
    print_table(head, table)
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


def read(path):
    """Return the seconds, and the bytes by which the peak of memory grows."""
    extractor, peak = tiny_extractor(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    extractor.transform([path])
    seconds = time.perf_counter() - start
    return seconds, 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak)


if __name__ == "__main__":
    main()
