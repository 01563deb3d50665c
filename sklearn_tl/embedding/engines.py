"""Engines that run a function of torch on a CPU: a frozen trace in torch, or OpenVINO."""

import importlib.util
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from joblib import cpu_count
from torch import nn

from sklearn_tl._utils import kind_of
from sklearn_tl.backbones import noise

TOLERANCE = 1e-4  # of the largest absolute value: how much an engine may change a row
ENGINES = ("auto", "torch", "openvino")

Run = Callable[[torch.Tensor], np.ndarray]


def resolve_engine(engine: str, device: str, crop: tuple[int, int] | None) -> str:
    """Return the engine that the parameter `engine` stands for: "torch" or "openvino"."""
    if engine == "torch":
        return "torch"
    if importlib.util.find_spec("openvino") is None:
        if engine == "openvino":
            raise ImportError(
                'engine="openvino" requires the package openvino. Install it with '
                'pip install openvino, or set engine="torch".'
            )
        return "torch"
    reason = None
    if kind_of(device) != "cpu":
        reason = f"the device is {device}"
    elif crop is None:
        reason = 'it compiles a network for one image size, and image_size="native" has many'
    if reason is None:
        return "openvino"
    if engine == "openvino":
        _warn(reason)
    return "torch"


def compile_network(
    run: Callable[[torch.Tensor], torch.Tensor],
    shape: tuple[int, ...],
    *,
    engine: str,
    precision: str,
    name: str,
) -> Run | None:
    """Compile a function for one shape of input.

    The engine's output is compared with the function's on two inputs.

    Parameters
    ----------
    run : callable
        From a float32 tensor of levels (0 to 255) to a float32 tensor. It does the same
        with every input.
    shape : tuple of int
        Shape of the input.
    engine : {"torch", "openvino"}
    precision : {"float32", "bfloat16"}
        In which OpenVINO computes.
    name : str
        Of the network, for warnings.

    Returns
    -------
    callable or None
        From a tensor to an array; any number of threads may call it. None if the engine cannot
        run the function. For OpenVINO a warning says so.
    """
    openvino = engine == "openvino"
    examples = [255 * noise(*shape), torch.zeros(shape)]
    with torch.no_grad():
        expected = [run(x).numpy() for x in examples]  # first, so that no trace contains folding
    try:
        with _expected_warnings(), torch.no_grad():
            traced = torch.jit.trace(_Module(run), examples[0], check_trace=False)
            compiled = _OpenVINO(traced, examples[0], precision) if openvino else _Traced(traced)
        found = [compiled(x) for x in examples]
    except Exception as error:  # conversion raises anything for a network that it does not know
        if openvino:
            _warn(f"it cannot convert {name} ({str(error).splitlines()[0]})")
        return None
    if precision == "float32":
        for rows, others in zip(expected, found, strict=True):
            off = np.abs(others - rows).max() / max(np.abs(rows).max(), 1e-30)
            if not off <= TOLERANCE:
                if openvino:
                    _warn(f"its rows of {name} differ by {off:.1g} of the largest value")
                return None
    return compiled


@contextmanager
def _expected_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        # torch.jit is deprecated. Once it is gone, torch runs networks layer by layer.
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated")
        # Sizes become constants in a trace, which serves one shape only.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        yield


class _Module(nn.Module):
    """A function as a module, which a trace needs."""

    def __init__(self, run: Callable) -> None:
        super().__init__()
        self._run = run

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._run(x)


class _Traced:
    """A frozen trace, which runs without Python and its lock."""

    def __init__(self, traced: torch.jit.ScriptModule) -> None:
        self._run = torch.jit.freeze(traced.eval())

    def __call__(self, batch: torch.Tensor) -> np.ndarray:
        with torch.inference_mode():
            return self._run(batch).numpy()


class _OpenVINO:
    """A compiled network, with a request for each thread that runs it."""

    def __init__(self, traced: torch.jit.ScriptModule, example: torch.Tensor, precision: str):
        openvino = _import_openvino()
        model = openvino.convert_model(traced, example_input=example)
        model.reshape(list(example.shape))
        n_cores = cpu_count()
        settings = {
            "NUM_STREAMS": n_cores,  # one core each, as all threads of this package
            "INFERENCE_NUM_THREADS": n_cores,
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bfloat16" else "f32",
        }
        self._model = openvino.Core().compile_model(model, "CPU", settings)
        self._free: list = []

    def __call__(self, batch: torch.Tensor) -> np.ndarray:
        try:
            request = self._free.pop()
        except IndexError:
            request = self._model.create_infer_request()
        try:
            # A copy, since the result is in the memory of the request.
            return np.array(request.infer([batch.numpy()], share_inputs=True)[0])
        finally:
            self._free.append(request)


def _import_openvino():
    """Import OpenVINO without the part that reports its use to an analytics service."""
    hidden = "openvino_telemetry"
    if "openvino" not in sys.modules and hidden not in sys.modules:
        sys.modules[hidden] = None  # type: ignore[assignment]  # as if it were not installed
        try:
            import openvino
        finally:
            del sys.modules[hidden]
    import openvino

    return openvino


def _warn(reason: str) -> None:
    warnings.warn(f"OpenVINO is not used, since {reason}. torch is used instead.", stacklevel=2)
