"""What follows the network, as a graph of ONNX: probabilities and labels, or steps."""

import json
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from sklearn.pipeline import Pipeline

from sklearn_tl.export.network_graph import OUTPUTS
from sklearn_tl.export.nodes import FLOAT, INT64, OPSET, Nodes, tensor_input
from sklearn_tl.export.parts import Parts, Step

ML_OPSET = 3  # of ai.onnx.ml: trees and support vectors


def answers_of_logits(parts: Parts) -> onnx.ModelProto:
    """Return a graph from logits, values or rows to the answers."""
    nodes = Nodes()
    op = nodes.op
    outputs = tensor_input(OUTPUTS, FLOAT, ["n", "n_outputs"])
    if parts.task == "classification":
        assert parts.classes is not None
        best = op("ArgMax", outputs, axis=1, keepdims=0)
        answers = {
            "label": op("Gather", _as_tensor(parts.classes), best),
            "probabilities": op("Softmax", outputs, axis=1),
        }
    elif parts.task == "multilabel":
        above = op("Greater", outputs, np.float32(0))
        answers = {
            "indicator": nodes.cast(above, INT64),
            "probabilities": op("Sigmoid", outputs),
        }
    else:
        name = "values" if parts.task == "regression" else "rows"
        answers = {name: op("Identity", outputs)}
    return nodes.model([outputs], answers)


def answers_of_steps(parts: Parts) -> onnx.ModelProto:
    """Return a graph from rows to the answers of the steps of scikit-learn.

    Raises
    ------
    TypeError
        If a step cannot be converted, or gives no probabilities. The message names the step.
    """
    n_features = sum(parts.frozen.lengths())
    is_classifier = parts.task in ("classification", "multilabel")
    if is_classifier and not hasattr(parts.steps[-1][1], "predict_proba"):
        raise TypeError(
            f"Step {parts.step_name} gives no probabilities. Use a LogisticRegression, or wrap the "
            "estimator in CalibratedClassifierCV."
        )
    model = _converted(parts.steps, n_features, is_classifier)
    if parts.task == "classification":
        wanted = ["label", "probabilities"]
    elif parts.task == "multilabel":
        wanted = ["indicator", "probabilities"]
    else:
        wanted = ["values" if parts.task == "regression" else "rows"]
    is_tensor = all(output.type.HasField("tensor_type") for output in model.graph.output)
    if len(model.graph.output) != len(wanted) or not is_tensor:
        raise TypeError(
            f"Step {parts.step_name} has other outputs in ONNX than {' and '.join(wanted)}. Use "
            "FineTuneClassifier(unfreeze=None), which converts."
        )
    return _renamed(model, wanted)


def _converted(steps: Sequence[Step], n_features: int, is_classifier: bool) -> onnx.ModelProto:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    def convert(estimator: Any, n: int) -> onnx.ModelProto:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of names in scikit-learn that will change
            return convert_sklearn(
                estimator,
                initial_types=[(OUTPUTS, FloatTensorType([None, n]))],
                target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
                options={id(steps[-1][1]): {"zipmap": False}} if is_classifier else None,
            )

    try:
        return convert(Pipeline(list(steps)), n_features)
    except Exception as error:  # converters raise anything
        (name, step), cause = _failing(steps, convert) or (steps[-1], error)
        lines = str(cause).strip().splitlines() or [type(cause).__name__]
        raise TypeError(
            f"Step {name!r} ({type(step).__name__}) cannot be converted to ONNX: {lines[0]} Use "
            "another estimator, for example LogisticRegression or Ridge, or a converter that is "
            "registered with skl2onnx.update_registered_converter."
        ) from error


def _failing(
    steps: Sequence[Step], convert: Callable[[Any, int], onnx.ModelProto]
) -> tuple[Step, Exception] | None:
    """Return the first step that cannot be converted on its own, and why."""
    for name, step in steps:
        try:
            convert(step, step.n_features_in_)
        except Exception as error:
            return (name, step), error
    return None


def _renamed(model: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """Return a model whose outputs have other names."""
    graph = ir.from_proto(model)
    for output, name in zip(graph.graph.outputs, names, strict=True):
        output.name = name
    return ir.to_proto(graph)


def _as_tensor(classes: np.ndarray) -> np.ndarray:
    """Return labels as an array of a type that ONNX knows."""
    if classes.dtype.kind in "iub":
        return classes.astype(np.int64)
    if classes.dtype.kind == "f":
        return classes.astype(np.float64)
    return np.array([str(label) for label in classes], dtype=object)


def class_names(parts: Parts) -> str:
    """Return the names of the classes, labels or numbers as JSON."""
    if parts.classes is not None:
        return json.dumps(_as_tensor(parts.classes).tolist(), ensure_ascii=False)
    return json.dumps(parts.names, ensure_ascii=False)
