"""The network computes with integers of 8 bits, whose ranges come from given images."""

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from sklearn_tl.export.parts import Parts
from sklearn_tl.export.preprocessing_graph import LEVELS
from sklearn_tl.export.quantization_loss import say_what_changes

QUANTIZED = ["Conv", "Gemm", "MatMul"]  # the rest takes little time
COMPARED = 64  # images whose answers are compared with those of 32 bits
HEAD = "head."  # how the names of the head's weights begin


def quantized(network: onnx.ModelProto, parts: Parts, images: Any) -> onnx.ModelProto:
    """Return a network whose convolutions and matrices have 8 bits.

    The head keeps its 32 bits: it is small, and its outputs are the answers.

    Parameters
    ----------
    network : onnx.ModelProto
        From `network_graph`.
    parts : Parts
    images : images
        In any form that the model accepts. They set the ranges of the activations.
    """
    reader = _Levels(parts, images)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain, simple, small = (Path(folder) / f"{name}.onnx" for name in ("a", "b", "c"))
        onnx.save(network, plain)
        quant_pre_process(plain, simple, skip_symbolic_shape=True)
        quantize_static(
            simple,
            small,
            reader,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=QUANTIZED,
            nodes_to_exclude=_head_of(onnx.load(simple)),
            per_channel=True,
            reduce_range=True,  # 7 bits of weights, or sums overflow on processors without VNNI
            weight_type=QuantType.QInt8,
            activation_type=QuantType.QUInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        found = onnx.load(small)
    say_what_changes(parts, network, found, reader.compared)
    return found


def _head_of(network: onnx.ModelProto) -> list[str]:
    """Return the names of the nodes that have a weight of the head."""
    return [
        node.name
        for node in network.graph.node
        if any(name.startswith(HEAD) for name in node.input)
    ]


class _Levels(CalibrationDataReader):
    """The levels of images, one image at a time. Some of them are kept in `compared`."""

    def __init__(self, parts: Parts, images: Any) -> None:
        self.preprocessing = parts.frozen.preprocessing
        self.images = parts.source.read_images(images)
        self.remaining = self._levels()
        self.compared: list[dict[str, np.ndarray]] = []

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next input of the network, or None at the end."""
        return next(self.remaining, None)

    def _levels(self) -> Iterator[dict[str, np.ndarray]]:
        p = self.preprocessing
        every = -(-len(self.images) // COMPARED)  # spread, since folders are often sorted by class
        for i in range(len(self.images)):
            tiles = [p.levels(tile) for tile in p.tiles(self.images.open(i).decode(p.at_least))]
            levels = np.stack([tile.numpy() for tile in tiles]).transpose(0, 3, 1, 2)
            whole = levels[None] if p.crop_mode == "tiles" else levels
            one = {LEVELS: np.ascontiguousarray(whole, dtype=np.float32)}
            if i % every == 0:
                self.compared.append(one)
            yield one
