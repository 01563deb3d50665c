"""Graphs of ONNX are written node by node. Numbers become constants."""

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx_ir.tape import Tape

OPSET = 18  # the lowest that torch writes
IR_VERSION = 10  # which onnxruntime 1.20 reads
UINT8, INT64, FLOAT, DOUBLE, BOOL = (
    ir.DataType.UINT8,
    ir.DataType.INT64,
    ir.DataType.FLOAT,
    ir.DataType.DOUBLE,
    ir.DataType.BOOL,
)


class Nodes:
    """The nodes of one graph, in the order in which they are added."""

    def __init__(self) -> None:
        self.tape = Tape()

    def op(self, kind: str, *inputs: Any, **attributes: Any) -> ir.Value:
        """Add a node and return its output.

        Parameters
        ----------
        kind : str
            An operator, for example "Add".
        *inputs : Value, ndarray, int or None
            An int becomes a vector with one number of 64 bits, as shapes are. None is an input that
            is left out.
        **attributes : object
        """
        return self.tape.op(kind, [self._value(x) for x in inputs], attributes)

    def cast(self, value: ir.Value, to: ir.DataType) -> ir.Value:
        """Return a value as another type. Real numbers are truncated to integers."""
        return self.op("Cast", value, to=int(to))

    def range(self, n: ir.Value | int) -> ir.Value:
        """Return the whole numbers from 0 to n - 1."""
        stop = self.op("Squeeze", n, 0)
        return self.op("Range", np.int64(0), stop, np.int64(1))

    def model(self, inputs: list[ir.Value], outputs: dict[str, ir.Value]) -> onnx.ModelProto:
        """Return the nodes as a model, with these names of its outputs."""
        for name, value in outputs.items():
            value.name = name
        graph = ir.Graph(
            inputs, list(outputs.values()), nodes=self.tape.nodes, opset_imports={"": OPSET}
        )
        model = ir.to_proto(ir.Model(graph, ir_version=IR_VERSION))
        return onnx.shape_inference.infer_shapes(model)

    def _value(self, x: Any) -> Any:
        if x is None or isinstance(x, ir.Value):
            return x
        array = np.array([x], dtype=np.int64) if isinstance(x, int) else np.asarray(x)
        if array.dtype.kind == "O":  # text
            return self.tape.op("Constant", [], {"value_strings": array.tolist()})
        return self.tape.op("Constant", [], {"value": ir.tensor(array)})


def tensor_input(name: str, kind: ir.DataType, shape: list[int | str]) -> ir.Value:
    """Return an input of a graph. A name in the shape stands for any number."""
    return ir.val(name, dtype=kind, shape=shape)
