"""Claim: the package and the command line answer at once, since torch is loaded when it is needed.

Each side is a new process; the sides run in turn, and the median counts:

- "python": an interpreter that does nothing
- "import sklearn_tl"
- "--help", "a typo", "a missing folder": `sklearn-tl` with such arguments
- "import torch": what each of them waited for before
"""

import argparse
import statistics
import subprocess
import sys
import time

from _report import machine, print_table, write_json

COMMAND = [sys.executable, "-m", "sklearn_tl"]
SIDES = {
    "python": [sys.executable, "-c", ""],
    "import sklearn_tl": [sys.executable, "-c", "import sklearn_tl"],
    "--help": [*COMMAND, "--help"],
    "a typo": [*COMMAND, "stuyd"],
    "a missing folder": [*COMMAND, "study", "nowhere"],
    "import torch": [sys.executable, "-c", "import torch"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    options = parser.parse_args()
    print(machine(), "\n")
    seconds = {side: [] for side in SIDES}
    for _ in range(options.repeat + 1):
        for side, command in SIDES.items():
            start = time.perf_counter()
            subprocess.run(command, capture_output=True, check=False)
            seconds[side].append(time.perf_counter() - start)
    # The first run of each may compile files.
    medians = {side: statistics.median(times[1:]) for side, times in seconds.items()}
    rows = [
        [side, f"{median:.3f}", f"{median / medians['import torch']:.3f}"]
        for side, median in medians.items()
    ]
    print_table(["side", "seconds", "of importing torch"], rows)
    write_json(options.json, medians)


if __name__ == "__main__":
    main()
