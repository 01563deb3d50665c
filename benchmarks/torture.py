"""Claim: processes that share a cache on disk can be killed at any moment, and rows stay right.

Four processes run `ConvFeatureExtractor` on random images of a pool, with one file as their
cache, and empty it now and then. One after another is killed with SIGKILL at a random moment,
and a new one is started. All rows that any of them gets are compared, bit for bit, with rows
computed without a cache. At the end every row in the file is compared too.

The store is left alone; or has a limit with which every write evicts rows; or its files are
deleted now and then while processes use them; or it is damaged now and then: overwritten in
random places, or cut off. A row can suffer from more than a kill only in the last two cases.
Only there may a store be set aside, a pass continue without the store, or `clear_cache` raise
its OSError.
"""

import argparse
import json
import os
import random
import sqlite3
import tempfile
import time
import warnings
import zlib
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import torch
from _report import ELSEWHERE, machine, print_table, write_json
from torch import nn

from sklearn_tl import ConvFeatureExtractor, clear_cache, limit_cache

N_IMAGES, N_PROCESSES = 600, 4
LIMIT = 800_000  # bytes: a third of the size of all rows
PHASES = ("left alone", "with a limit", "deleted", "damaged")


def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU())
    return nn.Sequential(stem, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))


def images():
    return np.random.default_rng(0).integers(0, 256, (N_IMAGES, 16, 16, 3), dtype=np.uint8)


def extractor(cache):
    """Rows of 512 features: one takes half a page of the file, and a batch takes several pages."""
    return ConvFeatureExtractor(network, layer="0", pooling="flatten", image_size=16, cache=cache)


def compute(path):
    """Write the rows that are computed without a cache."""
    np.save(path, extractor(None).fit_transform(images()))


def work(path, wanted, log, seed):
    """Read and write until killed, and append each step to the log."""
    log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def say(**what):
        os.write(log, json.dumps(what).encode() + b"\n")  # one write keeps the line whole

    warnings.simplefilter("always")
    warnings.showwarning = lambda message, *_: say(warning=str(message))
    generator, X, wanted = random.Random(seed), images(), np.load(wanted)
    model = extractor(path).fit(X)
    say(ready=True)
    while True:
        some = generator.sample(range(N_IMAGES), generator.randint(1, N_IMAGES // 2))
        if generator.random() < 0.1:
            try:
                clear_cache(path)
            except OSError as error:
                say(uncleared=str(error))
        try:
            rows = model.transform(X[some])
            say(rows=len(rows), wrong=int((rows != wanted[some]).any(axis=1).sum()))
        except Exception as error:
            say(error=repr(error))


def spoil(path, how, generator):
    """Delete or damage the store, as its phase says."""
    if how == "deleted":
        for suffix in generator.sample(["", "-wal", "-shm"], 3):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
    elif how == "damaged":
        size = path.stat().st_size
        if generator.random() < 0.2:
            os.truncate(path, generator.randrange(size + 1))
        with open(path, "r+b") as file:
            for _ in range(generator.randint(1, 8)):
                file.seek(generator.choice([0, generator.randrange(size + 1)]))
                file.write(generator.randbytes(generator.choice([1, 16, 4096])))


def torture(how, kills, seed, folder, wanted):
    """Return what happened, as a row of the table."""
    generator = random.Random(f"{how} {seed}")
    path, log = folder / "rows.sqlite", folder / "log"
    if how == "with a limit":
        limit_cache(path, LIMIT)
    seeds, largest = iter(range(10**9)), 0

    def start():
        arguments = (path, wanted, log, f"{seed} {next(seeds)}")
        process = ELSEWHERE.Process(target=work, args=arguments, daemon=True)
        process.start()
        return process

    processes = [start() for _ in range(N_PROCESSES)]
    while not log.exists() or log.read_text().count("ready") < N_PROCESSES:
        if not all(process.is_alive() for process in processes):
            raise RuntimeError("A process ended on its own.")
        time.sleep(0.05)
    began = time.perf_counter()
    for kill in range(kills):
        time.sleep(generator.uniform(0, 0.3))
        process = processes.pop(0)
        process.kill()
        process.join()
        processes.append(start())
        with suppress(FileNotFoundError):  # the file may be set aside at this moment
            if kill % 5 == 1:
                spoil(path, how, generator)
            largest = max(largest, path.stat().st_size)
    seconds = time.perf_counter() - began
    for process in processes:
        process.kill()
        process.join()

    lines = [json.loads(line) for line in log.read_text().splitlines()]
    in_file, wrong, sound = check(path, np.load(wanted))
    said = [line["warning"] for line in lines if "warning" in line]
    errors = [line["error"] for line in lines if "error" in line]
    for error in sorted(set(errors)):
        print(f"{how}: {errors.count(error)} times {error}")
    return {
        "store": how,
        "kills": kills,
        "seconds": seconds,
        "passes": sum("rows" in line for line in lines),
        "rows compared": sum(line.get("rows", 0) for line in lines) + in_file,
        "wrong rows": sum(line.get("wrong", 0) for line in lines) + wrong,
        "errors": len(errors),
        "not emptied": sum("uncleared" in line for line in lines),
        "set aside": sum("set aside" in text for text in said),
        "without it": sum("failed" in text for text in said),
        "largest, kB": largest / 1000,
        "opens, sound": "yes" if sound else "no",
    }


def check(path, wanted):
    """Read all rows through a pass, then look at every row in the file as SQLite sees it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no pass may have seen the last damage yet
        rows = extractor(path).fit_transform(images())
    wrong, whole = int((rows != wanted).any(axis=1).sum()), []
    try:
        with closing(sqlite3.connect(path)) as connection:
            sound = connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            stored = connection.execute("SELECT key, row, crc FROM rows").fetchall()
        whole = [row for key, row, crc in stored if zlib.crc32(row, zlib.crc32(key)) == crc]
        right = {row.tobytes() for row in wanted}
        wrong += sum(row not in right for row in whole)
    except sqlite3.DatabaseError:  # damage in a place that no pass has read
        sound = False
    return len(whole) + len(rows), wrong, sound


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--kills", type=int, default=200, help="for each kind of store")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stores", nargs="+", choices=PHASES, default=PHASES)
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args(arguments)

    table = []
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "wanted.npy")
        first = ELSEWHERE.Process(target=compute, args=(wanted,))
        first.start()
        first.join()
        for how in args.stores:
            place = Path(folder, how.replace(" ", "-"))
            place.mkdir()
            table.append(torture(how, args.kills, args.seed, place, wanted))
            print(f"{how}: done", flush=True)
    print(machine())
    print_table(list(table[0]), [list(row.values()) for row in table])
    write_json(args.json, {"table": table})
    failed = [row for row in table if row["wrong rows"] or row["errors"]]
    kept = [row for row in table if row["store"] in PHASES[:2]]
    failed += [row for row in kept if row["set aside"] or row["not emptied"]]
    failed += [row for row in kept if row["opens, sound"] == "no"]
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
