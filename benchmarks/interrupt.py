"""Claim: Ctrl-C ends any long work within seconds and leaves nothing behind.

A process in its own session, as a terminal makes it, receives SIGINT together with all its
children in the middle of a `transform`, of a `transform` with two processes, of a `fit`, and of
a `GridSearchCV` with two processes. The script prints the seconds until the process has ended,
the number of processes of its session that still run a second later, and whether the cache is
intact: every row in it is what the network returns for the image.
"""

import argparse
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
from _report import machine, print_table, write_json

from sklearn_tl import ConvFeatureExtractor

HERE, SIZE = str(Path(__file__).parent), 96
WORK = {
    "transform": "extractor.fit_transform(X)",
    "transform, n_jobs=2": "extractor.set_params(n_jobs=2).fit_transform(X)",
    "fit": "classifier.fit(X[:200], y[:200])",
    "search, n_jobs=2": "GridSearchCV(classifier, {'lr': [1e-4, 1e-3]}, cv=2, n_jobs=2)"
    ".fit(X[:200], y[:200])",
}
CHILD = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier
sys.path.insert(0, {here!r})
from interrupt import SIZE, images
X, y = images(8000), np.arange(8000) % 2
extractor = ConvFeatureExtractor(image_size=SIZE, cache=sys.argv[1])
classifier = FineTuneClassifier(image_size=SIZE, cache=sys.argv[1], unfreeze=2, max_epochs=9999)
{work}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument(
        "--wait", type=float, default=8, help="largest number of seconds until SIGINT"
    )
    parser.add_argument("--work", nargs="+", choices=WORK, default=list(WORK))
    parser.add_argument(
        "--at-once", action="store_true", help="interrupt all kinds of work at the same time"
    )
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()
    print(machine())
    table = []

    def interrupted_often(name):
        return [interrupted(name, args.wait, seed) for seed in range(args.repeat)]

    with ThreadPoolExecutor(len(args.work) if args.at_once else 1) as pool:
        found = list(pool.map(interrupted_often, args.work))
    for name, runs in zip(args.work, found, strict=True):
        seconds, left, stored, wrong, status = zip(*runs, strict=True)
        table.append(
            [name, statistics.median(seconds), max(seconds), sum(left), sum(stored), sum(wrong),
             *sorted(set(status))[:1]]
        )  # fmt: skip
    head = ["work", "seconds", "the most", "left running", "rows kept", "wrong rows", "status"]
    print_table(head, table)
    write_json(args.json, {"table": [dict(zip(head, row, strict=True)) for row in table]})


def interrupted(name, wait, seed):
    """Return seconds, processes left, rows in the cache, wrong rows, and the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "rows.sqlite"
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD.format(here=HERE, work=WORK[name]), str(cache)],
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while not n_rows(cache):  # the work has begun
            time.sleep(0.1)
            if child.poll() is not None:
                raise SystemExit(f"{name} ended on its own with status {child.returncode}")
        time.sleep(np.random.default_rng(seed).uniform(0, wait))
        start = time.perf_counter()
        os.killpg(child.pid, signal.SIGINT)
        status = child.wait(timeout=120)
        seconds = time.perf_counter() - start
        time.sleep(1)
        left = in_session(child.pid)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        wrong = wrong_rows(cache) if "transform" in name else 0
        return seconds, len(left), n_rows(cache), wrong, status


def images(n):
    return np.random.default_rng(0).integers(0, 256, (n, SIZE, SIZE, 3), dtype=np.uint8)


def in_session(session):
    """Return the processes of a session that are not zombies."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, of = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(of) == session and state != "Z":
            found.append(int(entry.name))
    return found


def n_rows(cache):
    if not cache.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{cache}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT count(*) FROM rows").fetchone()[0]
    except sqlite3.OperationalError:  # the file is being created
        return 0


def wrong_rows(cache):
    """Count the rows that differ from what the network returns for the images."""
    X, extractor = images(200), ConvFeatureExtractor(image_size=SIZE, cache=cache)
    cached = extractor.fit_transform(X)
    return int((cached != extractor.set_params(cache=None).transform(X)).any(axis=1).sum())


if __name__ == "__main__":
    main()
