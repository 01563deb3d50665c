"""How much a cluster costs: seconds and bytes per image, as the number of dask workers grows.

`ConvFeatureExtractor.transform(n_jobs=-1)` runs over photographs, as paths and as arrays, on a
`LocalCluster` of two workers with one core each. In turn it runs on one core without a cluster.
The bytes are those of the machine's loopback interface: everything that the client, the
scheduler and the workers send to each other. The figures for more workers are calculated. The
workers' part of the time is divided by their number. The client's own part (reading and
digesting files, sending tasks, receiving rows) is a floor that no number of workers can go
below.

Two kinds of workers are measured: as dask starts them, and with `KEEP` in their environment. As
dask starts them, their C library returns memory above 64 kB to the system at once, and the
system must clear it again for the output of each layer.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

import joblib
import numpy as np
import torch
from _report import machine, print_table, write_json
from PIL import Image

from sklearn_tl import ConvFeatureExtractor

KEEP = {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "268435456"}
RECKONED = (4, 8, 16, 32, 64)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="folder that contains JPEG files, also in sub-folders",
    )
    parser.add_argument("--images", type=int, default=480)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()
    print(machine())
    paths = sorted(args.data.glob("**/*.jpg"))
    paths = paths[:: max(1, len(paths) // args.images)][: args.images]
    photos = [np.asarray(Image.open(path).convert("RGB").resize((224, 224))) for path in paths]
    figures = {}
    for form, X in (("paths", paths), ("arrays", np.stack(photos))):
        for name, environment in (("plain", {}), ("KEEP", KEEP)):
            for variable in KEEP:  # dask leaves its own files there
                os.environ.pop(variable, None)
            os.environ.update(environment)
            figures[f"{form}, {name}"] = measure(X, args.repeat)
    table = [row for case, some in figures.items() for row in table_of(case, some)]
    head = ["images, workers", "number", "ms per image", "times one core", "kB per image", "MB/s"]
    print_table(head, table)
    for case, some in figures.items():
        print(f"{case}: the client itself takes {1e3 * some['client']:.2f} ms per image")
    write_json(args.json, {"figures": figures, "table": table})


def measure(X, repeat):
    """Return medians per image: seconds on one core, seconds and bytes with two workers."""
    from distributed import Client, LocalCluster

    extractor = ConvFeatureExtractor(cache=None, n_jobs=-1).fit(X)
    runs = {"one": [], "two": [], "client": [], "bytes": []}
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, Client(cluster), joblib.parallel_config(backend="dask"):
        extractor.transform(X[:128])  # now every worker has loaded the network
        expected = None
        for _ in range(repeat):
            start, sent, own = time.perf_counter(), loopback(), time.process_time()
            rows = extractor.transform(X)
            runs["two"].append(time.perf_counter() - start)
            runs["client"].append(time.process_time() - own)
            runs["bytes"].append(loopback() - sent)
            with joblib.parallel_config(backend="sequential"):
                n_threads = torch.get_num_threads()
                torch.set_num_threads(1)
                start = time.perf_counter()
                expected = extractor.transform(X)
                runs["one"].append(time.perf_counter() - start)
                torch.set_num_threads(n_threads)
            np.testing.assert_array_equal(rows, expected)
    return {name: statistics.median(some) / len(X) for name, some in runs.items()}


def table_of(case, some):
    """Return the rows of the table: measured up to two workers, calculated for more."""
    one, two, moved = some["one"], some["two"], some["bytes"]
    yield [case, "none, one core", 1e3 * one, 1.0, 0.0, 0.0]
    yield [case, 2, 1e3 * two, one / two, moved / 1e3, moved / two / 1e6]
    for n in RECKONED:
        seconds = max(2 * two / n, some["client"])
        yield [case, f"{n} (calculated)", 1e3 * seconds, one / seconds, moved / 1e3,
               moved / seconds / 1e6]  # fmt: skip


def loopback():
    """Return the bytes that have passed through the loopback interface."""
    line = next(x for x in Path("/proc/net/dev").read_text().splitlines() if "lo:" in x)
    return int(line.split()[1])


if __name__ == "__main__":
    main()
