"""Claim: mutations that follow the coverage of Pillow's parsers find nothing either.

`fuzz.py` breaks files blindly. Here atheris (libFuzzer) keeps the files that reach new lines of
Pillow's Python code and of ours, and continues from them. It begins with an intact file of each
format and mode. It stops at the first finding and saves the file. A finding is an exception that
is not ours, a message without index and path, a row that is not finite, a case that takes over 5
seconds, or over 1.5 GiB of memory, nearly 1 GiB of which the process has before it begins.
`PIL.Image.MAX_IMAGE_PIXELS` is set to 10 million, so an image should take at most 0.3 GiB.
"""

import argparse
import sys
import tempfile
import warnings
from pathlib import Path

import atheris  # only this benchmark needs it
import numpy as np

with atheris.instrument_imports(include=["PIL", "sklearn_tl"]):
    from fuzz import MODES, tiny_extractor, whole_file
    from PIL import Image

    Image.init()  # imports the parsers
    Image.MAX_IMAGE_PIXELS = 10_000_000
    EXTRACTOR = tiny_extractor()

SOUND = np.zeros((9, 9, 3), dtype=np.uint8)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--runs", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        corpus, path = Path(folder, "corpus"), Path(folder, "image")
        corpus.mkdir()
        for kind in MODES:
            for i in range(20):
                (corpus / f"{kind}-{i}").write_bytes(whole_file(rng, kind))
        limits = ["-timeout=5", "-rss_limit_mb=1536", "-max_len=4096", "-print_final_stats=1"]
        runs = [f"-runs={args.runs}", f"-seed={args.seed}"]
        atheris.Setup([sys.argv[0], *limits, *runs, str(corpus)], lambda data: case(data, path))
        atheris.Fuzz()


def case(data, path):
    """Raise an error for each finding."""
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of damaged metadata
        try:
            rows = EXTRACTOR.transform([SOUND, str(path)])
        except (ValueError, TypeError, OSError) as error:
            if f"X[1] ({str(path)!r})" not in str(error):
                raise RuntimeError("the error does not say where") from error
            return
    if rows.shape != (2, 4) or not np.isfinite(rows).all():
        raise RuntimeError(f"rows {rows}")


if __name__ == "__main__":
    main()
