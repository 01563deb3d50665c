"""What runs frozen layers on a CPU: a trace of the network in torch, or OpenVINO.

The frozen part of a network, pooling and all, is traced, converted, and compiled for one shape of
input. It is kept for the life of the process, and never pickled or trained.
"""

import importlib.util
import sys
import threading
import warnings
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
from joblib import cpu_count
from torch import nn

from sklearn_tl.backbones import noise

TOLERANCE = 1e-4  # of the largest value, which another engine may move
ENGINES = ("auto", "torch", "openvino")
_COMPILING = threading.Lock()


def resolve_engine(engine, device, crop):
    """Return the engine that the parameter `engine` stands for: "torch" or "openvino"."""
    if engine == "torch":
        return "torch"
    if importlib.util.find_spec("openvino") is None:
        if engine == "openvino":
            raise ImportError(
                'engine="openvino" needs the package openvino: pip install '
                '"sklearn-tl[openvino]", or take engine="torch".'
            )
        return "torch"
    reason = None
    if torch.device(device).type != "cpu":
        reason = f"the device is {device}"
    elif crop is None:
        reason = 'it is compiled for one size of image, and image_size="native" has many'
    if reason is None:
        return "openvino"
    if engine == "openvino":
        _warn(reason)
    return "torch"


def compiled(frozen, shape, dtype):
    """Return a function from a batch to its rows as an array, or None where torch runs plainly.

    Parameters
    ----------
    frozen : FrozenPass
        On a CPU.
    shape : (n, height, width, 3)
    dtype : torch.dtype
        Of the levels, uint8 or float32.
    """
    if frozen.engine == "torch" and not _can_be_traced(frozen):
        return None
    with _COMPILING:  # not twice, by two threads
        return _compiled(replace(frozen, batch_size=shape[0]), shape, dtype)


def _can_be_traced(frozen):
    """Whether a trace is what the network does with any image, and no slower.

    A network of the user's may choose its way by what it sees. Where each image has its own shape,
    tracing would take longer than it saves, and in bfloat16 it saved nothing on most networks.
    """
    fixed = frozen.preprocessing.crop is not None and frozen.precision == "float32"
    return fixed and frozen.backbone.is_stock


@lru_cache(maxsize=8)
def _compiled(frozen, shape, dtype):
    examples = [(255 * noise(*shape)).to(dtype), torch.zeros(shape, dtype=dtype)]
    network = _Frozen(replace(frozen, precision="float32"))  # OpenVINO lowers it by itself
    with torch.no_grad():
        wanted = [network(x).numpy() for x in examples]  # now, so that no trace sees folding
    openvino, name = frozen.engine == "openvino", frozen.backbone.name
    warn = _warn if openvino else lambda reason: None  # plain torch is what was asked for
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # that sizes become constants: one shape is all we want
            traced = torch.jit.trace(network, examples[0], check_trace=False)
            run = _OpenVINO(traced, examples[0], frozen.precision) if openvino else _Traced(traced)
        got = [run(x) for x in examples]
    except Exception as error:  # whatever conversion says to a network it does not know
        return warn(f"it cannot convert {name} ({str(error).splitlines()[0]})")
    if frozen.precision == "float32":
        for rows, others in zip(wanted, got, strict=True):
            off = np.abs(others - rows).max() / max(np.abs(rows).max(), 1e-30)
            if not off <= TOLERANCE:
                return warn(f"its rows of {name} are off by {off:.1g}")
    return run


class _Frozen(nn.Module):
    """The frozen pass as a module, to be traced."""

    def __init__(self, frozen):
        super().__init__()
        self._run = frozen.run

    def forward(self, x):
        return self._run(x)


class _Traced:
    """A trace of a network, which runs without Python and its lock."""

    def __init__(self, traced):
        self._run = torch.jit.freeze(traced.eval())

    def __call__(self, batch):
        with torch.inference_mode():
            return self._run(batch).numpy()


class _OpenVINO:
    """A compiled network, with a request for each thread that runs it."""

    def __init__(self, traced, example, precision):
        openvino = _import_openvino()
        model = openvino.convert_model(traced, example_input=example)
        model.reshape(list(example.shape))
        n_cores = cpu_count()
        settings = {
            "NUM_STREAMS": n_cores,  # each of one core, as in `threads`
            "INFERENCE_NUM_THREADS": n_cores,
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bfloat16" else "f32",
        }
        self._model = openvino.Core().compile_model(model, "CPU", settings)
        self._free = []

    def __call__(self, batch):
        try:
            request = self._free.pop()
        except IndexError:
            request = self._model.create_infer_request()
        try:
            # A copy, since the result is memory of the request.
            return np.array(request.infer([batch.numpy()], share_inputs=True)[0])
        finally:
            self._free.append(request)


def _import_openvino():
    """Import OpenVINO, for the first time without what reports its use to an analytics service."""
    hidden = "openvino_telemetry"
    if "openvino" not in sys.modules and hidden not in sys.modules:
        sys.modules[hidden] = None  # as if it were not installed, for which OpenVINO is prepared
        try:
            import openvino
        finally:
            del sys.modules[hidden]
    import openvino

    return openvino


def _warn(reason):
    warnings.warn(f"OpenVINO is not used, since {reason}: torch takes its place.", stacklevel=2)
