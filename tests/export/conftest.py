"""Fixtures for exports: a function that opens an ONNX model."""

import onnxruntime
import pytest


@pytest.fixture
def opened():
    """Return a function that opens a model, or the model in a file, as a function of its input."""

    def open_it(model):
        source = str(model) if hasattr(model, "suffix") else model.SerializeToString()
        session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
        (name,) = (given.name for given in session.get_inputs())
        outputs = [found.name for found in session.get_outputs()]
        return lambda array: dict(zip(outputs, session.run(None, {name: array}), strict=True))

    return open_it
