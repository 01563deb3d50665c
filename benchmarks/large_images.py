"""Claim: the largest image that is accepted takes at most 30 bytes of memory a pixel.

Files of 9459 x 9459 pixels, just below `PIL.Image.MAX_IMAGE_PIXELS`, go through
`ConvFeatureExtractor.transform` with a network of next to nothing, each in a process of its own.
Those of one colour are small, as bombs are; that of noise cannot be brought to 8 bits.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from _report import elsewhere, machine, print_table, write_json
from fuzz import tiny_extractor
from PIL import Image

SIDE = 9459
CASES = [("RGB", "PNG"), ("RGBA", "PNG"), ("LA", "TIFF"), ("F", "TIFF"), ("P", "GIF"),
         ("RGBA", "WEBP"), ("I;16", "TIFF")]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    args = parser.parse_args()
    table = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "image")
        for mode, kind in CASES:
            elsewhere(write, path, mode, kind)
            size, (seconds, grown) = path.stat().st_size, elsewhere(read, path)
            table.append([f"{mode}, {kind}", size / 1e6, seconds, grown / 1e6, grown / SIDE**2])
    print(machine())
    head = ["image", "file, MB", "seconds", "memory, MB", "bytes a pixel"]
    print_table(head, table)
    write_json(args.json, {"table": [dict(zip(head, row, strict=True)) for row in table]})


def write(path, mode, kind):
    if mode == "I;16":
        noise = np.random.default_rng(0).integers(0, 2**16, (SIDE, SIDE), dtype=np.uint16)
        image = Image.fromarray(noise)
    else:
        image = Image.new(mode, (SIDE, SIDE))
    image.save(path, kind)


def read(path):
    """Return seconds, and the bytes by which the peak of memory grows."""
    extractor, peak = tiny_extractor(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    extractor.transform([path])
    seconds = time.perf_counter() - start
    return seconds, 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak)


if __name__ == "__main__":
    main()
