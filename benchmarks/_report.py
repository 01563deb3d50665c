"""What the benchmarks share: a table, a JSON file, a line about the machine, other processes.

Nothing heavy is imported here. `memory.py` measures processes that it starts, and the peak
memory of a child begins with that of the parent that it was forked from.
"""

import json
import multiprocessing
import os
import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path

# Processes that have imported the package, which takes seconds, and hold no other state. The
# package loads torch with the first estimator, and torch its second part with the first trace.
METHODS = multiprocessing.get_all_start_methods()
ELSEWHERE = multiprocessing.get_context("forkserver" if "forkserver" in METHODS else "spawn")
ELSEWHERE.set_forkserver_preload(["sklearn_tl.comparison", "torch._dynamo"])


def machine():
    """Describe what the figures depend on in addition to the code."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        flags = ""
    vectors = next((name for name in ("avx512f", "avx2") if name in flags), platform.machine())
    packages = [f"{name} {version(name)}" for name in ("torch", "scikit-learn", "sklearn-tl")]
    return f"{cores} cores, {vectors}, {', '.join(packages)}, {date.today()}"


def print_table(header, rows):
    """Print a Markdown table, with numbers aligned to the right."""
    cells = [[_text(x) for x in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for n, row in enumerate(cells):
        first, *rest = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("| " + " | ".join([first, *rest]) + " |")
        if n == 0:
            marks = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
            print("| " + " | ".join(marks) + " |")


def write_json(path, figures):
    """Write the figures and the machine to a file, if a path is given."""
    if path is not None:
        Path(path).write_text(json.dumps({"machine": machine()} | figures, indent=2) + "\n")


def _text(x):
    if not isinstance(x, int | float):
        return str(x)
    return f"{x:,.4g}" if isinstance(x, float) and abs(x) < 1000 else f"{x:,.0f}"
