"""The folder in which a study keeps what is finished, until all of it is."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from sklearn_tl.cli.report_parts import PAGE

FOLDER = "unfinished"
FITS, ROWS = "*.npz", "rows.sqlite"
OURS = (FITS, f".*-{FITS}", f"{ROWS}*")  # also what was being written when a study was killed


@contextlib.contextmanager
def kept_until_finished(report: Path | None) -> Iterator[Path | None]:
    """Yield the folder that a study keeps its finished fits and embeddings in.

    A line says if the report of an earlier study is still there. If the study ends, the folder is
    removed. If it is stopped or fails, a line on stderr says what the folder keeps.

    Parameters
    ----------
    report : Path or None
        The folder of the report, which exists. None keeps nothing.

    Yields
    ------
    folder : Path or None
    """
    if report is None:
        yield None
        return
    folder = report / FOLDER
    if (report / PAGE).exists():
        print(
            f"{report} has an earlier report, which this study replaces when it is finished.",
            flush=True,
        )
    try:
        yield folder
    except BaseException:
        say_what_is_kept(folder)
        raise
    for pattern in OURS:
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # somebody has put other files there
        folder.rmdir()


def say_what_is_kept(folder: Path) -> None:
    """Print what is finished and how to go on, unless nothing is."""
    n_fits = len(list(folder.glob(FITS)))
    kept = [f"{n_fits} finished {'fit' if n_fits == 1 else 'fits'}"] if n_fits else []
    kept += ["the embeddings that were computed"] if (folder / ROWS).exists() else []
    if kept:
        print(
            f"sklearn-tl: {folder} keeps {' and '.join(kept)}. To go on, type the same command "
            "again.",
            file=sys.stderr,
            flush=True,
        )
