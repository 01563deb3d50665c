"""What integers of 8 bits change in the answers about the images that set the ranges."""

import warnings

import numpy as np
import onnx
import onnxruntime

from sklearn_tl.export.network_graph import OUTPUTS
from sklearn_tl.export.parts import Parts

LEAST_EQUAL = 0.95  # share of labels that stay as they are
MOST_MOVED = 0.1  # of numbers and rows, in units of their spread


def say_what_changes(
    parts: Parts, exact: onnx.ModelProto, small: onnx.ModelProto, levels: list[dict]
) -> None:
    """Warn if 8 bits change many of the answers.

    Parameters
    ----------
    parts : Parts
    exact, small : onnx.ModelProto
        The network in 32 and in 8 bits.
    levels : list of dict
        Inputs of the network, of one image each.
    """
    before, after = (_answers(parts, _run(network, levels)) for network in (exact, small))
    if parts.task in ("classification", "multilabel"):
        equal = float((before == after).mean())
        if equal >= LEAST_EQUAL:
            return
        what = f"{1 - equal:.0%} of the labels of {len(levels)} of the given images"
    else:
        spread = max(float(before.std(axis=0).mean()), 1e-30)
        moved = float(np.sqrt(((after - before) ** 2).mean())) / spread
        if moved <= MOST_MOVED:
            return
        what = f"the numbers for {len(levels)} of the given images by {moved:.0%} of their spread"
    warnings.warn(
        f"8 bits change {what}, compared with 32 bits. Leave `quantize` out for 32 bits, or "
        "compare both files on images whose labels you know.",
        stacklevel=4,  # where the user calls export_onnx
    )


def _run(network: onnx.ModelProto, levels: list[dict]) -> np.ndarray:
    session = onnxruntime.InferenceSession(
        network.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return np.concatenate([session.run([OUTPUTS], one)[0] for one in levels])


def _answers(parts: Parts, outputs: np.ndarray) -> np.ndarray:
    """Return labels, numbers or rows, from what the network returns."""
    for _, step in parts.steps:  # the last one may transform and predict, as LDA does
        predicts = parts.task != "embedding" and step is parts.steps[-1][1]
        outputs = step.predict(outputs) if predicts else step.transform(outputs)
    if parts.steps or parts.task in ("regression", "embedding"):
        return np.asarray(outputs)
    return outputs > 0 if parts.task == "multilabel" else outputs.argmax(axis=1)
