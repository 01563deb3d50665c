"""Claim: memory is bounded by the batch, not by the number of images.

`ConvFeatureExtractor.fit_transform(paths)` runs over 1,000, 5,000 and 20,000 JPEG files that all
differ, each time in a new process. The peak of the process's resident memory is compared with
its memory after import and `fit`. The output may grow with the number of images, and so may
about 150 bytes of key and position per image. Files, pixels and network inputs must not be kept.
Their sizes are printed beside the growth.

A narrow first layer at a small size keeps the run short. The size of anything that is kept by
mistake (48 KiB of network input per image) still shows. `--native` gives the images 1,024
different shapes and runs each image at its own size. This is the hardest case, because a batch
has images of one shape.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _report import machine, print_table, write_json
from PIL import Image

SIDE, FEATURES, MB = 64, 32, 1e6
CACHES = {"none": None, "file": "cache.sqlite", "memory": "memory"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 5000, 20000])
    parser.add_argument("--caches", nargs="+", choices=CACHES, default=list(CACHES))
    parser.add_argument("--repeat", type=int, default=3, help="number of processes per figure")
    parser.add_argument("--native", action="store_true", help="many shapes, image_size='native'")
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        folder, cache, n = args.child
        print(json.dumps(measure(Path(folder), CACHES[cache], int(n), args.native)))
        return

    print(machine())
    runs = {}
    with tempfile.TemporaryDirectory() as folder:
        n_bytes = make_images(Path(folder), max(args.sizes), args.native)
        for _ in range(args.repeat):
            for cache in args.caches:
                for n in args.sizes:
                    runs.setdefault((cache, n), []).append(run_child(folder, cache, n, args.native))
    medians = {
        key: {name: statistics.median(run[name] for run in some) for name in some[0]}
        for key, some in runs.items()
    }
    rows = [
        [cache, n, m["fitted"] / MB, m["peak"] / MB, m["increase"] / MB, n * FEATURES * 4 / MB]
        for (cache, n), m in medians.items()
    ]
    rows = [[*row, medians[tuple(row[:2])]["seconds"]] for row in rows]
    head = ["cache", "images", "after fit, MB", "peak, MB", "increase, MB", "output, MB", "seconds"]
    print_table(head, rows)

    sizes = {"a file": n_bytes, "its pixels": SIDE**2 * 3, "its network input": SIDE**2 * 12}
    print("\nBytes per image:", ", ".join(f"{name} {size:,.0f}" for name, size in sizes.items()))
    growth = {}
    small, large = min(args.sizes), max(args.sizes)
    for cache in args.caches if small < large else ():
        more = medians[cache, large]["increase"] - medians[cache, small]["increase"]
        growth[cache] = more / (large - small)
        print(
            f"cache {cache}: from {small:,} to {large:,} images the peak grows by "
            f"{growth[cache]:,.0f} bytes per image; the output is {FEATURES * 4} of them"
        )
    table = [dict(zip(head, row, strict=True)) for row in rows]
    write_json(args.json, {"table": table, "bytes_per_image": sizes, "growth": growth})


def make_images(folder, n, native):
    """Write `n` different JPEG files and return their mean size in bytes."""
    rng = np.random.default_rng(0)
    n_bytes = 0
    for i in range(n):
        coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        path = folder / f"{i:06d}.jpg"
        size = (SIDE - 16 + i % 32, SIDE - 16 + i // 32 % 32) if native else (SIDE, SIDE)
        coarse.resize(size, Image.Resampling.BILINEAR).save(path, comment=f"image {i}")
        n_bytes += path.stat().st_size
    return n_bytes / n


def run_child(folder, cache, n, native):
    for old in Path(folder).glob("cache.sqlite*"):
        old.unlink()
    command = [sys.executable, __file__, "--child", folder, cache, str(n)] + ["--native"] * native
    # On a busy machine, threads that spin while they wait for each other lose whole time slices.
    environment = {"OMP_WAIT_POLICY": "PASSIVE"} | os.environ
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    return json.loads(run.stdout)


def measure(folder, cache, n, native):
    """Embed `n` files in this process and return bytes of resident memory, and seconds."""
    from sklearn_tl import ConvFeatureExtractor

    paths = [str(folder / f"{i:06d}.jpg") for i in range(n)]
    cache = folder / cache if cache == CACHES["file"] else cache
    size = "native" if native else SIDE
    extractor = ConvFeatureExtractor(layer="conv_stem", image_size=size, cache=cache).fit(paths)
    fitted = resident()
    start = time.perf_counter()
    shape = extractor.fit_transform(paths).shape
    seconds = time.perf_counter() - start
    if shape != (n, FEATURES):
        raise AssertionError(f"the output has shape {shape}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak *= 1 if sys.platform == "darwin" else 1024  # kilobytes, but bytes on macOS
    return {"fitted": fitted, "peak": peak, "increase": peak - fitted, "seconds": seconds}


def resident():
    """Return the bytes of memory that this process holds now."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        import psutil  # only if there is no /proc

        return psutil.Process().memory_info().rss
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


if __name__ == "__main__":
    main()
