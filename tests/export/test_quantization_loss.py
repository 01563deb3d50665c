"""A warning says so if 8 bits change many of the answers."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from onnx import TensorProto, helper

from sklearn_tl.cli.messages import reword
from sklearn_tl.export.network_graph import OUTPUTS
from sklearn_tl.export.preprocessing_graph import LEVELS
from sklearn_tl.export.quantization_loss import say_what_changes

ROWS = [{LEVELS: row[None]} for row in np.random.default_rng(0).normal(size=(40, 3)).astype("f4")]


def network(operator):
    """Return a graph that applies one operator to its input."""
    given, made = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 3])
        for name in (LEVELS, OUTPUTS)
    )
    node = helper.make_node(operator, [LEVELS], [OUTPUTS])
    graph = helper.make_graph([node], "network", [given], [made])
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10)


class Opposite:
    """A step that predicts from rows."""

    def predict(self, rows):
        return -rows[:, 0]


@pytest.mark.parametrize(
    ("task", "steps", "message"),
    [
        ("classification", [], "change 100% of the labels of 40 of the given images"),
        ("multilabel", [], "change 100% of the labels"),
        ("regression", [], "change the numbers for 40 of the given images by 2"),
        ("regression", [("last", Opposite())], "change the numbers"),
        ("embedding", [], "change the numbers"),
    ],
)
def test_answers_that_change_are_said(task, steps, message):
    parts = SimpleNamespace(task=task, steps=steps)
    plain = network("Identity")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        say_what_changes(parts, plain, plain, ROWS)
    with pytest.warns(UserWarning, match=message):
        say_what_changes(parts, plain, network("Neg"), ROWS)


def test_the_advice_is_an_option_on_the_command_line():
    assert reword("Leave `quantize` out for 32 bits.") == "Leave --quantize out for 32 bits."
