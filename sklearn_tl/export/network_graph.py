"""The network of a model as a graph of ONNX, which torch writes."""

import warnings
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from sklearn_tl.export.nodes import OPSET
from sklearn_tl.export.preprocessing_graph import LEVELS
from sklearn_tl.images import Preprocessing

OUTPUTS = "outputs"  # the name of the output
NATIVE = 256  # pixels of the example, if images keep their sizes


def network_graph(network: nn.Module, preprocessing: Preprocessing, name: str) -> onnx.ModelProto:
    """Return a graph from ``levels`` to ``outputs``: logits, values or rows.

    Parameters
    ----------
    network : torch.nn.Module
        A `Network`.
    preprocessing : Preprocessing
    name : str
        Of the network, for messages.

    Raises
    ------
    ValueError
        If torch cannot convert the network.
    """
    height, width = preprocessing.crop or (NATIVE, NATIVE + 32)
    tiles = (2,) if preprocessing.crop_mode == "tiles" else ()
    shape = (2, *tiles, preprocessing.n_channels, height, width)
    dimensions: dict[int, Any] = {0: torch.export.Dim("n")}
    if tiles:
        dimensions[1] = torch.export.Dim("n_tiles")
    if preprocessing.crop is None:
        dimensions |= {2: torch.export.Dim("height"), 3: torch.export.Dim("width")}
    levels = torch.from_numpy(np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of names in torch and onnxscript that will change
            program = torch.onnx.export(
                network,
                (levels,),
                dynamo=True,
                dynamic_shapes=(dimensions,),
                opset_version=OPSET,
                input_names=[LEVELS],
                output_names=[OUTPUTS],
                external_data=False,
                verbose=False,
            )
    except Exception as error:  # a network may do anything
        advice = (
            ' Set an image_size: with image_size="native" the network must take images of any size.'
            if preprocessing.crop is None
            else " Use another backbone, or write its forward with operations of torch alone."
        )
        raise ValueError(
            f"The network {name} cannot be converted to ONNX: {_first_line(error)}.{advice}"
        ) from error
    assert program is not None
    return program.model_proto


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error.__cause__ or error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")
