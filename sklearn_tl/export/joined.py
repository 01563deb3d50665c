"""Three graphs become one: the preprocessing, the network and the answers."""

from collections.abc import Iterator

import onnx
import onnx_ir as ir
from onnx.compose import add_prefix, merge_models

from sklearn_tl.export.network_graph import OUTPUTS
from sklearn_tl.export.nodes import IR_VERSION, OPSET
from sklearn_tl.export.preprocessing_graph import LEVELS


def joined(
    preprocessing: onnx.ModelProto, network: onnx.ModelProto, answers: onnx.ModelProto
) -> onnx.ModelProto:
    """Return one model that does the work of three.

    Parameters
    ----------
    preprocessing, network, answers : onnx.ModelProto
        From ``image`` to ``levels``, from there to ``outputs``, and from there to the answers.
    """
    whole = _versioned(preprocessing)
    for before, model, after, name in (
        ("", network, "network/", LEVELS),
        ("network/", answers, "answers/", OUTPUTS),
    ):
        # Two graphs may have used one name within.
        inner = add_prefix(_versioned(model), after)
        whole = merge_models(whole, inner, io_map=[(before + name, after + name)])
    named = ir.from_proto(whole)
    for output in named.graph.outputs:
        output.name = str(output.name).removeprefix("answers/")
    named.producer_name = "sklearn_tl"
    whole = ir.to_proto(named)
    onnx.checker.check_model(whole)
    return whole


def _versioned(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model in the versions of ONNX that this room writes.

    Graphs that name a version of operators which they do not use cannot be merged with others.
    """
    used = {"", *_domains(model.graph)}
    imports = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(imports)
    versions = {entry.domain: entry.version for entry in model.opset_import}
    if versions.get("", OPSET) != OPSET:
        model = onnx.version_converter.convert_version(model, OPSET)
    model.ir_version = IR_VERSION
    return model


def _domains(graph: onnx.GraphProto) -> Iterator[str]:
    """Yield the domain of each operator in a graph."""
    for node in graph.node:
        yield node.domain
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _domains(inner)
