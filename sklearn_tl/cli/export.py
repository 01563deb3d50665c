"""The command `sklearn-tl export`: a model becomes an ONNX file."""

import argparse
import os

import numpy as np

from sklearn_tl.cli.model_file import check_writable, open_model
from sklearn_tl.cli.predict import list_images
from sklearn_tl.export import export_onnx, require_onnx

ENDING = ".onnx"
MOST = 300  # images that set the ranges of 8 bits; more would only take longer


def export(options: argparse.Namespace) -> int:
    """Write the model in a file to an ONNX file.

    Parameters
    ----------
    options : argparse.Namespace
        `model`, the path of a model; `out`, the path to write; `quantize`, a folder of images or
        None.

    Returns
    -------
    status : int
        0.
    """
    require_onnx()  # before anything takes time
    if options.out.suffix.lower() != ENDING and not options.out.is_dir():
        raise ValueError(
            f"{options.out} does not end in {ENDING}. Name a file: sklearn-tl export "
            f"{options.model} {options.out.with_suffix(ENDING)}"
        )
    check_writable(options.out, f"sklearn-tl export {options.model}", "model.onnx", [options.model])
    images = None if options.quantize is None else _some_of(list_images([options.quantize]))
    model = open_model(options.model)
    try:
        export_onnx(model, options.out, quantize=images)
    except TypeError as error:  # of a model that has no form in ONNX
        raise ValueError(f"{options.model} cannot be exported. {error}") from error
    size = os.path.getsize(options.out) / 1e6
    bits = "" if images is None else f", 8 bits, ranges from {len(images)} images"
    print(f"Wrote {options.out}: {size:.1f} MB{bits}.")
    return 0


def _some_of(paths: list[str]) -> list[str]:
    """Return at most `MOST` paths, evenly spread, so that all sub-folders have some."""
    positions = np.linspace(0, len(paths) - 1, min(MOST, len(paths))).astype(int)
    return [paths[i] for i in positions]
